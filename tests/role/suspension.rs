//! `spec.suspend`: what an object does not do meanwhile, and what happens all the same.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, CrossAccountRole, annotation};
use jiff::Timestamp;
use kube::api::{DeleteParams, ObjectMeta, PropagationPolicy};
use serde_json::json;

use lab::{env::TestEnv, wait::eventually};

#[tokio::test]
async fn a_suspended_object_causes_no_call_until_it_goes_on() -> Result<()> {
    let env = TestEnv::new("suspended").await?;
    let _operator = env.start().await?;
    let before = env.ready_role("reader").await?;
    let issued = before.status.clone().and_then(|status| status.credentials).and_then(|set| set.issued_at);
    env.a_second_after(issued.as_ref()).await?;
    env.proxy.reset_counts();
    let now = Timestamp::now().to_string();
    env.patch(
        "reader",
        json!({
            "metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}},
            "spec": {"suspend": true, "role": {"description": "changed while suspended"}},
        }),
    )
    .await?;
    env.shows("reader", "True", "Suspended").await?;
    assert_eq!(env.actions(), Vec::<String>::new());

    env.patch("reader", json!({"spec": {"suspend": false}})).await?;
    env.issued_again("reader", &before).await?;
    let found = env.aws.target.role(&env.iam_name("reader")).await?.context("no role")?;
    assert_eq!(found.description.as_deref(), Some("changed while suspended"));
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_suspended_from_the_start_makes_nothing_and_can_be_deleted() -> Result<()> {
    let env = TestEnv::new("dormant").await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.suspend = true;
    env.create(&role).await?;
    env.shows("reader", "False", "Suspended").await?;
    assert!(env.aws.target.role(&env.iam_name("reader")).await?.is_none());
    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(env.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn suspension_does_not_keep_access_that_is_no_longer_allowed() -> Result<()> {
    let env = TestEnv::new("sheltered").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    env.shows("reader", "True", "Suspended").await?;
    env.patch_account(json!({"allowedNamespaces": {"names": []}})).await?;
    env.shows("reader", "False", "NotAllowed").await?;
    assert!(env.secrets.get_opt("reader").await?.is_none());
    Ok(())
}

/// The object as a backup has it: without status and with another UID. Its Secret stays behind without an owner.
pub async fn restored(env: &TestEnv, name: &str) -> Result<CrossAccountRole> {
    let mut backup = env.roles.get(name).await?;
    env.patch(name, json!({"metadata": {"finalizers": null}})).await?;
    let orphan = DeleteParams { propagation_policy: Some(PropagationPolicy::Orphan), ..DeleteParams::default() };
    env.roles.delete(name, &orphan).await?;
    env.gone(name).await?;
    backup.status = None;
    let before = std::mem::take(&mut backup.metadata);
    backup.metadata = ObjectMeta { name: before.name, finalizers: before.finalizers, ..ObjectMeta::default() };
    Ok(backup)
}

#[tokio::test]
async fn the_role_of_an_object_that_was_restored_from_a_backup_stays_open_while_the_object_is_suspended() -> Result<()>
{
    let env = TestEnv::new("restored").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    operator.stop().await?;
    let mut backup = restored(&env, "reader").await?;
    backup.spec.suspend = true;
    env.create(&backup).await?;

    // The role trusts the operator with the external id of the object before. That is nobody's access but the operator's.
    let _operator = env.start().await?;
    let reason = eventually("the object was looked at", async || {
        let role = env.roles.get("reader").await?;
        let ready = role.condition(ConditionType::Ready).context("it has no condition Ready")?;
        ensure!(ready.reason != "Progressing", "{ready:?}");
        Ok(ready.reason.clone())
    })
    .await?;
    assert_eq!(reason, "Suspended", "{}", env.told("reader").await?);
    let policies = env.aws.target.inline_policies(&env.iam_name("reader")).await?;
    assert!(!policies.contains_key("crossaccount-deny"), "{policies:?}");
    assert!(env.secrets.get_opt("reader").await?.is_some());
    Ok(())
}
