//! IAM whose answers go back and forth between what was and what is.

use anyhow::{Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;

use lab::{
    Injected,
    aws::policy,
    deployment::Deployment,
    env::{TestEnv, declare::document},
    wait::eventually,
};

const OBJECT: &str = "reader";
/// How the operator reads a role.
const READS: [&str; 5] =
    ["GetRole", "GetRolePolicy", "ListRolePolicies", "ListAttachedRolePolicies", "GetAccountAuthorizationDetails"];

/// From now on every other answer to each of these reads is the first one that is given from now on.
fn flapping(env: &TestEnv) -> Vec<Injected> {
    READS.map(|read| env.proxy.on(read).flap()).into()
}

/// An operator that reads its roles each second.
async fn looking(name: &str) -> Result<Deployment> {
    let mut deployment = Deployment::new(name).await?;
    deployment.env.settings = deployment.env.settings.flag("--drift-interval=1s");
    Ok(deployment)
}

/// Lets the object list a bucket instead of reading one, and waits until AWS has it so.
async fn edit(env: &TestEnv) -> Result<()> {
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let inline = json!({"read-reports": null, "list": document(&list)});
    env.patch(OBJECT, json!({"spec": {"role": {"inlinePolicies": inline}}})).await?;
    eventually("the role may list and no longer read", async || {
        let (_, inline) = env.standing(OBJECT).await?;
        ensure!(inline.keys().eq(["errand", "list"]), "{:?}", inline.keys());
        Ok(())
    })
    .await
}

/// Fails unless the role is as it was here, when the answers are true again, and stays so.
async fn comes_to_rest(env: &TestEnv, flapping: Vec<Injected>) -> Result<()> {
    flapping.iter().for_each(Injected::release);
    env.settled(OBJECT).await?;
    env.compared_again(OBJECT, 2).await?;
    env.settled(OBJECT).await?;
    let (standing, before) = (env.standing(OBJECT).await?, env.effects.list().len());
    env.compared_again(OBJECT, 3).await?;
    ensure!(env.standing(OBJECT).await? == standing, "the role changes at rest");
    let written = &env.effects.list()[before..];
    ensure!(written.is_empty(), "a look writes: {written:#?}");
    Ok(())
}

#[tokio::test]
async fn a_role_is_made_changed_closed_and_opened_although_every_other_answer_denies_that_there_is_one() -> Result<()> {
    let deployment = looking("not-there").await?;
    let env = &deployment.env;
    let flapping = flapping(env);
    let _operator = env.start().await?;
    let session = deployment.ready_and_in_use(OBJECT).await?;
    let made = env.proxy.calls_that(|call| call.action == "CreateRole" && call.status() == Some(200));
    ensure!(made.len() == 1, "{made:?}");
    edit(env).await?;
    deployment.withdraw().await?;
    deployment.is_shut_out(OBJECT, &session).await?;
    deployment.give_back().await?;
    eventually("the deployer is let in again", async || deployment.works(&deployment.deployer, OBJECT).await).await?;
    deployment.is_dead_now(&session).await?;
    comes_to_rest(env, flapping).await
}

#[tokio::test]
async fn a_role_is_changed_closed_and_deleted_although_every_other_answer_shows_it_as_it_was() -> Result<()> {
    let deployment = looking("as-it-was").await?;
    let env = &deployment.env;
    let _operator = env.start().await?;
    let session = deployment.ready_and_in_use(OBJECT).await?;
    let flapping = flapping(env);
    env.compared_again(OBJECT, 1).await?;
    edit(env).await?;
    deployment.withdraw().await?;
    deployment.is_shut_out(OBJECT, &session).await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await?;
    ensure!(flapping.iter().any(|rule| rule.hits() > 2), "no answer was an old one");
    Ok(())
}
