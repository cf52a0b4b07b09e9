//! What is told, and done, of the credentials of a suspended object.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, CrossAccountRole, annotation};
use jiff::{SignedDuration, Timestamp};
use kube::api::DeleteParams;
use serde_json::json;

use lab::{env::TestEnv, tester::Tester, wait::eventually};

/// An annotation this far ahead counts as now.
const AHEAD: SignedDuration = SignedDuration::from_mins(5);

async fn suspended(env: &TestEnv, role: &CrossAccountRole) -> Result<()> {
    env.create(role).await?;
    env.settled("reader").await?;
    env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    env.shows("reader", "True", "Suspended").await?;
    Ok(())
}

async fn revoke(env: &TestEnv, at: Timestamp) -> Result<()> {
    env.patch("reader", json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: at}}})).await
}

/// Waits until the credentials are said to be revoked, and status tells which sessions are denied.
async fn is_told_to_be_revoked(env: &TestEnv) -> Result<()> {
    eventually("the credentials are said to be revoked", async || {
        let role = env.roles.get("reader").await?;
        let ready = role.condition(ConditionType::CredentialsReady).context("there is no condition")?;
        ensure!(ready.status == "False" && ready.reason == "Revoked", "{ready:?}");
        let denied_before = role.status.as_ref().and_then(|status| status.role.as_ref()?.denied_before.clone());
        ensure!(denied_before.is_some(), "status names no moment before which sessions are denied");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_suspended_object_whose_secret_is_deleted_is_not_called_ready() -> Result<()> {
    let env = TestEnv::new("dormant-secret").await?;
    let _operator = env.start().await?;
    suspended(&env, &env.role("reader")).await?;
    env.secrets.delete("reader", &DeleteParams::default()).await?;
    eventually("status tells of no credentials", async || {
        let role = env.roles.get("reader").await?;
        let ready = role.condition(ConditionType::Ready).context("there is no condition Ready")?;
        ensure!(ready.status == "False", "{ready:?}");
        let set = role.status.as_ref().and_then(|status| status.credentials.as_ref());
        ensure!(set.is_none(), "{set:?}");
        Ok(())
    })
    .await?;
    assert!(env.secrets.get_opt("reader").await?.is_none(), "a suspended object got credentials");
    Ok(())
}

#[tokio::test]
async fn the_credentials_of_a_suspended_object_are_told_to_be_revoked_once_they_are() -> Result<()> {
    let env = TestEnv::new("dormant-told").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    suspended(&env, &tester.role("reader")).await?;
    let copy = env.copied("reader").await?;
    revoke(&env, Timestamp::now()).await?;
    tester.is_denied("the set of a suspended object", &copy).await?;
    is_told_to_be_revoked(&env).await
}

#[tokio::test]
async fn a_revocation_of_a_suspended_object_that_is_asked_for_later_is_met_in_its_time_by_itself() -> Result<()> {
    let env = TestEnv::new("dormant-later").await?;
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    suspended(&env, &tester.role("reader")).await?;
    let copy = env.copied("reader").await?;
    let before = operator.all_reconciles().await?;
    let due = Timestamp::now() + SignedDuration::from_secs(10);
    revoke(&env, due + AHEAD).await?;
    operator.reconciled_after(before).await?;
    let works = tester.works(&copy).await?;
    ensure!(works || Timestamp::now() >= due, "it was met before its time");

    tester.is_denied("the set of a suspended object", &copy).await?;
    is_told_to_be_revoked(&env).await
}
