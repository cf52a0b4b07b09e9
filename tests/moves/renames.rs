//! An object under another name. Kubernetes cannot rename it, so there is a new one, and the old one goes.

use anyhow::{Result, ensure};
use crossaccount::api::{CrossAccountRole, DeletionPolicy, Lifecycle};
use kube::api::DeleteParams;
use serde_json::json;

use super::{NAME, OBJECT, role_of};
use lab::{env::TestEnv, tester::Tester};

/// The new name.
const WRITER: &str = "writer";

/// The same object under the new name, with the role of the old one.
fn renamed(env: &TestEnv, tester: &Tester<'_>) -> CrossAccountRole {
    let mut role = tester.role(WRITER);
    role.spec.role.name = Some(env.iam_name(OBJECT));
    role
}

#[tokio::test]
async fn an_object_of_another_name_with_a_role_of_its_own_works_before_the_earlier_one_goes() -> Result<()> {
    let env = TestEnv::new("own-role").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    for name in [OBJECT, WRITER] {
        env.create(&tester.role(name)).await?;
        env.settled(name).await?;
    }
    tester.has_a_working_set(OBJECT).await?;
    let set = tester.has_a_working_set(WRITER).await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await?;
    ensure!(tester.works(&set).await?, "the set of the new object ended with the old object");
    Ok(())
}

#[tokio::test]
async fn a_role_goes_to_the_object_that_its_tag_names_and_no_session_ends() -> Result<()> {
    let env = TestEnv::new("renamed-role").await?;
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let (before, set) = (role_of(&env, OBJECT).await?, env.copied(OBJECT).await?);
    env.create(&renamed(&env, &tester)).await?;
    let message = env.shows(WRITER, "False", "Conflict").await?;
    ensure!(message.contains(NAME), "{message}");

    env.aws.target.tag_role(&env.iam_name(OBJECT), NAME, WRITER).await?;
    env.patch(OBJECT, json!({"spec": {"role": {"description": "goes to another object"}}})).await?;
    env.settled(WRITER).await?;
    tester.has_a_working_set(WRITER).await?;
    ensure!(tester.works(&set).await?, "the sessions of the old object were ended");
    // An operator that wrote the role in the last two minutes waits for IAM to show it.
    operator.stop().await?;
    let _operator = env.start().await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.gone(OBJECT).await?;
    ensure!(role_of(&env, OBJECT).await?.id == before.id, "the role was made again");
    tester.has_a_working_set(WRITER).await.map(drop)
}

/// Has a Ready object that keeps its role deleted, while this one already waits for the role.
async fn deleted_before(env: &TestEnv, tester: &Tester<'_>, next: &CrossAccountRole) -> Result<String> {
    let guardrails = json!({"deletionPolicies": ["Delete", "Retain"], "lifecycles": ["Create", "Adopt"]});
    env.patch_account(json!({ "guardrails": guardrails })).await?;
    let mut role = tester.role(OBJECT);
    role.spec.role.deletion_policy = Some(DeletionPolicy::Retain);
    env.create(&role).await?;
    env.settled(OBJECT).await?;
    let id = role_of(env, OBJECT).await?.id;
    if next.metadata.name.as_deref() != Some(OBJECT) {
        env.create(next).await?;
        env.shows(WRITER, "False", "Conflict").await?;
    }
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.gone(OBJECT).await?;
    Ok(id)
}

#[tokio::test]
async fn an_object_that_waits_to_adopt_a_role_has_it_as_soon_as_the_earlier_object_is_gone() -> Result<()> {
    let env = TestEnv::new("waits").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    let mut next = renamed(&env, &tester);
    next.spec.role.lifecycle = Lifecycle::Adopt;
    let id = deleted_before(&env, &tester, &next).await?;
    env.settled(WRITER).await?;
    ensure!(role_of(&env, OBJECT).await?.id == id, "the role was made again");
    tester.has_a_working_set(WRITER).await.map(drop)
}

#[tokio::test]
async fn an_object_that_adopts_the_role_it_just_kept_publishes_no_set_that_is_denied() -> Result<()> {
    let env = TestEnv::new("same-second").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    let mut next = tester.role(OBJECT);
    next.spec.role.lifecycle = Lifecycle::Adopt;
    let id = deleted_before(&env, &tester, &next).await?;
    env.create(&next).await?;
    env.settled(OBJECT).await?;
    ensure!(role_of(&env, OBJECT).await?.id == id, "the role was made again");
    ensure!(tester.works(&env.copied(OBJECT).await?).await?, "the set that was published first is denied");
    Ok(())
}

#[tokio::test]
async fn an_object_that_waits_to_create_a_role_of_the_same_name_makes_a_new_one() -> Result<()> {
    let env = TestEnv::new("waits-anew").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let before = role_of(&env, OBJECT).await?;
    env.create(&renamed(&env, &tester)).await?;
    env.shows(WRITER, "False", "Conflict").await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.settled(WRITER).await?;
    ensure!(role_of(&env, OBJECT).await?.id != before.id, "the role is the same");
    tester.has_a_working_set(WRITER).await.map(drop)
}
