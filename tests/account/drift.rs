//! The regular look for drift over a whole account.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::AWSAccount;
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use lab::{env::TestEnv, wait::eventually};

const ROLES: usize = 8;

/// Waits until the account was read in bulk this many times.
async fn bulk_reads(env: &TestEnv, times: usize) -> Result<()> {
    eventually(&format!("{times} bulk reads"), async || {
        let count = env.proxy.count("GetAccountAuthorizationDetails");
        ensure!(count >= times, "{count}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn roles_are_compared_by_a_bulk_read_of_their_account_and_none_is_read_by_itself() -> Result<()> {
    let env = TestEnv::new("in-bulk").await?;
    let _operator = env.settings.clone().flag("--drift-interval=4s").start().await?;
    for number in 0..ROLES {
        env.create(&env.role(&format!("reader-{number}"))).await?;
    }
    for number in 0..ROLES {
        env.settled(&format!("reader-{number}")).await?;
    }
    // The first interval may have begun before the roles were there.
    env.proxy.reset_counts();
    bulk_reads(&env, 1).await?;
    env.proxy.reset_counts();
    bulk_reads(&env, 3).await?;
    let calls: BTreeSet<String> = env.actions().into_iter().collect();
    let bulk = ["GetAccountAuthorizationDetails", "GetCallerIdentity", "ListRoles"];
    assert_eq!(calls, bulk.map(str::to_owned).into(), "what reads three times the {ROLES} roles");

    // What differs is found by the same read.
    let name = env.iam_name("reader-3");
    env.aws.target.iam().delete_role_policy().role_name(&name).policy_name("read-reports").send().await?;
    eventually("the policy is back", async || {
        let inline = env.aws.target.inline_policies(&name).await?;
        ensure!(inline.contains_key("read-reports"), "{inline:?}");
        Ok(())
    })
    .await
}

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
