//! A role that is somebody else's is not assumed, whatever the object has of it from before.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, Lifecycle};
use serde_json::json;

use lab::{
    aws::policy,
    env::{TestEnv, declare::document},
    wait::eventually,
};

/// Makes a role by hand that lets the operator in by the external id of an object.
async fn made_by_hand(env: &TestEnv, name: &str) -> Result<()> {
    let external_id = eventually("status tells the external id", async || {
        let status = env.roles.get(name).await?.status.unwrap_or_default();
        status.external_id.context("there is none")
    })
    .await?;
    let trust = policy(&json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": env.aws.operator.arn},
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }));
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let made = env.aws.target.create_role(&env.iam_name(name), &trust, &list).await?;
    env.aws.also_assume("by-hand", &[made]).await
}

/// Waits until `RoleReady` is False with this reason for the present generation.
async fn role_is_refused(env: &TestEnv, name: &str, reason: &str) -> Result<()> {
    eventually(&format!("the role is refused as {reason}"), async || {
        let role = env.roles.get(name).await?;
        let ready = role.condition(ConditionType::RoleReady).context("there is no condition RoleReady")?;
        ensure!(ready.status == "False" && ready.reason == reason, "{ready:?}");
        ensure!(ready.observed_generation == role.metadata.generation, "it is of another generation");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_role_that_was_observed_and_is_then_declared_created_is_not_assumed_any_more() -> Result<()> {
    let env = TestEnv::new("not-owned").await?;
    env.patch_account(json!({"guardrails": {"lifecycles": ["Create", "Observe"]}})).await?;
    let operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.role.lifecycle = Lifecycle::Observe;
    env.create(&role).await?;
    env.shows("reader", "False", "RoleNotFound").await?;
    made_by_hand(&env, "reader").await?;
    env.patch("reader", json!({"metadata": {"annotations": {"test/made": "1"}}})).await?;
    env.shows("reader", "True", "Observed").await?;

    env.patch("reader", json!({"spec": {"role": {"lifecycle": "Create"}}})).await?;
    role_is_refused(&env, "reader", "RoleNotOwned").await?;
    let (data, _) = env.secret("reader").await?;
    env.proxy.reset_counts();
    // Each of these would have credentials issued again.
    let read = policy(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
    env.patch("reader", json!({"spec": {"session": {"policy": document(&read)}}})).await?;
    role_is_refused(&env, "reader", "RoleNotOwned").await?;
    env.patch("reader", json!({"spec": {"session": {"durationSeconds": 1800}}})).await?;
    role_is_refused(&env, "reader", "RoleNotOwned").await?;
    env.wake(&operator, "reader").await?;
    let name = Some(env.iam_name("reader"));
    let assumed = env.proxy.calls_that(|call| call.action == "AssumeRole" && call.role == name);
    assert!(assumed.is_empty(), "somebody else's role was assumed: {assumed:?}");
    assert_eq!(env.secret("reader").await?.0, data);
    Ok(())
}
