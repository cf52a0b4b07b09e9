//! Many objects, several operators, one user.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use crossaccount::api::CrossAccountRole;
use futures::future::try_join_all;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use super::stage::{POLICY, granting, lab, may_assume, may_assume_by, source_name, to_user, user};
use lab::{
    env::TestEnv,
    operator::OperatorSettings,
    wait::{after_propagation, eventually},
};

const COUNT: usize = 20;

fn name(number: usize) -> String {
    format!("r{number:02}")
}

fn arns(env: &TestEnv, numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
    numbers.into_iter().map(|number| env.role_arn(&name(number))).collect()
}

async fn lines_are(env: &TestEnv, policy: &str, wanted: BTreeSet<String>) -> Result<()> {
    eventually("the user may assume exactly the roles of the objects present", async || {
        let lines = may_assume_by(env, "deployer", policy).await?.unwrap_or_default();
        ensure!(lines == wanted, "{} of {}: {lines:?}", lines.len(), wanted.len());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn twenty_objects_come_and_go_in_any_order_under_an_operator_that_is_killed_in_between() -> Result<()> {
    let env = lab("grant-twenty").await?;
    user(&env, "deployer").await?;
    let operator = env.start().await?;
    try_join_all(
        (0..COUNT)
            .map(async |number| env.create(&granting(&env, &name(number), vec![to_user(&env, "deployer")])).await),
    )
    .await?;
    eventually("some of them are in place", async || {
        let lines = may_assume(&env, "deployer").await?.unwrap_or_default();
        ensure!(lines.len() >= 3, "{lines:?}");
        Ok(())
    })
    .await?;
    operator.kill().await?;
    let operator = env.start().await?;
    lines_are(&env, POLICY, arns(&env, 0..COUNT)).await?;
    for number in 0..COUNT {
        env.settled(&name(number)).await?;
    }

    // Seven is prime to twenty: an order that has nothing to do with that of their creation.
    let order: Vec<usize> = (0..COUNT).map(|step| step * 7 % COUNT).collect();
    let (first, last) = order.split_at(COUNT / 2);
    let delete = async |number: &usize| env.roles.delete(&name(*number), &DeleteParams::default()).await;
    try_join_all(first.iter().map(delete)).await?;
    eventually("some of them are gone", async || {
        let lines = may_assume(&env, "deployer").await?.unwrap_or_default();
        ensure!(lines.len() <= COUNT - 3, "{}", lines.len());
        Ok(())
    })
    .await?;
    operator.kill().await?;
    let _operator = env.start().await?;
    lines_are(&env, POLICY, arns(&env, last.iter().copied())).await?;
    try_join_all(last.iter().map(delete)).await?;
    eventually("the policy and the roles are gone", async || {
        let lines = may_assume(&env, "deployer").await?;
        ensure!(lines.is_none(), "{lines:?}");
        for number in 0..COUNT {
            let role = env.aws.target.role(&env.iam_name(&name(number))).await?;
            ensure!(role.is_none(), "{role:?}");
        }
        Ok(())
    })
    .await?;
    // What the operator before was about to do is not known: another role may still come.
    after_propagation("the objects are gone", async || {
        let left = env.roles.list(&<_>::default()).await?.items.len();
        ensure!(left == 0, "{left} objects");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn one_user_in_two_cases_of_letters_has_one_policy() -> Result<()> {
    let env = lab("grant-case").await?;
    user(&env, "deployer").await?;
    let _operator = env.start().await?;
    env.create(&granting(&env, "lower", vec![to_user(&env, "deployer")])).await?;
    env.create(&granting(&env, "upper", vec![to_user(&env, "DEPLOYER")])).await?;
    env.settled("lower").await?;
    env.settled("upper").await?;
    let both = [env.role_arn("lower"), env.role_arn("upper")];
    lines_are(&env, POLICY, both.clone().into()).await?;
    env.roles.delete("lower", &DeleteParams::default()).await?;
    lines_are(&env, POLICY, [both[1].clone()].into()).await
}

#[tokio::test]
async fn a_grant_that_was_written_unseen_before_a_crash_is_taken_back_all_the_same() -> Result<()> {
    let env = lab("grant-unseen").await?;
    user(&env, "deployer").await?;
    let unanswered = env.proxy.on("PutUserPolicy").drop_response();
    let operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "deployer")])).await?;
    lines_are(&env, POLICY, [env.role_arn("reader")].into()).await?;
    operator.kill().await?;
    assert!(unanswered.hits() > 0, "it was answered");
    unanswered.release();

    env.patch("reader", json!({"spec": {"sourceGrants": []}})).await?;
    let _operator = env.start().await?;
    env.settled("reader").await?;
    assert_eq!(may_assume(&env, "deployer").await?, None);
    Ok(())
}

/// Objects in two namespaces: those of even numbers in the one of shard 0, those of odd numbers in the one of shard 1.
struct Shards {
    env: TestEnv,
    namespaces: [String; 2],
}

impl Shards {
    async fn new(name: &str) -> Result<Self> {
        let env = lab(name).await?;
        user(&env, "deployer").await?;
        let namespaces = env.namespaces_of_two_shards().await?;
        let allowed = json!({"spec": {"allowedNamespaces": {"names": namespaces}}});
        for account in [source_name(&env), env.namespace.clone()] {
            env.patch_any_account(&account, allowed.clone()).await?;
        }
        Ok(Self { env, namespaces })
    }

    /// The operator of the even numbers, and that of the odd ones.
    fn operators(&self) -> [OperatorSettings; 2] {
        let watched = format!("--watch-namespaces={}", self.namespaces.join(","));
        ["0/2", "1/2"].map(|shard| self.env.settings.clone().flag(watched.clone()).flag(format!("--shard={shard}")))
    }

    fn namespace(&self, number: usize) -> &str {
        &self.namespaces[number % 2]
    }

    fn roles(&self, number: usize) -> Api<CrossAccountRole> {
        Api::namespaced(self.env.kube.clone(), self.namespace(number))
    }

    fn arns(&self, numbers: impl IntoIterator<Item = usize>) -> BTreeSet<String> {
        let account = self.env.aws.target.id();
        let role = |number| format!("{}-{}", self.namespace(number), name(number));
        numbers.into_iter().map(|number| format!("arn:aws:iam::{account}:role/crossaccount/{}", role(number))).collect()
    }

    async fn create(&self) -> Result<()> {
        let one = async |number: usize| {
            let mut role = granting(&self.env, &name(number), vec![to_user(&self.env, "deployer")]);
            role.metadata.namespace = Some(self.namespace(number).to_owned());
            self.roles(number).create(&PostParams::default(), &role).await
        };
        try_join_all((0..COUNT).map(one)).await?;
        Ok(())
    }

    async fn delete(&self, numbers: impl IntoIterator<Item = usize>) -> Result<()> {
        let one = async |number: usize| self.roles(number).delete(&name(number), &DeleteParams::default()).await;
        try_join_all(numbers.into_iter().map(one)).await?;
        Ok(())
    }
}

#[tokio::test]
async fn two_shards_of_one_cluster_that_grant_to_one_user_at_once_lose_no_line() -> Result<()> {
    let shards = Shards::new("grant-shards").await?;
    let env = &shards.env;
    let [one, other] = shards.operators();
    let _operators = (one.start().await?, other.start().await?);
    shards.create().await?;
    lines_are(env, POLICY, shards.arns(0..COUNT)).await?;

    let (gone, left): (Vec<usize>, Vec<usize>) = (0..COUNT).partition(|number| number % 5 < 3);
    shards.delete(gone).await?;
    lines_are(env, POLICY, shards.arns(left)).await
}

#[tokio::test]
async fn two_clusters_have_each_their_own_policy_on_the_user() -> Result<()> {
    let shards = Shards::new("grant-clusters").await?;
    let env = &shards.env;
    let [one, other] = shards.operators();
    let _operators = (one.flag("--cluster-name=one").start().await?, other.flag("--cluster-name=other").start().await?);
    shards.create().await?;
    let (even, odd) = (shards.arns((0..COUNT).step_by(2)), shards.arns((1..COUNT).step_by(2)));
    lines_are(env, "crossaccount-one", even).await?;
    lines_are(env, "crossaccount-other", odd.clone()).await?;

    shards.delete((0..COUNT).step_by(2)).await?;
    lines_are(env, "crossaccount-one", BTreeSet::new()).await?;
    lines_are(env, "crossaccount-other", odd).await
}
