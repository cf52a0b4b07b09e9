//! The regular look for drift over a whole account.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::AWSAccount;
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use lab::{env::TestEnv, wait::eventually};

#[tokio::test]
async fn a_role_of_this_cluster_without_an_object_is_counted_and_named_and_left_alone() -> Result<()> {
    let env = TestEnv::new("orphan").await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    env.ready_role("left").await?;
    env.ready_role("kept").await?;
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    let counted = async |wanted: u32| {
        eventually(&format!("{wanted} orphans are counted"), async || {
            let status = accounts.get(&env.namespace).await?.status.unwrap_or_default();
            ensure!(status.orphans == Some(wanted), "{:?}", status.orphans);
            Ok(())
        })
        .await
    };
    counted(0).await?;
    operator.kill().await?;
    // As when somebody removes a finalizer by hand.
    env.patch("left", json!({"metadata": {"finalizers": []}})).await?;
    env.roles.delete("left", &DeleteParams::default()).await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    counted(1).await?;
    let arn = env.role_arn("left");
    eventually("an Event names the orphan", async || {
        let events: Api<Event> = Api::all(env.kube.clone());
        let about = ListParams::default().fields(&format!("regarding.name={}", env.namespace));
        let notes: Vec<String> = events.list(&about).await?.into_iter().filter_map(|event| event.note).collect();
        ensure!(notes.iter().any(|note| note.contains(&arn)), "{notes:?}");
        Ok(())
    })
    .await?;
    let (_, metrics) = operator.get("/metrics").await?;
    let line = format!("crossaccount_orphan_roles{{account=\"{}\"}} 1", env.namespace);
    ensure!(metrics.contains(&line), "{metrics}");
    env.aws.target.role(&env.iam_name("left")).await?.context("the orphan was touched")?;
    Ok(())
}
