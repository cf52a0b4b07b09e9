//! `--nudge-pods`: pods that mount the Secret are annotated after each renewal, so that their kubelets read it at once.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, annotation};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::workloads::{issued_at, ready_role, reconciled, renew, run_pod, says};
use lab::{env::TestEnv, kube_proxy::Verb, wait::eventually};

/// An environment whose operator annotates pods, as far as it may.
async fn nudging(name: &str) -> Result<TestEnv> {
    let mut env = TestEnv::new(name).await?;
    env.settings = env.settings.clone().flag("--nudge-pods=true");
    Ok(env)
}

/// What a pod is annotated with.
async fn annotated(env: &TestEnv, name: &str) -> Result<Option<String>> {
    let pods: Api<Pod> = Api::namespaced(env.kube.clone(), &env.namespace);
    Ok(pods.get(name).await?.metadata.annotations.and_then(|mut all| all.remove(annotation::CREDENTIALS_ISSUED_AT)))
}

/// Waits until a pod is annotated with the time of the set in a status.
async fn is_annotated_for(env: &TestEnv, pod: &str, issued: Option<String>) -> Result<()> {
    ensure!(issued.is_some(), "status has no set");
    eventually("the pod is annotated for the set", async || {
        let found = annotated(env, pod).await?;
        ensure!(found == issued, "it has {found:?} instead of {issued:?}");
        Ok(())
    })
    .await
}

/// A container that mounts the Secret, as a whole or a part of it.
fn mount(part: Option<&str>) -> Value {
    json!({"volumeMounts": [{"name": "aws", "mountPath": "/aws", "subPath": part}]})
}

#[tokio::test]
async fn pods_that_mount_the_secret_are_annotated_once_for_each_later_set_and_no_others() -> Result<()> {
    let env = nudging("nudged").await?;
    env.allow_pod_patches().await?;
    let key = json!({"name": "reader", "key": "AWS_ACCESS_KEY_ID"});
    run_pod(&env, "by-volume", mount(None)).await?;
    run_pod(&env, "by-sub-path", mount(Some("credentials"))).await?;
    run_pod(&env, "by-env", json!({"env": [{"name": "X", "valueFrom": {"secretKeyRef": key}}]})).await?;
    run_pod(&env, "not-running", mount(None)).await?;
    let pods: Api<Pod> = Api::namespaced(env.kube.clone(), &env.namespace);
    let pending = Patch::Merge(json!({"status": {"phase": "Pending"}}));
    pods.patch_status("not-running", &PatchParams::default(), &pending).await?;
    let others = ["by-sub-path", "by-env", "not-running"];
    let counts = || (env.kube_proxy.count(Verb::List, "pods"), env.kube_proxy.count(Verb::Patch, "pods"));

    let operator = env.start().await?;
    let first = ready_role(&env, "reader", Vec::new()).await?;
    reconciled(&env, &operator, "reader").await?;
    assert_eq!((annotated(&env, "by-volume").await?, counts()), (None, (0, 0)), "after the first set");

    let second = renew(&env, &first).await?;
    is_annotated_for(&env, "by-volume", issued_at(&second)).await?;
    assert_eq!(counts(), (1, 1), "lists and patches after one renewal");
    reconciled(&env, &operator, "reader").await?;

    env.a_second_after(Some(&k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(Timestamp::now()))).await?;
    let now = Timestamp::now().to_string();
    env.patch("reader", json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: now}}})).await?;
    let third = env.issued_again("reader", &second).await?;
    is_annotated_for(&env, "by-volume", issued_at(&third)).await?;
    reconciled(&env, &operator, "reader").await?;
    for pod in others {
        assert_eq!(annotated(&env, pod).await?, None, "{pod}");
    }
    assert_eq!(counts().1, 2, "patches after two later sets");
    Ok(())
}

#[tokio::test]
async fn no_pod_is_written_to_unless_that_is_asked_for() -> Result<()> {
    let env = TestEnv::new("unasked").await?;
    env.allow_pod_patches().await?;
    run_pod(&env, "by-volume", mount(None)).await?;
    let operator = env.start().await?;
    let first = ready_role(&env, "reader", Vec::new()).await?;
    renew(&env, &first).await?;
    eventually("the pods were listed", async || {
        ensure!(env.kube_proxy.count(Verb::List, "pods") == 1, "not yet");
        Ok(())
    })
    .await?;
    reconciled(&env, &operator, "reader").await?;
    assert_eq!(env.kube_proxy.count(Verb::Patch, "pods"), 0);
    assert_eq!(annotated(&env, "by-volume").await?, None);
    Ok(())
}

#[tokio::test]
async fn an_annotation_that_is_refused_is_logged_once_and_fails_nothing() -> Result<()> {
    let env = nudging("refused").await?;
    run_pod(&env, "one", mount(None)).await?;
    run_pod(&env, "two", mount(None)).await?;
    let operator = env.start().await?;
    let first = ready_role(&env, "reader", Vec::new()).await?;
    let second = renew(&env, &first).await?;
    let refusals = || {
        let log = operator.log().read();
        log.lines().filter(|line| line.contains("pods were not annotated")).map(str::to_owned).collect::<Vec<_>>()
    };
    eventually("the log says what was refused", async || {
        let said = refusals().pop().context("nothing")?;
        ensure!(said.contains("cannot patch resource") && said.contains("\"failed\":2"), "{said}");
        Ok(())
    })
    .await?;
    let message = says(&env, "reader", ConditionType::ConsumersStale, "False", "Available").await?;
    assert!(message.contains("No running container"), "{message}");
    says(&env, "reader", ConditionType::Ready, "True", "Available").await?;
    reconciled(&env, &operator, "reader").await?;
    assert_eq!((env.kube_proxy.count(Verb::Patch, "pods"), refusals().len()), (2, 1));

    env.allow_pod_patches().await?;
    let third = renew(&env, &second).await?;
    is_annotated_for(&env, "one", issued_at(&third)).await?;
    is_annotated_for(&env, "two", issued_at(&third)).await
}
