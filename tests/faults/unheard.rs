//! Changes that no event tells of: each is found at the next look for drift.

use anyhow::{Result, ensure};
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use lab::{
    aws::policy,
    env::{TestEnv, declare::document},
    wait::eventually,
};

const OBJECT: &str = "reader";

/// An environment whose operator looks for drift each second.
async fn looking(name: &str) -> Result<TestEnv> {
    let mut env = TestEnv::new(name).await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    Ok(env)
}

#[tokio::test]
async fn a_deleted_secret_that_no_event_tells_of_is_written_again() -> Result<()> {
    let env = looking("unheard-secret").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let dropped = env.kube_proxy.on_event("secrets").kind("DELETED").name(OBJECT).drop_event();
    env.secrets.delete(OBJECT, &DeleteParams::default()).await?;
    eventually("the Secret is back", async || env.copied(OBJECT).await).await?;
    ensure!(dropped.hits() == 1, "the event was delivered");
    Ok(())
}

#[tokio::test]
async fn an_edit_that_no_event_tells_of_is_made_true() -> Result<()> {
    let env = looking("unheard-edit").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let dropped = env.kube_proxy.on_event("crossaccountroles").kind("MODIFIED").name(OBJECT).times(1).drop_event();
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let edit = json!({"read-reports": null, "list": document(&list)});
    env.patch(OBJECT, json!({"spec": {"role": {"inlinePolicies": edit}}})).await?;
    env.settled(OBJECT).await?;
    ensure!(dropped.hits() == 1, "the event was delivered");
    let (_, inline) = env.standing(OBJECT).await?;
    ensure!(inline.keys().eq(["list"]), "{inline:?}");
    Ok(())
}

#[tokio::test]
async fn an_edit_and_its_reversal_that_no_event_tells_of_are_reported_and_change_nothing() -> Result<()> {
    let env = looking("unheard-back").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let standing = env.standing(OBJECT).await?;
    let dropped = env.kube_proxy.on_event("crossaccountroles").kind("MODIFIED").name(OBJECT).times(2).drop_event();
    for description in [json!("edited"), json!(null)] {
        env.patch(OBJECT, json!({"spec": {"role": {"description": description}}})).await?;
    }
    env.settled(OBJECT).await?;
    ensure!(dropped.hits() == 2, "an event was delivered");
    ensure!(env.standing(OBJECT).await? == standing, "the role was changed");
    Ok(())
}

#[tokio::test]
async fn an_object_that_was_made_again_unheard_keeps_what_the_other_replica_made_for_it() -> Result<()> {
    let env = looking("unheard-again").await?;
    let deaf = env.start().await?;
    env.ready_role(OBJECT).await?;
    let (_way, informed) = env.undisturbed().await?;
    let other = informed.start().await?;
    let dropped = env.kube_proxy.on_event("crossaccountroles").name(OBJECT).drop_event();
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await?;
    env.roles.create(&PostParams::default(), &env.role(OBJECT)).await?;
    let again = env.settled(OBJECT).await?;
    other.stop().await?;
    let (standing, set) = (env.standing(OBJECT).await?, env.secret(OBJECT).await?);

    let before = deaf.all_reconciles().await?;
    deaf.reconciled_after(before + 4).await?;
    ensure!(env.standing(OBJECT).await? == standing, "the role of the earlier object is back");
    ensure!(env.secret(OBJECT).await? == set, "the Secret was changed");

    dropped.release();
    env.wake(&deaf, OBJECT).await?;
    env.compared_again(OBJECT, 2).await?;
    let heard = env.settled(OBJECT).await?;
    ensure!(heard.status.and_then(|status| status.external_id) == again.status.and_then(|status| status.external_id));
    ensure!(env.standing(OBJECT).await? == standing, "the role was changed after the event was heard");
    Ok(())
}
