//! `--cluster-name` is changed, on purpose or because the cluster was named by a namespace that is another one now.

use anyhow::{Result, ensure};
use kube::api::DeleteParams;

use super::{CLUSTER, OBJECT, created, event_says, role_of};
use crate::{
    credentials::times::{due, renewed},
    grants::stage,
};
use lab::{aws::RoleState, env::TestEnv, operator::Operator, tester::Tester, wait::eventually};

async fn start(env: &TestEnv, cluster: &str) -> Result<Operator> {
    env.settings.clone().flag(format!("--cluster-name={cluster}")).flag("--drift-interval=1s").start().await
}

/// Waits until the role has the external id of the new name, and the object is Ready.
async fn is_taken_over(env: &TestEnv, before: &RoleState) -> Result<()> {
    eventually("the trust policy is another one", async || {
        ensure!(role_of(env, OBJECT).await?.trust != before.trust, "it is the same");
        Ok(())
    })
    .await?;
    env.settled(OBJECT).await.map(drop)
}

#[tokio::test]
async fn under_another_cluster_name_everything_stays_as_it_is_and_the_message_names_the_earlier_one() -> Result<()> {
    let env = TestEnv::new("other-name").await?;
    let tester = Tester::new(&env).await?;
    let operator = start(&env, "old").await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let (standing, set) = (env.standing(OBJECT).await?, env.secret(OBJECT).await?);
    operator.stop().await?;

    let operator = start(&env, "new").await?;
    let message = env.shows(OBJECT, "True", "Degraded").await?;
    ensure!(message.contains("RoleNotOwned") && message.contains("--cluster-name=old"), "{message}");
    ensure!(env.standing(OBJECT).await? == standing, "the role was changed");
    ensure!(env.secret(OBJECT).await? == set, "the Secret was changed");
    tester.has_a_working_set(OBJECT).await?;
    operator.stop().await?;

    let _operator = start(&env, "old").await?;
    env.settled(OBJECT).await?;
    ensure!(env.standing(OBJECT).await? == standing, "the role was changed");
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_deleted_under_another_cluster_name_says_whose_role_it_leaves() -> Result<()> {
    let env = TestEnv::new("left-role").await?;
    let operator = start(&env, "old").await?;
    env.ready_role(OBJECT).await?;
    operator.stop().await?;
    let _operator = start(&env, "new").await?;
    env.shows(OBJECT, "True", "Degraded").await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.gone(OBJECT).await?;
    ensure!(env.aws.target.role(&env.iam_name(OBJECT)).await?.is_some(), "a role of another cluster was deleted");
    event_says(&env, "RoleRetained", "of cluster old").await
}

#[tokio::test]
async fn roles_that_are_tagged_with_the_new_cluster_name_are_taken_over_and_no_session_ends() -> Result<()> {
    let env = TestEnv::new("retagged").await?;
    let tester = Tester::new(&env).await?;
    let operator = start(&env, "old").await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let (before, copy, set) = (role_of(&env, OBJECT).await?, env.copied(OBJECT).await?, env.secret(OBJECT).await?);
    operator.stop().await?;
    env.aws.target.tag_role(&env.iam_name(OBJECT), CLUSTER, "new").await?;

    let _operator = start(&env, "new").await?;
    is_taken_over(&env, &before).await?;
    ensure!(role_of(&env, OBJECT).await?.id == before.id && created(&env.proxy) == 1, "the role was made again");
    ensure!(env.secret(OBJECT).await? == set, "the Secret was changed");
    due(&env, OBJECT).await?;
    renewed(&env, OBJECT).await?;
    ensure!(tester.works(&copy).await?, "a session from before was ended");
    tester.has_a_working_set(OBJECT).await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await
}

#[tokio::test]
async fn a_source_grant_is_given_by_a_policy_of_the_new_name_and_that_of_the_old_name_stays() -> Result<()> {
    let env = stage::lab("renamed-grants").await?;
    stage::user(&env, "deployer").await?;
    let operator = env.start().await?;
    env.create(&stage::granting(&env, OBJECT, vec![stage::to_user(&env, "deployer")])).await?;
    env.settled(OBJECT).await?;
    let (given, before) = (stage::may_assume(&env, "deployer").await?, role_of(&env, OBJECT).await?);
    operator.stop().await?;
    env.aws.target.tag_role(&env.iam_name(OBJECT), CLUSTER, "new").await?;
    let _operator = start(&env, "new").await?;
    is_taken_over(&env, &before).await?;
    eventually("the grant is given by the new policy", async || {
        let now = stage::may_assume_by(&env, "deployer", "crossaccount-new").await?;
        ensure!(now.is_some() && now == given, "{now:?}");
        Ok(())
    })
    .await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.gone(OBJECT).await?;
    ensure!(stage::may_assume_by(&env, "deployer", "crossaccount-new").await?.is_none(), "the grant was left behind");
    ensure!(stage::may_assume(&env, "deployer").await? == given, "the policy of another cluster was changed");
    Ok(())
}
