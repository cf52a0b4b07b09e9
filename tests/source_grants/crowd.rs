//! Many objects, several operators, one user.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::future::try_join_all;
use kube::api::DeleteParams;
use serde_json::json;

use super::lab::{
    POLICY, create, granting, lab, may_assume, may_assume_by, patch_account, role_arn, source_name, to_user, user,
};
use crate::support::{
    life::Life,
    operator::{Operator, OperatorSettings},
    wait::eventually,
};

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

#[tokio::test]
async fn one_user_in_two_cases_of_letters_has_one_policy() -> Result<()> {
    let life = lab("grant-case").await?;
    user(&life, "deployer").await?;
    let _operator = life.start().await?;
    create(&life, &granting(&life, "lower", vec![to_user(&life, "deployer")])).await?;
    create(&life, &granting(&life, "upper", vec![to_user(&life, "DEPLOYER")])).await?;
    life.settled("lower").await?;
    life.settled("upper").await?;
    let both = [role_arn(&life, "lower"), role_arn(&life, "upper")];
    lines_are(&life, POLICY, both.clone().into()).await?;
    life.roles.delete("lower", &DeleteParams::default()).await?;
    lines_are(&life, POLICY, [both[1].clone()].into()).await
}

#[tokio::test]
async fn a_grant_that_was_written_unseen_before_a_crash_is_taken_back_all_the_same() -> Result<()> {
    let life = lab("grant-unseen").await?;
    user(&life, "deployer").await?;
    let unanswered = life.proxy.on("PutUserPolicy").drop_response();
    let operator = life.start().await?;
    create(&life, &granting(&life, "reader", vec![to_user(&life, "deployer")])).await?;
    lines_are(&life, POLICY, [role_arn(&life, "reader")].into()).await?;
    operator.kill().await?;
    assert!(unanswered.hits() > 0, "it was answered");
    unanswered.release();

    life.patch("reader", json!({"spec": {"sourceGrants": []}})).await?;
    let _operator = life.start().await?;
    life.settled("reader").await?;
    assert_eq!(may_assume(&life, "deployer").await?, None);
    Ok(())
}

/// Objects in two shards, and accounts in a third: accounts belong to no namespace, so the shards are named after the
/// test's own.
struct Shards {
    life: Life,
    /// Checks the accounts.
    _accounts: Operator,
}

impl Shards {
    async fn new(name: &str) -> Result<Self> {
        let life = lab(name).await?;
        user(&life, "deployer").await?;
        let namespace = &life.scenario.namespace;
        let labels = json!({"metadata": {"labels": {"shard": format!("{namespace}-accounts")}}});
        for account in [source_name(&life), namespace.clone()] {
            patch_account(&life, &account, labels.clone()).await?;
        }
        let accounts = Self::of(&life, "accounts").start().await?;
        Ok(Self { life, _accounts: accounts })
    }

    fn of(life: &Life, shard: &str) -> OperatorSettings {
        life.settings.clone().flag(format!("--shard=shard={}-{shard}", life.scenario.namespace))
    }

    /// The operator of a shard.
    fn operator(&self, shard: &str) -> OperatorSettings {
        Self::of(&self.life, shard)
    }

    async fn create(&self) -> Result<()> {
        let one = async |number: usize| {
            let mut role = granting(&self.life, &name(number), vec![to_user(&self.life, "deployer")]);
            let shard = if number.is_multiple_of(2) { "even" } else { "odd" };
            let shard = format!("{}-{shard}", self.life.scenario.namespace);
            role.metadata.labels.get_or_insert_default().insert("shard".into(), shard);
            create(&self.life, &role).await
        };
        try_join_all((0..COUNT).map(one)).await.map(drop)
    }

    async fn delete(&self, numbers: impl IntoIterator<Item = usize>) -> Result<()> {
        let one = async |number: usize| self.life.roles.delete(&name(number), &DeleteParams::default()).await;
        try_join_all(numbers.into_iter().map(one)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn two_shards_of_one_cluster_that_grant_to_one_user_at_once_lose_no_line() -> Result<()> {
    let shards = Shards::new("grant-shards").await?;
    let life = &shards.life;
    let _operators = (shards.operator("even").start().await?, shards.operator("odd").start().await?);
    shards.create().await?;
    lines_are(life, POLICY, arns(life, 0..COUNT)).await?;

    let (gone, left): (Vec<usize>, Vec<usize>) = (0..COUNT).partition(|number| number % 5 < 3);
    shards.delete(gone).await?;
    lines_are(life, POLICY, arns(life, left)).await
}

#[tokio::test]
async fn two_clusters_have_each_their_own_policy_on_the_user() -> Result<()> {
    let shards = Shards::new("grant-clusters").await?;
    let life = &shards.life;
    let one = shards.operator("even").flag("--cluster-name=one");
    let other = shards.operator("odd").flag("--cluster-name=other");
    let _operators = (one.start().await?, other.start().await?);
    shards.create().await?;
    let (even, odd) = (arns(life, (0..COUNT).step_by(2)), arns(life, (1..COUNT).step_by(2)));
    lines_are(life, "crossaccount-one", even).await?;
    lines_are(life, "crossaccount-other", odd.clone()).await?;

    shards.delete((0..COUNT).step_by(2)).await?;
    lines_are(life, "crossaccount-one", BTreeSet::new()).await?;
    lines_are(life, "crossaccount-other", odd).await
}
