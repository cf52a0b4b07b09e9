//! A role on which all sessions are denied: none is begun in vain.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::ConditionType;
use serde_json::{Value, json};

use lab::{
    aws::policy,
    env::{TestEnv, declare::document},
    wait::eventually,
};

fn nothing() -> Value {
    policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}))
}

/// How often the operator asked for a session in the role of `reader`.
fn assumed(env: &TestEnv) -> usize {
    let name = Some(env.iam_name("reader"));
    env.proxy.calls_that(|call| call.action == "AssumeRole" && call.role == name).len()
}

#[tokio::test]
async fn a_role_that_somebody_quarantines_is_not_assumed_until_the_quarantine_is_lifted() -> Result<()> {
    let env = TestEnv::new("quarantined").await?;
    let operator = env.settings.clone().flag("--drift-interval=1s").start().await?;
    env.ready_role("reader").await?;
    let (target, name) = (&env.aws.target, env.iam_name("reader"));
    env.proxy.reset_counts();
    target.put_role_policy(&name, "quarantine", &nothing()).await?;
    eventually("the credentials are said to be revoked", async || {
        let role = env.roles.get("reader").await?;
        let ready = role.condition(ConditionType::CredentialsReady).context("there is no condition")?;
        ensure!(ready.status == "False" && ready.reason == "Revoked", "{ready:?}");
        ensure!(ready.message.contains("denies all sessions"), "{}", ready.message);
        Ok(())
    })
    .await?;
    for _ in 0..3 {
        env.compared_again("reader", 1).await?;
        env.wake(&operator, "reader").await?;
    }
    assert_eq!(assumed(&env), 0, "sessions that can do nothing were begun");
    assert!(target.inline_policies(&name).await?.contains_key("quarantine"));

    target.iam().delete_role_policy().role_name(&name).policy_name("quarantine").send().await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn an_object_that_declares_to_deny_everything_has_credentials_and_is_warned() -> Result<()> {
    let env = TestEnv::new("self-denied").await?;
    let operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.role.inline_policies.insert("nothing".into(), document(&nothing()));
    env.create(&role).await?;
    env.settled("reader").await?;
    for _ in 0..3 {
        env.wake(&operator, "reader").await?;
    }
    let message = env.shows("reader", "True", "Available").await?;
    assert!(message.contains("inlinePolicies.nothing") && message.contains("can do nothing"), "{message}");
    assert_eq!(assumed(&env), 2, "one for the set, and one to prove that the external id is asked for");
    Ok(())
}
