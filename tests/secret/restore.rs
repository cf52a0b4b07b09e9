//! A Secret that lost its owner, as one that is restored from a backup.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{core::v1::Secret, events::v1::Event};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::role::suspension::restored;
use lab::{env::TestEnv, wait::eventually};

/// Takes the owner off the Secret of `reader`, with another edit, and the status off the object, as a restore does.
async fn forget_the_owner(env: &TestEnv, mut edit: Value) -> Result<Secret> {
    edit["metadata"] = json!({"ownerReferences": null});
    let secret = env.secrets.patch("reader", &PatchParams::default(), &Patch::Merge(edit)).await?;
    let status = Patch::Merge(json!({"status": null}));
    env.roles.patch_status("reader", &PatchParams::default(), &status).await?;
    Ok(secret)
}

/// Waits until the object is Ready and its controller owns the Secret, and fails if the Secret was ever refused.
async fn is_taken_back(env: &TestEnv) -> Result<()> {
    let role = env.settled("reader").await?;
    eventually("the object owns its Secret", async || {
        let owners = env.secrets.get("reader").await?.metadata.owner_references.unwrap_or_default();
        let uids: Vec<String> = owners.into_iter().map(|owner| owner.uid).collect();
        ensure!(uids == role.metadata.uid.iter().cloned().collect::<Vec<_>>(), "its owners are {uids:?}");
        Ok(())
    })
    .await?;
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    let reasons = events.list(&ListParams::default()).await?.into_iter().filter_map(|event| event.reason);
    let reasons: Vec<String> = reasons.collect();
    ensure!(!reasons.iter().any(|reason| reason == "SecretNotOwned"), "the Events are {reasons:?}");
    Ok(())
}

#[tokio::test]
async fn a_secret_without_an_owner_that_is_as_the_operator_wrote_it_is_taken_back() -> Result<()> {
    let env = TestEnv::new("orphaned").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let (data, _) = env.secret("reader").await?;
    operator.stop().await?;
    forget_the_owner(&env, json!({})).await?;

    let _operator = env.start().await?;
    is_taken_back(&env).await?;
    assert_eq!(env.secret("reader").await?.0, data, "the set is still good");
    Ok(())
}

#[tokio::test]
async fn an_object_that_was_restored_from_a_backup_takes_its_secret_back() -> Result<()> {
    let env = TestEnv::new("brought-back").await?;
    let operator = env.start().await?;
    let before = env.ready_role("reader").await?;
    operator.stop().await?;
    let backup = restored(&env, "reader").await?;
    eventually("the Secret has no owner", async || {
        let secret = env.secrets.get_opt("reader").await?.context("the Secret went with the object")?;
        let owners = secret.metadata.owner_references.unwrap_or_default();
        ensure!(owners.is_empty(), "{owners:?}");
        Ok(())
    })
    .await?;
    let after = env.create(&backup).await?;
    ensure!(after.metadata.uid != before.metadata.uid, "it is the same object");

    let _operator = env.start().await?;
    is_taken_back(&env).await
}

#[tokio::test]
async fn a_secret_without_an_owner_that_somebody_edited_is_refused_and_left_untouched() -> Result<()> {
    let env = TestEnv::new("orphan-edited").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    operator.stop().await?;
    let edit = json!({"stringData": {"credentials": "[default]", "credentials.json": "{}"}});
    let edited = forget_the_owner(&env, edit).await?;

    let _operator = env.start().await?;
    env.shows("reader", "False", "SecretNotOwned").await?;
    assert_eq!(env.secrets.get("reader").await?, edited);
    Ok(())
}
