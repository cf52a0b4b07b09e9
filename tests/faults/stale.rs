//! An operator that starts on an API server that shows how things were, while another one already did what they are now.

use anyhow::{Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;

use lab::{
    aws::policy,
    aws_proxy::RecordedCall,
    env::{TestEnv, declare::document},
    kube_proxy::{Outcome, Stale, Verb},
    operator::Operator,
    wait::eventually,
};

use crate::credentials::times::{due, good_all_the_while, renewed};

/// The name of the object.
const OBJECT: &str = "reader";

/// An environment with one role that an operator made, which has ended since. What it read can be shown as old.
async fn made_before(name: &str) -> Result<TestEnv> {
    let mut env = TestEnv::new(name).await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    operator.stop().await?;
    Ok(env)
}

/// Freezes what an operator is shown of the cluster, and has another one, which is shown the truth, do this.
async fn while_frozen(env: &TestEnv, stale: Stale, act: impl AsyncFnOnce() -> Result<()>) -> Result<()> {
    env.kube_proxy.freeze(stale).await?;
    let (_way, informed) = env.undisturbed().await?;
    let operator = informed.start().await?;
    act().await?;
    operator.stop().await?;
    env.proxy.reset_counts();
    Ok(())
}

/// Starts an operator that is shown the past, and waits until it has gone over the object several times.
async fn misled(env: &TestEnv) -> Result<Operator> {
    let operator = env.start().await?;
    operator.reconciled_after(3).await?;
    Ok(operator)
}

/// Fails if anything of AWS was changed, or a session begun in a role of an object.
fn nothing_was_done(env: &TestEnv) -> Result<()> {
    let reads = ["Get", "List"];
    let entry = |call: &RecordedCall| call.role.as_deref() == Some("crossaccount-manager");
    let proof = |call: &RecordedCall| call.action == "AssumeRole" && call.get("ExternalId").is_none();
    let is_read = |call: &RecordedCall| reads.iter().any(|read| call.action.starts_with(read));
    let done = env.proxy.calls_that(|call| !is_read(call) && !entry(call) && !proof(call));
    ensure!(done.is_empty(), "an operator that knows no better did {done:#?}");
    Ok(())
}

/// Starts an operator that sees the cluster as it was, and then lets it see the present. Fails if the role changes.
async fn the_role_stays_as_it_is(env: &TestEnv) -> Result<()> {
    let standing = env.standing(OBJECT).await?;
    let _operator = misled(env).await?;
    nothing_was_done(env)?;
    ensure!(env.standing(OBJECT).await? == standing, "the role was changed");

    env.kube_proxy.thaw();
    env.compared_again(OBJECT, 2).await?;
    env.settled(OBJECT).await?;
    ensure!(env.standing(OBJECT).await? == standing, "the role was changed after the present was shown");
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_listed_although_it_is_gone_gets_no_role_again() -> Result<()> {
    let env = made_before("stale-gone").await?;
    while_frozen(&env, Stale::Lists, async || {
        env.roles.delete(OBJECT, &DeleteParams::default()).await?;
        env.is_gone_with_its_role(OBJECT).await
    })
    .await?;

    let _operator = misled(&env).await?;
    nothing_was_done(&env)?;
    ensure!(env.secrets.get_opt(OBJECT).await?.is_none(), "there is a Secret again");

    env.kube_proxy.thaw();
    env.ready_role("writer").await?;
    ensure!(env.aws.target.role(&env.iam_name(OBJECT)).await?.is_none(), "there is a role again");
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_made_again_under_its_name_is_not_given_the_role_of_the_earlier_one() -> Result<()> {
    let env = made_before("stale-again").await?;
    while_frozen(&env, Stale::Lists, async || {
        env.roles.delete(OBJECT, &DeleteParams::default()).await?;
        env.is_gone_with_its_role(OBJECT).await?;
        env.ready_role(OBJECT).await.map(drop)
    })
    .await?;
    let set = env.secret(OBJECT).await?;
    the_role_stays_as_it_is(&env).await?;
    ensure!(env.secret(OBJECT).await? == set, "the Secret was changed");
    Ok(())
}

#[tokio::test]
async fn a_declaration_that_is_listed_as_it_was_does_not_undo_the_present_one() -> Result<()> {
    let env = made_before("stale-spec").await?;
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let narrower = json!({"read-reports": null, "list": document(&list)});
    while_frozen(&env, Stale::Lists, async || {
        env.patch(OBJECT, json!({"spec": {"role": {"inlinePolicies": narrower, "managedPolicyArns": []}}})).await?;
        env.settled(OBJECT).await.map(drop)
    })
    .await?;
    the_role_stays_as_it_is(&env).await
}

#[tokio::test]
async fn a_secret_that_is_shown_as_it_was_does_not_overwrite_a_renewed_one() -> Result<()> {
    let env = made_before("stale-set").await?;
    due(&env, OBJECT).await?;
    while_frozen(&env, Stale::Reads, async || renewed(&env, OBJECT).await.map(drop)).await?;
    let renewed = env.secret(OBJECT).await?;

    good_all_the_while(&env, OBJECT, async {
        let operator = env.start().await?;
        eventually("two writes over the renewed Secret are refused", async || {
            let refused = env.kube_proxy.requests_that(|recorded| {
                let of_secret = recorded.request.verb == Verb::Apply && recorded.request.resource == "secrets";
                of_secret && recorded.outcome == Outcome::Answered(409)
            });
            ensure!(refused.len() >= 2, "{} so far", refused.len());
            Ok(())
        })
        .await?;
        ensure!(env.secret(OBJECT).await? == renewed, "the renewed set was overwritten");
        let name = env.iam_name(OBJECT);
        let begun = env.proxy.calls_that(|call| call.role.as_ref() == Some(&name) && call.get("ExternalId").is_some());
        ensure!(begun.len() == 1, "{} sessions for one set", begun.len());

        env.kube_proxy.thaw();
        env.wake(&operator, OBJECT).await?;
        env.settled(OBJECT).await.map(drop)
    })
    .await
}
