//! Two `AWSAccount`s of one AWS account: whose roles share their names.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, CrossAccountRole};
use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Condition};
use kube::{
    Api,
    api::{ListParams, PostParams},
};

use lab::env::TestEnv;

/// Declares the target account once more.
async fn second_account(env: &TestEnv) -> Result<String> {
    let mut account = env.account();
    let name = format!("{}-second", env.namespace);
    account.metadata.name = Some(name.clone());
    env.accounts.create(&PostParams::default(), &account).await?;
    Ok(name)
}

fn ready(role: &CrossAccountRole) -> Result<Condition> {
    role.condition(ConditionType::Ready).cloned().context("there is no condition Ready")
}

/// Fails if an Event ever said of an object that somebody else has its role.
async fn was_never_refused_its_role(env: &TestEnv, name: &str) -> Result<()> {
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    let about = ListParams::default().fields(&format!("regarding.name={name}"));
    let reasons = events.list(&about).await?.into_iter().filter_map(|event| event.reason);
    let reasons: Vec<String> = reasons.collect();
    ensure!(!reasons.iter().any(|reason| reason == "RoleNotOwned"), "the Events are {reasons:?}");
    Ok(())
}

#[tokio::test]
async fn a_conflict_between_two_accounts_of_one_id_outlasts_a_restart() -> Result<()> {
    let env = TestEnv::new("one-id").await?;
    let second = second_account(&env).await?;
    let operator = env.start().await?;
    let shared = format!("{}-shared", env.namespace);
    let mut winner = env.role("winner");
    winner.spec.role.name = Some(shared.clone());
    env.create(&winner).await?;
    env.settled("winner").await?;
    let mut loser = env.role("loser");
    loser.spec.role.name = Some(shared.clone());
    loser.spec.account_ref.name = second;
    env.create(&loser).await?;
    env.shows("loser", "False", "Conflict").await?;
    let before = ready(&env.roles.get("loser").await?)?;
    operator.stop().await?;

    // Kubernetes keeps times in seconds, and a change is to show.
    env.a_second_after(Some(&before.last_transition_time)).await?;
    env.proxy.reset_counts();
    let operator = env.start().await?;
    for _ in 0..3 {
        env.wake(&operator, "loser").await?;
        env.wake(&operator, "winner").await?;
    }
    assert_eq!(ready(&env.roles.get("loser").await?)?, before);
    was_never_refused_its_role(&env, "loser").await?;
    let calls = env.proxy.calls_that(|call| call.role.as_ref() == Some(&shared));
    assert!(calls.is_empty(), "the one that has the role is as it was, and the other one made {calls:?}");
    env.settled("winner").await?;
    Ok(())
}
