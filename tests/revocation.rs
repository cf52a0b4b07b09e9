//! Access that ends: with the permission for it, and what can delay that.

mod closing;
pub mod cluster_refusals;
mod denials;
mod quarantine;
mod request_times;
mod requests;
mod status;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use lab::{aws::policy, env::TestEnv, wait::eventually};

async fn allow(env: &TestEnv, namespaces: Value) -> Result<()> {
    env.patch_account(json!({"allowedNamespaces": {"names": namespaces}})).await
}

/// Waits until the sessions of a role are denied and its Secret is gone.
pub async fn denied(env: &TestEnv, name: &str) -> Result<()> {
    eventually("older sessions are denied", async || {
        let inline = env.aws.target.inline_policies(&env.iam_name(name)).await?;
        ensure!(inline.contains_key("crossaccount-deny"), "{inline:?}");
        ensure!(env.secrets.get_opt(name).await?.is_none(), "the Secret is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn copied_credentials_end_with_the_permission_and_those_of_a_new_one_work_at_once() -> Result<()> {
    let env = TestEnv::new("copied").await?;
    let target = &env.aws.target;
    let errand = env.errand().await?;
    let _operator = env.start().await?;
    env.create(&env.on_errand("reader", &errand)).await?;
    env.settled("reader").await?;
    let copy = env.copied("reader").await?;
    target.assume(&copy, &errand, None).await?;

    allow(&env, json!([])).await?;
    denied(&env, "reader").await?;
    let refused = target.assume(&copy, &errand, None).await.err().context("the copy still works")?;
    assert!(format!("{refused:?}").contains("AccessDenied"), "{refused:?}");

    // At once, so within the second of the denial: what is published must work all the same.
    allow(&env, json!([env.namespace])).await?;
    env.settled("reader").await?;
    target.assume(&env.copied("reader").await?, &errand, None).await?;
    assert!(target.assume(&copy, &errand, None).await.is_err(), "the copy works again");
    Ok(())
}

#[tokio::test]
async fn a_denial_that_failed_in_aws_is_tried_again_until_it_stands() -> Result<()> {
    let env = TestEnv::new("unfinished").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let outage =
        env.proxy.on("PutRolePolicy").role(&env.iam_name("reader")).error(503, "ServiceUnavailable", "try later");
    allow(&env, json!([])).await?;
    // Three attempts each; the deletion of the Secret wakes the second try by itself.
    eventually("the second try has failed as well", async || {
        ensure!(outage.hits() >= 6, "{} attempts", outage.hits());
        Ok(())
    })
    .await?;
    outage.release();
    denied(&env, "reader").await
}

#[tokio::test]
async fn a_bad_policy_does_not_keep_a_failed_renewal_from_being_tried_again() -> Result<()> {
    let env = TestEnv::new("both").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (data, _) = env.secret("reader").await?;
    let outage =
        env.proxy.on("AssumeRole").role(&env.iam_name("reader")).times(3).error(503, "ServiceUnavailable", "later");
    let now = jiff::Timestamp::now().to_string();
    env.patch(
        "reader",
        json!({
            "metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}},
            "spec": {"role": {"inlinePolicies": {"bad": {"Version": "2012-10-17"}}}},
        }),
    )
    .await?;
    eventually("the credentials are renewed", async || {
        ensure!(env.secret("reader").await?.0 != data, "they are the earlier ones, {} failures", outage.hits());
        Ok(())
    })
    .await?;
    assert_eq!(outage.hits(), 3);
    Ok(())
}

#[tokio::test]
async fn what_was_withdrawn_while_the_operator_was_down_is_cut_off_when_it_comes_back() -> Result<()> {
    let env = TestEnv::new("missed").await?;
    let selector = json!({"selector": {"matchLabels": {"aws": "yes"}}, "names": null});
    let namespaces: Api<Namespace> = Api::all(env.kube.clone());
    let label = async |value: Value| -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"aws": value}}}));
        namespaces.patch(&env.namespace, &PatchParams::default(), &patch).await?;
        Ok(())
    };
    label(json!("yes")).await?;
    env.patch_account(json!({ "allowedNamespaces": selector })).await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    operator.kill().await?;
    label(Value::Null).await?;
    let operator = env.start().await?;
    denied(&env, "reader").await?;

    // And while it runs, by the event.
    label(json!("yes")).await?;
    env.settled("reader").await?;
    label(json!("no")).await?;
    env.shows("reader", "False", "NotAllowed").await?;
    denied(&env, "reader").await?;
    drop(operator);
    Ok(())
}

#[tokio::test]
async fn what_no_event_tells_of_is_cut_off_at_the_next_look_for_drift() -> Result<()> {
    let env = TestEnv::new("unheard").await?;
    let selector = json!({"selector": {"matchLabels": {"aws": "yes"}}, "names": null});
    env.patch_account(json!({ "allowedNamespaces": selector })).await?;
    let namespaces: Api<Namespace> = Api::all(env.kube.clone());
    let label = async |value: Value| -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"aws": value}}}));
        namespaces.patch(&env.namespace, &PatchParams::default(), &patch).await?;
        Ok(())
    };
    label(json!("yes")).await?;
    let deaf = env.kubeconfig_without_events_of(&["namespaces"]).await?;
    let settings = env.settings.clone().env("KUBECONFIG", deaf.to_string_lossy()).flag("--drift-interval=2s");
    let _operator = settings.start().await?;
    env.ready_role("reader").await?;
    label(Value::Null).await?;
    env.shows("reader", "False", "NotAllowed").await?;
    denied(&env, "reader").await
}

#[tokio::test]
async fn withdrawn_permission_takes_the_access_away_and_a_new_one_brings_it_back() -> Result<()> {
    let env = TestEnv::new("withdrawn").await?;
    let _operator = env.start().await?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let other = env.aws.source.create_user("other", &nothing).await?.arn;
    env.patch_account(json!({"guardrails": {"principals": [other]}})).await?;
    env.ready_role("reader").await?;
    env.patch("reader", json!({"spec": {"trust": {"principals": [other]}}})).await?;
    env.settled("reader").await?;
    let trusted = async || {
        let role = env.aws.target.role(&env.iam_name("reader")).await?.context("there is no such role")?;
        anyhow::Ok(role.trust.to_string().contains(&other))
    };
    assert!(trusted().await?, "the declared principal is trusted");

    // A field that is refused must not keep what is withdrawn.
    env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    env.patch_account(json!({"allowedNamespaces": {"names": []}})).await?;
    env.shows("reader", "False", "NotAllowed").await?;
    assert!(env.secrets.get_opt("reader").await?.is_none());
    let inline = env.aws.target.inline_policies(&env.iam_name("reader")).await?;
    let denial = &inline["crossaccount-deny"]["Statement"][0];
    assert_eq!(denial["Effect"], "Deny");
    assert!(denial["Condition"].is_null(), "also what is issued later is denied: {denial}");
    assert!(!trusted().await?, "only the operator is trusted");

    env.patch("reader", json!({"spec": {"suspend": false}})).await?;
    env.patch_account(json!({"allowedNamespaces": {"names": [env.namespace]}})).await?;
    env.settled("reader").await?;
    assert!(env.secrets.get_opt("reader").await?.is_some());
    Ok(())
}
