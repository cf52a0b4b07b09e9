//! A cluster that is built again, and two clusters with one account.

use anyhow::{Context as _, Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;

use super::{CLUSTER, OBJECT, SecondCluster, apply, created, event_says, lose_cluster, role_of};
use lab::{control_plane::ControlPlane, env::TestEnv, tester::Tester, wait::eventually};

/// Has the operators of an environment work for a cluster of this name, and look for drift all the time.
fn named(env: &mut TestEnv, name: &str) {
    env.settings = env.settings.clone().flag(format!("--cluster-name={name}")).flag("--drift-interval=1s");
}

/// The second cluster, which has the same namespace, account and object.
async fn green(blue: &TestEnv, plane: &'static ControlPlane, name: &str) -> Result<TestEnv> {
    let mut green = blue.in_another_cluster(plane).await?;
    named(&mut green, name);
    Ok(green)
}

#[tokio::test]
async fn a_cluster_that_is_built_again_under_its_name_takes_its_roles_over_and_ends_no_session() -> Result<()> {
    let mut env = TestEnv::new("rebuilt").await?;
    named(&mut env, "prod");
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    let role = env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let (before, copy) = (role_of(&env, OBJECT).await?, env.copied(OBJECT).await?);
    operator.stop().await?;
    lose_cluster(&env).await?;

    apply(&env, &role).await?;
    let _operator = env.start().await?;
    env.settled(OBJECT).await?;
    let after = role_of(&env, OBJECT).await?;
    ensure!(after.id == before.id && created(&env.proxy) == 1, "the role was made again: {after:?}");
    ensure!(after.trust != before.trust, "the external id is that of the lost object");
    ensure!(tester.works(&copy).await?, "a session from before the loss was ended");
    tester.has_a_working_set(OBJECT).await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await
}

#[tokio::test]
async fn a_role_that_a_lost_cluster_left_is_closed_if_the_cluster_is_built_again_without_the_permission() -> Result<()>
{
    let mut env = TestEnv::new("rebuilt-closed").await?;
    named(&mut env, "prod");
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    let role = env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let copy = env.copied(OBJECT).await?;
    operator.stop().await?;
    lose_cluster(&env).await?;

    apply(&env, &role).await?;
    env.allow_nobody().await?;
    let _operator = env.start().await?;
    env.shows(OBJECT, "False", "NotAllowed").await?;
    env.is_closed(OBJECT).await?;
    tester.is_denied("a session from before the loss", &copy).await
}

#[tokio::test]
async fn two_clusters_with_one_declaration_share_no_role_and_the_message_says_how_to_move_it() -> Result<()> {
    let (plane, _shared) = SecondCluster::shared().await?;
    let mut blue = TestEnv::new("two-clusters").await?;
    named(&mut blue, "blue");
    let tester = Tester::new(&blue).await?;
    let _blue_operator = blue.start().await?;
    let role = blue.create(&tester.role(OBJECT)).await?;
    blue.settled(OBJECT).await?;
    let standing = blue.standing(OBJECT).await?;

    let green = green(&blue, plane, "green").await?;
    let _green_operator = green.start().await?;
    apply(&green, &role).await?;
    let message = green.shows(OBJECT, "False", "RoleNotOwned").await?;
    for words in ["of cluster blue", "--cluster-name=blue", "crossaccount.dev/cluster", "spec.role.name"] {
        ensure!(message.contains(words), "{words:?} is not in: {message}");
    }
    green.roles.delete(OBJECT, &DeleteParams::default()).await?;
    green.gone(OBJECT).await?;
    ensure!(blue.standing(OBJECT).await? == standing, "the second cluster changed the role");
    tester.has_a_working_set(OBJECT).await.map(drop)
}

#[tokio::test]
async fn a_role_that_is_tagged_for_another_cluster_is_handed_over_and_no_pod_loses_its_access() -> Result<()> {
    let (plane, _shared) = SecondCluster::shared().await?;
    let mut blue = TestEnv::new("handed-over").await?;
    named(&mut blue, "blue");
    let tester = Tester::new(&blue).await?;
    let blue_operator = blue.start().await?;
    let role = blue.create(&tester.role(OBJECT)).await?;
    blue.settled(OBJECT).await?;
    let before = role_of(&blue, OBJECT).await?;
    let green = green(&blue, plane, "green").await?;
    let _green_operator = green.start().await?;
    apply(&green, &role).await?;
    green.shows(OBJECT, "False", "RoleNotOwned").await?;

    blue.aws.target.tag_role(&blue.iam_name(OBJECT), CLUSTER, "green").await?;
    green.patch(OBJECT, json!({"metadata": {"annotations": {"moved": "1"}}})).await?;
    green.settled(OBJECT).await?;
    let green_tester = tester.in_cluster(&green)?;
    green_tester.has_a_working_set(OBJECT).await?;
    let message = blue.shows(OBJECT, "True", "Degraded").await?;
    ensure!(message.contains("of cluster green"), "{message}");
    tester.has_a_working_set(OBJECT).await?;

    // An operator that wrote the role in the last two minutes waits for IAM to show it.
    blue_operator.stop().await?;
    let _blue_operator = blue.start().await?;
    blue.roles.delete(OBJECT, &DeleteParams::default()).await?;
    blue.gone(OBJECT).await?;
    event_says(&blue, "RoleRetained", "belongs to CrossAccountRole").await?;
    let after = role_of(&green, OBJECT).await?;
    ensure!(after.id == before.id, "the role was made again");
    green_tester.has_a_working_set(OBJECT).await?;
    green.roles.delete(OBJECT, &DeleteParams::default()).await?;
    green.is_gone_with_its_role(OBJECT).await
}

#[tokio::test]
async fn a_role_that_is_kept_in_one_cluster_is_adopted_in_another_and_its_new_sets_work() -> Result<()> {
    let (plane, _shared) = SecondCluster::shared().await?;
    let mut blue = TestEnv::new("kept-there").await?;
    named(&mut blue, "blue");
    let tester = Tester::new(&blue).await?;
    let guardrails = json!({"guardrails": {"deletionPolicies": ["Retain"], "lifecycles": ["Create", "Adopt"]}});
    blue.patch_account(guardrails.clone()).await?;
    let _blue_operator = blue.start().await?;
    let mut role = tester.role(OBJECT);
    role.spec.role.deletion_policy = Some(crossaccount::api::DeletionPolicy::Retain);
    blue.create(&role).await?;
    blue.settled(OBJECT).await?;
    let (before, copy) = (role_of(&blue, OBJECT).await?, blue.copied(OBJECT).await?);
    blue.roles.delete(OBJECT, &DeleteParams::default()).await?;
    blue.gone(OBJECT).await?;
    tester.is_denied("what the first cluster issued", &copy).await?;

    let green = green(&blue, plane, "green").await?;
    let _green_operator = green.start().await?;
    apply(&green, &role).await?;
    green.patch_account(guardrails).await?;
    let message = green.shows(OBJECT, "False", "RoleNotOwned").await?;
    for words in [format!("blue/{}/{OBJECT}", blue.namespace), "lifecycle: Adopt".to_owned()] {
        ensure!(message.contains(&words), "{words:?} is not in: {message}");
    }
    green.patch(OBJECT, json!({"spec": {"role": {"lifecycle": "Adopt"}}})).await?;
    green.settled(OBJECT).await?;
    ensure!(role_of(&green, OBJECT).await?.id == before.id, "the role was made again");
    ensure!(
        tester.in_cluster(&green)?.works(&green.copied(OBJECT).await?).await?,
        "the first set that is published is denied"
    );
    Ok(())
}

#[tokio::test]
async fn two_clusters_of_one_name_are_named_in_events_and_share_the_fate_of_their_role() -> Result<()> {
    let (plane, _shared) = SecondCluster::shared().await?;
    let mut blue = TestEnv::new("namesakes").await?;
    named(&mut blue, "prod");
    let tester = Tester::new(&blue).await?;
    let _blue_operator = blue.start().await?;
    let role = blue.create(&tester.role(OBJECT)).await?;
    blue.settled(OBJECT).await?;
    let green = green(&blue, plane, "prod").await?;
    let _green_operator = green.start().await?;
    apply(&green, &role).await?;
    green.settled(OBJECT).await?;
    let uid = green.roles.get(OBJECT).await?.metadata.uid.context("no UID")?;
    event_says(&blue, "DriftRepaired", &uid).await?;
    event_says(&blue, "DriftRepaired", "--cluster-name").await?;
    // Neither loses its access by that, but a deletion in one takes the role of both.
    for env in [&blue, &green] {
        eventually("the set works", async || {
            ensure!(tester.works(&env.copied(OBJECT).await?).await?, "it is denied");
            Ok(())
        })
        .await?;
    }
    let before = role_of(&green, OBJECT).await?;
    blue.roles.delete(OBJECT, &DeleteParams::default()).await?;
    blue.gone(OBJECT).await?;
    eventually("the role was made again", async || {
        ensure!(role_of(&green, OBJECT).await?.id != before.id, "it is the one from before");
        Ok(())
    })
    .await?;
    tester.in_cluster(&green)?.has_a_working_set(OBJECT).await.map(drop)
}
