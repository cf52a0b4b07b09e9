//! Many objects, several operators, one user.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use kube::api::DeleteParams;
use serde_json::json;

use super::lab::{POLICY, create, granting, lab, may_assume, may_assume_by, role_arn, to_user, user};
use crate::support::{life::Life, wait::eventually};

const COUNT: usize = 20;

fn name(number: usize) -> String {
    format!("r{number:02}")
}

fn arns(life: &Life, numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| role_arn(life, &name(number))).collect()
}

async fn lines_are(life: &Life, policy: &str, wanted: BTreeSet<String>) -> Result<()> {
    eventually("the user may assume exactly the roles of the objects present", async || {
        let lines = may_assume_by(life, "deployer", policy).await?.unwrap_or_default();
        ensure!(lines == wanted, "{} of {}: {lines:?}", lines.len(), wanted.len());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn twenty_objects_come_and_go_in_any_order_under_an_operator_that_is_killed_in_between() -> Result<()> {
    let life = lab("grant-twenty").await?;
    user(&life, "deployer").await?;
    let operator = life.start().await?;
    try_join_all(
        (0..COUNT)
            .map(async |number| create(&life, &granting(&life, &name(number), vec![to_user(&life, "deployer")])).await),
    )
    .await?;
    eventually("some of them are in place", async || {
        let lines = may_assume(&life, "deployer").await?.unwrap_or_default();
        ensure!(lines.len() >= 3, "{lines:?}");
        Ok(())
    })
    .await?;
    operator.kill().await?;
    let operator = life.start().await?;
    lines_are(&life, POLICY, arns(&life, 0..COUNT)).await?;
    for number in 0..COUNT {
        life.settled(&name(number)).await?;
    }

    // Seven is prime to twenty: an order that has nothing to do with that of their creation.
    let order: Vec<usize> = (0..COUNT).map(|step| step * 7 % COUNT).collect();
    let (first, last) = order.split_at(COUNT / 2);
    let delete = async |number: &usize| life.roles.delete(&name(*number), &DeleteParams::default()).await;
    try_join_all(first.iter().map(delete)).await?;
    eventually("some of them are gone", async || {
        let lines = may_assume(&life, "deployer").await?.unwrap_or_default();
        ensure!(lines.len() <= COUNT - 3, "{}", lines.len());
        Ok(())
    })
    .await?;
    operator.kill().await?;
    let _operator = life.start().await?;
    lines_are(&life, POLICY, arns(&life, last.iter().copied())).await?;
    try_join_all(last.iter().map(delete)).await?;
    eventually("the policy and the objects are gone", async || {
        let (lines, left) = (may_assume(&life, "deployer").await?, life.roles.list(&<_>::default()).await?.items.len());
        ensure!(lines.is_none() && left == 0, "{left} objects, {lines:?}");
        Ok(())
    })
    .await
}

/// A life whose objects are in one of two shards.
async fn shards(name: &str) -> Result<Life> {
    let life = lab(name).await?;
    user(&life, "deployer").await?;
    Ok(life)
}

async fn create_in_shards(life: &Life) -> Result<()> {
    try_join_all((0..COUNT).map(async |number| {
        let mut role = granting(life, &name(number), vec![to_user(life, "deployer")]);
        let shard = if number % 2 == 0 { "even" } else { "odd" };
        role.metadata.labels.get_or_insert_default().insert("shard".into(), shard.into());
        create(life, &role).await
    }))
    .await
    .map(drop)
}

#[tokio::test]
async fn two_shards_of_one_cluster_that_grant_to_one_user_at_once_lose_no_line() -> Result<()> {
    let life = shards("grant-shards").await?;
    // The accounts are checked by a third operator: they are in neither shard.
    let _accounts = life.settings.clone().flag("--shard=shard=none").start().await?;
    let even = life.settings.clone().flag("--shard=shard=even");
    let odd = life.settings.clone().flag("--shard=shard=odd");
    label_accounts(&life).await?;
    let _operators = (even.start().await?, odd.start().await?);
    create_in_shards(&life).await?;
    lines_are(&life, POLICY, arns(&life, 0..COUNT)).await?;

    let gone: Vec<usize> = (0..COUNT).filter(|number| number % 5 < 3).collect();
    try_join_all(gone.iter().map(async |number| life.roles.delete(&name(*number), &DeleteParams::default()).await))
        .await?;
    lines_are(&life, POLICY, arns(&life, (0..COUNT).filter(|number| !gone.contains(number)))).await
}

async fn label_accounts(life: &Life) -> Result<()> {
    let shard = json!({"metadata": {"labels": {"shard": "none"}}});
    super::lab::patch_account(life, &super::lab::source_name(life), shard.clone()).await?;
    super::lab::patch_account(life, &life.scenario.namespace, shard).await
}

#[tokio::test]
async fn two_clusters_have_each_their_own_policy_on_the_user() -> Result<()> {
    let life = shards("grant-clusters").await?;
    let _accounts = life.settings.clone().flag("--shard=shard=none").start().await?;
    label_accounts(&life).await?;
    let one = life.settings.clone().flag("--shard=shard=even").flag("--cluster-name=one");
    let other = life.settings.clone().flag("--shard=shard=odd").flag("--cluster-name=other");
    let _operators = (one.start().await?, other.start().await?);
    create_in_shards(&life).await?;
    let (even, odd) = (arns(&life, (0..COUNT).step_by(2)), arns(&life, (1..COUNT).step_by(2)));
    lines_are(&life, "crossaccount-one", even).await?;
    lines_are(&life, "crossaccount-other", odd.clone()).await?;

    let delete = async |number: usize| life.roles.delete(&name(number), &DeleteParams::default()).await;
    try_join_all((0..COUNT).step_by(2).map(delete)).await?;
    lines_are(&life, "crossaccount-one", BTreeSet::new()).await?;
    lines_are(&life, "crossaccount-other", odd).await
}
