//! The Secret under another name: what an object had before is not forgotten.

use anyhow::{Result, ensure};
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, PostParams},
};
use serde_json::json;

use lab::{env::TestEnv, wait::eventually};

async fn has_only(env: &TestEnv, name: &str) -> Result<()> {
    env.settled("reader").await?;
    eventually("the earlier Secret is gone", async || {
        ensure!(env.secrets.get_opt("reader").await?.is_none(), "Secret reader is there");
        Ok(())
    })
    .await?;
    assert!(env.secrets.get_opt(name).await?.is_some());
    Ok(())
}

async fn make_foreign_secret(env: &TestEnv) -> Result<()> {
    let metadata = ObjectMeta { name: Some("foreign".into()), ..ObjectMeta::default() };
    env.secrets.create(&PostParams::default(), &Secret { metadata, ..Secret::default() }).await?;
    Ok(())
}

/// Has `reader`, which has a Secret of its own name, name one of somebody else.
async fn names_a_foreign_secret(env: &TestEnv) -> Result<()> {
    make_foreign_secret(env).await?;
    env.ready_role("reader").await?;
    env.patch("reader", json!({"spec": {"secret": {"name": "foreign"}}})).await?;
    eventually("the foreign name is refused", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains("SecretNotOwned"), "{told}");
        Ok(())
    })
    .await?;
    Ok(())
}

#[tokio::test]
async fn a_secret_is_remembered_while_its_object_names_one_of_somebody_else() -> Result<()> {
    let env = TestEnv::new("renamed").await?;
    let _operator = env.start().await?;
    names_a_foreign_secret(&env).await?;
    env.patch("reader", json!({"spec": {"secret": {"name": "third"}}})).await?;
    has_only(&env, "third").await
}

#[tokio::test]
async fn a_secret_is_remembered_while_the_cluster_does_not_take_the_one_of_the_new_name() -> Result<()> {
    let env = TestEnv::new("no-room").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let quotas: Api<ResourceQuota> = Api::namespaced(env.kube.clone(), &env.namespace);
    let quota = json!({"metadata": {"name": "one"}, "spec": {"hard": {"count/secrets": "1"}}});
    quotas.create(&PostParams::default(), &serde_json::from_value(quota)?).await?;
    eventually("the quota is in force", async || {
        let status = quotas.get("one").await?.status.unwrap_or_default();
        ensure!(status.used.is_some_and(|used| used.contains_key("count/secrets")), "it was not counted yet");
        Ok(())
    })
    .await?;
    env.patch("reader", json!({"spec": {"secret": {"name": "second"}}})).await?;
    eventually("the quota is told", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains("exceeded quota"), "{told}");
        Ok(())
    })
    .await?;
    quotas.delete("one", &DeleteParams::default()).await?;
    env.patch("reader", json!({"spec": {"secret": {"name": "third"}}})).await?;
    has_only(&env, "third").await
}

#[tokio::test]
async fn a_withdrawal_deletes_the_earlier_secret_while_another_name_is_refused() -> Result<()> {
    let env = TestEnv::new("left-over").await?;
    let _operator = env.start().await?;
    names_a_foreign_secret(&env).await?;
    env.allow_nobody().await?;
    env.shows("reader", "False", "NotAllowed").await?;
    eventually("the earlier Secret is gone", async || {
        ensure!(env.secrets.get_opt("reader").await?.is_none(), "Secret reader is there");
        Ok(())
    })
    .await?;
    assert!(env.secrets.get_opt("foreign").await?.is_some(), "the one of somebody else stays");
    Ok(())
}
