//! A cluster that refuses to take the Secret: the object says so in the API server's words, what was fetched from AWS is kept
//! and not fetched again, and the operator goes on by itself once the cause is gone.

use anyhow::{Result, ensure};
use k8s_openapi::api::{admissionregistration::v1::ValidatingWebhookConfiguration, core::v1::Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, PostParams},
};
use serde_json::json;

use super::{api_server::sessions, befell};
use crate::{
    credentials::times::{due, good_all_the_while, renewed},
    revocation::cluster_refusals::{Ban, KEPT},
};
use lab::{env::TestEnv, kube_proxy::Verb, wait::eventually};

const OBJECT: &str = "reader";
const ALL: [Verb; 6] = [Verb::Get, Verb::Create, Verb::Update, Verb::Apply, Verb::Patch, Verb::Delete];

/// Creates an object whose Secret is refused with these words, ends the refusal, and waits until the object is Ready by itself.
async fn first_set_waits(env: &TestEnv, words: &str, end: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    let operator = env.start().await?;
    env.create(&env.role(OBJECT)).await?;
    let refused = eventually("the status shows the refusal", async || {
        let told = env.told(OBJECT).await?;
        ensure!(told.contains(words), "{told}");
        Ok(())
    })
    .await;
    let before = operator.all_reconciles().await?;
    let tried = operator.reconciled_after(before + 2).await;
    end().await?;
    refused.and(tried)?;
    env.settled(OBJECT).await?;
    ensure!(sessions(env) == 1, "{} sessions for one set", sessions(env));
    Ok(())
}

#[tokio::test]
async fn a_first_set_waits_for_an_admission_policy_that_refuses_the_secret() -> Result<()> {
    let env = TestEnv::new("no-create").await?;
    let ban = Ban::no_secret_is_created(&env).await?;
    first_set_waits(&env, KEPT, async || ban.remove().await).await
}

#[tokio::test]
async fn a_first_set_waits_for_a_webhook_that_is_down() -> Result<()> {
    let env = TestEnv::new("webhook-down").await?;
    let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(env.kube.clone());
    let webhook = json!({
        "metadata": {"name": env.namespace},
        "webhooks": [{
            "name": "secrets.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "failurePolicy": "Fail", "timeoutSeconds": 1, "clientConfig": {"url": "https://127.0.0.1:1/"},
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": env.namespace}},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["secrets"]}],
        }],
    });
    webhooks.create(&PostParams::default(), &serde_json::from_value(webhook)?).await?;
    let metadata = ObjectMeta { name: Some("probe".into()), ..ObjectMeta::default() };
    let probe = Secret { metadata, ..Secret::default() };
    let try_it = PostParams { dry_run: true, ..PostParams::default() };
    eventually("the webhook is asked", async || {
        let answer = env.secrets.create(&try_it, &probe).await.err();
        ensure!(answer.is_some_and(|error| error.to_string().contains("failed calling webhook")), "not yet");
        Ok(())
    })
    .await?;
    first_set_waits(&env, "failed calling webhook", async || {
        webhooks.delete(&env.namespace, &DeleteParams::default()).await?;
        Ok(())
    })
    .await
}

/// What kube-apiserver answers while its key management service does not.
const KMS: &str =
    "Internal error occurred: failed to encrypt data: rpc error: code = Unavailable desc = connection error";

#[tokio::test]
async fn a_first_set_waits_for_encryption_at_rest() -> Result<()> {
    let env = TestEnv::new("no-kms").await?;
    let down = env.kube_proxy.on(ALL, "secrets").error(500, "InternalError", KMS);
    first_set_waits(&env, KMS, async || {
        down.release();
        Ok(())
    })
    .await
}

/// Has the set of a Ready object due while its Secret is refused with these words.
async fn renewal_waits(env: &TestEnv, words: &str, end: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    env.proxy.reset_counts();
    due(env, OBJECT).await?;
    good_all_the_while(env, OBJECT, async {
        let refused = eventually("the status shows the refusal", async || {
            let message = env.shows(OBJECT, "True", "Degraded").await?;
            ensure!(message.contains(words), "{message}");
            Ok(())
        })
        .await;
        end().await?;
        refused?;
        renewed(env, OBJECT).await
    })
    .await?;
    ensure!(sessions(env) == 1, "{} sessions for one renewal", sessions(env));
    Ok(())
}

#[tokio::test]
async fn a_renewal_waits_for_encryption_at_rest_that_can_neither_read_nor_write() -> Result<()> {
    let env = TestEnv::new("no-kms-renewal").await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    env.wake(&operator, OBJECT).await?;
    let down = env.kube_proxy.on(ALL, "secrets").error(500, "InternalError", KMS);
    renewal_waits(&env, KMS, async || {
        befell(&down, 2).await?;
        down.release();
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_renewal_waits_for_an_admission_policy_that_refuses_the_secret() -> Result<()> {
    let env = TestEnv::new("no-update").await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    env.wake(&operator, OBJECT).await?;
    let refused = env.kube_proxy.on([Verb::Apply], "secrets").error(422, "Invalid", KEPT);
    renewal_waits(&env, KEPT, async || {
        befell(&refused, 2).await?;
        refused.release();
        Ok(())
    })
    .await
}
