//! The Secret: its keys, what becomes of edits of it, and Secrets that are not the operator's.

mod renaming;
mod restore;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, CrossAccountRole, annotation};
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use lab::{env::TestEnv, wait::eventually};

#[tokio::test]
async fn an_output_more_is_written_from_the_set_that_is_there() -> Result<()> {
    let env = TestEnv::new("outputs").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.proxy.reset_counts();

    env.patch("reader", json!({"spec": {"secret": {"outputs": ["Env"], "labels": {"team": "x"}}}})).await?;
    env.settled("reader").await?;

    let (data, _) = env.secret("reader").await?;
    assert!(data.contains_key("AWS_ACCESS_KEY_ID") && !data.contains_key("credentials"), "{:?}", data.keys());
    assert_eq!(env.proxy.count("AssumeRole"), 0);
    Ok(())
}

#[tokio::test]
async fn a_deleted_and_an_edited_secret_heal() -> Result<()> {
    let env = TestEnv::new("heals").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;

    env.secrets.delete("reader", &DeleteParams::default()).await?;
    let whole = async || {
        let (data, annotations) = env.secret("reader").await?;
        let json: Value = serde_json::from_str(data.get("credentials.json").context("no credentials.json")?)?;
        ensure!(json["Version"] == 1 && annotations.contains_key(annotation::CONTENT_HASH), "not whole");
        Ok((data, annotations))
    };
    let (data, _) = eventually("the Secret is back", whole).await?;

    let edit = json!({"data": {"credentials.json": null, "config": "aGVsbG8="}});
    env.secrets.patch("reader", &PatchParams::default(), &Patch::Merge(edit)).await?;
    let (healed, _) = eventually("the Secret is whole again", async || {
        let (healed, annotations) = whole().await?;
        ensure!(healed["config"] == data["config"], "the config is {:?}", healed["config"]);
        Ok((healed, annotations))
    })
    .await?;
    assert_eq!(healed["credentials"], data["credentials"], "an edit of other files needs no new session");

    let edit = json!({"stringData": {"credentials.json": "{}", "credentials": "[default]"}});
    env.secrets.patch("reader", &PatchParams::default(), &Patch::Merge(edit)).await?;
    eventually("a Secret without a usable set gets a new one", whole).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_refused_and_left_untouched() -> Result<()> {
    let env = TestEnv::new("foreign-secret").await?;
    let metadata = ObjectMeta { name: Some("reader".into()), ..ObjectMeta::default() };
    let foreign = Secret { metadata, string_data: Some([("a".into(), "b".into())].into()), ..Secret::default() };
    let before = env.secrets.create(&PostParams::default(), &foreign).await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    env.shows("reader", "False", "SecretNotOwned").await?;
    assert_eq!(env.secrets.get("reader").await?, before);
    Ok(())
}

#[tokio::test]
async fn a_secret_that_the_cluster_does_not_take_is_told_with_its_answer() -> Result<()> {
    let env = TestEnv::new("quota").await?;
    let quotas: Api<ResourceQuota> = Api::namespaced(env.kube.clone(), &env.namespace);
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"count/secrets": "0"}}});
    quotas.create(&PostParams::default(), &serde_json::from_value(quota)?).await?;
    eventually("the quota is in force", async || {
        let status = quotas.get("none").await?.status.unwrap_or_default();
        ensure!(status.hard.is_some_and(|hard| hard.contains_key("count/secrets")), "it was not counted yet");
        Ok(())
    })
    .await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    let message = env.shows("reader", "False", "KubernetesDenied").await?;
    assert!(message.contains("Secret reader cannot be written") && message.contains("exceeded quota"), "{message}");

    quotas.delete("none", &DeleteParams::default()).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_secret_that_was_made_immutable_is_replaced_by_one_with_the_next_set() -> Result<()> {
    let env = TestEnv::new("immutable").await?;
    let _operator = env.start().await?;
    let before = env.ready_role("reader").await?;
    let ready = |role: &CrossAccountRole| role.condition(ConditionType::Ready).cloned().context("no condition Ready");
    let ready_since = ready(&before)?.last_transition_time;
    env.a_second_after(Some(&ready_since)).await?; // a change is to show
    let frozen = Patch::Merge(json!({"immutable": true}));
    let frozen = env.secrets.patch("reader", &PatchParams::default(), &frozen).await?;

    env.patch("reader", json!({"spec": {"session": {"durationSeconds": 1800}}})).await?;
    let after = env.issued_again("reader", &before).await?;
    let secret = env.secrets.get("reader").await?;
    assert_eq!(secret.immutable, None);
    assert_ne!(secret.metadata.uid, frozen.metadata.uid);
    assert_ne!(secret.data, frozen.data);
    assert_eq!(ready(&after)?.last_transition_time, ready_since, "it was Ready all the time");
    Ok(())
}
