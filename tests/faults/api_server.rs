//! An API server that is silent, away, or takes no writes, while credentials are due.

use anyhow::{Result, ensure};
use serde_json::json;

use lab::{aws_proxy::RecordedCall, env::TestEnv, kube_proxy::Verb};

use super::befell;
use crate::{
    credentials::times::{due, good_all_the_while, lasts, nearly_due, renewed},
    grants::stage,
};

const OBJECT: &str = "reader";
const WRITES: [Verb; 4] = [Verb::Create, Verb::Update, Verb::Apply, Verb::Patch];

/// How many sessions of the object's role were begun so far, apart from proofs that it needs the external id.
pub fn sessions(env: &TestEnv) -> usize {
    let name = env.iam_name(OBJECT);
    let begun = |call: &RecordedCall| {
        call.action == "AssumeRole" && call.role.as_ref() == Some(&name) && call.get("ExternalId").is_some()
    };
    env.proxy.calls_that(begun).len()
}

/// A Ready object. Its operator has ended.
async fn made_before(name: &str) -> Result<TestEnv> {
    let env = TestEnv::new(name).await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    operator.stop().await?;
    env.proxy.reset_counts();
    Ok(env)
}

#[tokio::test]
async fn credentials_are_renewed_by_an_operator_that_hears_of_nothing() -> Result<()> {
    let env = made_before("mute").await?;
    nearly_due(&env, OBJECT).await?;
    let silence = env.kube_proxy.on([Verb::Watch], "*").mute();
    let _operator = env.start().await?;
    good_all_the_while(&env, OBJECT, renewed(&env, OBJECT)).await?;
    ensure!(sessions(&env) == 1, "{} sessions", sessions(&env));

    // What happened in the silence is learned of once the watch has ended, which its own time limit sees to.
    env.patch(OBJECT, json!({"spec": {"role": {"description": "edited"}}})).await?;
    silence.release();
    env.kube_proxy.cut_watches("crossaccountroles");
    env.settled(OBJECT).await?;
    ensure!(env.standing(OBJECT).await?.0.description.as_deref() == Some("edited"));
    Ok(())
}

#[tokio::test]
async fn what_was_missed_is_learned_of_after_a_resource_version_is_too_old() -> Result<()> {
    let env = TestEnv::new("gone").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    for resource in ["crossaccountroles", "awsaccounts"] {
        env.kube_proxy.on_event(resource).kind("MODIFIED").times(1).drop_event();
    }
    env.patch_account(json!({"allowedNamespaces": {"names": []}})).await?;
    env.patch(OBJECT, json!({"spec": {"role": {"description": "edited"}}})).await?;
    let gone = env.kube_proxy.on([Verb::Watch, Verb::List], "*").times(6).gone();
    for resource in ["crossaccountroles", "awsaccounts", "secrets", "namespaces"] {
        env.kube_proxy.cut_watches(resource);
    }
    befell(&gone, 6).await?;
    env.is_closed(OBJECT).await?;
    env.shows(OBJECT, "False", "NotAllowed").await.map(drop)
}

#[tokio::test]
async fn an_api_server_that_is_away_when_credentials_are_due_gets_them_when_it_is_back() -> Result<()> {
    let env = TestEnv::new("away").await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    // Nothing can be written, so that the renewal is not over before the outage begins.
    let refused = env.kube_proxy.on(WRITES, "secrets").error(503, "ServiceUnavailable", "about to shut down");
    nearly_due(&env, OBJECT).await?;
    env.wake(&operator, OBJECT).await?;
    env.proxy.reset_counts();
    good_all_the_while(&env, OBJECT, async {
        let failed = operator.all_reconciles().await?;
        env.kube_proxy.begin_outage();
        refused.release();
        // The renewal falls into the outage, at least in part, and is tried several times.
        operator.reconciled_after(failed + 2).await?;
        env.kube_proxy.end_outage();
        renewed(&env, OBJECT).await
    })
    .await?;
    ensure!(sessions(&env) == 1, "{} sessions for one renewal", sessions(&env));
    Ok(())
}

/// Refuses the writes of the renewed Secret for a while.
async fn survives_refused_secrets(name: &str, code: u16, reason: &str, message: &str) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    env.wake(&operator, OBJECT).await?;
    env.proxy.reset_counts();
    let refused = env.kube_proxy.on(WRITES, "secrets").error(code, reason, message);
    due(&env, OBJECT).await?;
    good_all_the_while(&env, OBJECT, async {
        befell(&refused, 2).await?;
        let told = env.shows(OBJECT, "True", "Degraded").await?;
        ensure!(told.contains(message), "{told}");
        refused.release();
        renewed(&env, OBJECT).await
    })
    .await?;
    ensure!(sessions(&env) == 1, "{} sessions for one renewal", sessions(&env));
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_fails_is_told_and_the_renewed_set_is_kept_until_it_works() -> Result<()> {
    let message = "failed calling webhook \"policy.example.com\": context deadline exceeded";
    survives_refused_secrets("webhook", 500, "InternalError", message).await
}

#[tokio::test]
async fn a_quota_that_is_full_is_told_and_the_renewed_set_is_kept_until_there_is_room() -> Result<()> {
    let message = "exceeded quota: secrets, requested: count/secrets=1";
    survives_refused_secrets("quota-full", 403, "Forbidden", message).await
}

#[tokio::test]
async fn credentials_that_expire_behind_a_webhook_that_fails_are_told_to_be_over() -> Result<()> {
    let env = TestEnv::new("webhook-end").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let refused = env.kube_proxy.on(WRITES, "secrets").error(500, "InternalError", "failed calling webhook");
    due(&env, OBJECT).await?;
    let told = env.shows(OBJECT, "False", "Expired").await?;
    ensure!(told.contains("failed calling webhook"), "{told}");
    refused.release();
    env.patch(OBJECT, json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?; // the next try may be minutes away
    env.settled(OBJECT).await.map(drop)
}

#[tokio::test]
async fn a_status_that_cannot_be_written_keeps_no_credentials_from_being_renewed() -> Result<()> {
    let env = TestEnv::new("no-status").await?;
    let operator = env.start().await?;
    let made = env.ready_role(OBJECT).await?;
    env.wake(&operator, OBJECT).await?;
    // A set of the same second would change nothing in status.
    let set = made.status.and_then(|status| status.credentials).unwrap_or_default();
    env.a_second_after(set.issued_at.as_ref()).await?;
    env.proxy.reset_counts();
    let refused = env.kube_proxy.on(WRITES, "crossaccountroles/status").error(500, "InternalError", "no room in etcd");
    due(&env, OBJECT).await?;
    good_all_the_while(&env, OBJECT, async {
        lasts(&env, OBJECT).await?;
        befell(&refused, 3).await
    })
    .await?;
    ensure!(sessions(&env) == 1, "{} sessions for one renewal", sessions(&env));
    refused.release();
    env.settled(OBJECT).await.map(drop)
}

#[tokio::test]
async fn a_storm_of_conflicts_delays_a_role_and_makes_no_second_one() -> Result<()> {
    let env = TestEnv::new("conflicts").await?;
    let resources = ["crossaccountroles", "crossaccountroles/status", "secrets", "awsaccounts/status"];
    let message = "the object has been modified; please apply your changes to the latest version and try again";
    let storm = resources.map(|resource| env.kube_proxy.on(WRITES, resource).times(1).error(409, "Conflict", message));
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    for (resource, conflicts) in resources.iter().zip(&storm) {
        ensure!(conflicts.hits() > 0, "nothing was written to {resource}");
    }
    let made = env.proxy.calls_that(|call| call.action == "CreateRole" && call.status() == Some(200));
    ensure!(made.len() == 1, "{made:?}");
    ensure!(sessions(&env) == 1, "{} sessions", sessions(&env));
    Ok(())
}

#[tokio::test]
async fn a_grant_that_cannot_be_announced_in_status_keeps_no_credentials_from_being_renewed() -> Result<()> {
    let env = stage::lab("no-ledger").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let deployer = stage::user(&env, "deployer").await?;
    let message = "failed calling webhook \"status.example.com\"";
    let refused = env.kube_proxy.on(WRITES, "crossaccountroles/status").error(500, "InternalError", message);
    env.patch(OBJECT, json!({"spec": {"sourceGrants": [stage::to_user(&env, "deployer")]}})).await?;
    befell(&refused, 2).await?;
    due(&env, OBJECT).await?;
    good_all_the_while(&env, OBJECT, lasts(&env, OBJECT)).await?;
    refused.release();
    env.patch(OBJECT, json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    env.settled(OBJECT).await?;
    let given = stage::may_assume(&env, "deployer").await?;
    ensure!(given.is_some_and(|given| given.len() == 1), "{} is given nothing", deployer.arn);
    Ok(())
}
