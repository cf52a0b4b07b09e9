//! A manager role that was deleted and made anew: a session in it is dead, and no wall.

use std::borrow::Cow;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_iam::Client;
use crossaccount::api::ConditionType;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use lab::{aws_proxy::RecordedCall, emulator::aws_config, env::TestEnv, tester::Tester, wait::eventually};

/// The manager role of the target account.
const MANAGER: &str = "crossaccount-manager";

/// Deletes the manager role and makes it anew as it was, as Terraform does on a change of its path: all its sessions end.
async fn remake_the_manager(env: &TestEnv) -> Result<()> {
    // AWS itself must see the role go, and here the proxy is part of AWS.
    let proxy = env.proxy.beside()?;
    let iam = Client::new(&aws_config(&proxy.endpoint(), env.aws.target.administrator().clone()));
    let before = iam.get_role().role_name(MANAGER).send().await?.role.context("no manager")?;
    let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8().map(Cow::into_owned);
    let trust = decoded(before.assume_role_policy_document().context("no trust policy")?)?;
    let read = iam.get_role_policy().role_name(MANAGER).policy_name("lab").send().await?;
    iam.delete_role_policy().role_name(MANAGER).policy_name("lab").send().await?;
    iam.delete_role().role_name(MANAGER).send().await?;
    iam.create_role().role_name(MANAGER).assume_role_policy_document(trust).send().await?;
    let put = iam.put_role_policy().role_name(MANAGER).policy_name("lab");
    put.policy_document(decoded(&read.policy_document)?).send().await?;
    Ok(())
}

#[tokio::test]
async fn a_withdrawal_enters_again_where_the_managers_session_is_dead() -> Result<()> {
    let env = TestEnv::new("remade").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    let deployer = tester.trusted_user("reader").await?;
    let session = tester.session_of(&deployer, "reader").await?;
    remake_the_manager(&env).await?;
    env.allow_nobody().await?;
    tester.is_denied("an earlier session", &session).await?;
    env.is_closed("reader").await
}

#[tokio::test]
async fn a_role_with_a_bad_declaration_is_judged_although_the_managers_session_is_dead() -> Result<()> {
    let env = TestEnv::new("judged").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let copy = env.copied("reader").await?;
    env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"read-reports": {"Statement": null}}}}})).await?;
    env.shows("reader", "True", "Degraded").await?;
    remake_the_manager(&env).await?;
    env.patch_account(json!({"guardrails": {"actions": ["ec2:*"]}})).await?;
    tester.is_denied("an earlier session", &copy).await?;
    env.is_closed("reader").await
}

#[tokio::test]
async fn the_check_of_an_account_enters_again_where_the_managers_session_is_dead() -> Result<()> {
    let env = TestEnv::new("entered").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    remake_the_manager(&env).await?;
    env.patch_account(json!({"guardrails": {"maxSessionDurationSeconds": 7200}})).await?;
    eventually("the account is Ready as it is now", async || {
        let account = env.accounts.get(&env.namespace).await?;
        let status = account.status.unwrap_or_default();
        let ready = status.conditions.into_iter().find(|c| c.type_ == "Ready").context("no condition")?;
        ensure!(ready.status == "True" && status.observed_generation == account.metadata.generation, "{ready:?}");
        Ok(())
    })
    .await?;
    env.patch("reader", json!({"spec": {"role": {"description": "after that"}}})).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_manager_role_that_was_created_again_is_assumed_again_and_the_account_stays_ready() -> Result<()> {
    let env = TestEnv::new("manager-anew").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    remake_the_manager(&env).await?;

    // An edit has the account checked at once, with the session of the role that is gone.
    let patch = Patch::Merge(json!({"spec": {"guardrails": {"maxSessionDurationSeconds": 43_200}}}));
    let edited = env.accounts.patch(&env.namespace, &PatchParams::default(), &patch).await?;
    let checked = eventually("the account is checked", async || {
        let status = env.accounts.get(&env.namespace).await?.status.unwrap_or_default();
        ensure!(status.observed_generation == edited.metadata.generation, "{:?}", status.observed_generation);
        Ok(status)
    })
    .await?;
    let ready = checked.conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
    let ready = ready.context("there is no condition Ready")?;
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "Available"), "{}", ready.message);
    let entered = |call: &&RecordedCall| call.action == "AssumeRole" && call.role.as_deref() == Some(MANAGER);
    assert_eq!(env.proxy.calls().iter().filter(entered).count(), 2);
    Ok(())
}
