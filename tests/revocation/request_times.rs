//! When a request by annotation counts, and how often.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use lab::{env::TestEnv, operator::Operator, tester::Tester, wait::eventually};

/// Requests that are made in quick succession.
const MANY: usize = 14;

async fn ask(env: &TestEnv, name: &str, key: &str, ahead: SignedDuration) -> Result<()> {
    let at = (Timestamp::now() + ahead).to_string();
    env.patch(name, json!({"metadata": {"annotations": {key: at}}})).await
}

async fn revoke(env: &TestEnv, name: &str, ahead: SignedDuration) -> Result<()> {
    ask(env, name, annotation::REVOKE_REQUESTED_AT, ahead).await
}

#[tokio::test]
async fn a_revocation_up_to_five_minutes_ahead_is_met_now_and_a_later_one_is_waited_for() -> Result<()> {
    let env = TestEnv::new("ahead").await?;
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let copy = env.copied("reader").await?;
    revoke(&env, "reader", SignedDuration::from_mins(10)).await?;
    for _ in 0..3 {
        env.wake(&operator, "reader").await?;
    }
    assert!(tester.works(&copy).await?, "what is asked for in ten minutes was done now");

    // As asked for by somebody whose clock goes ahead.
    revoke(&env, "reader", SignedDuration::from_secs(20)).await?;
    tester.is_denied("the earlier credentials", &copy).await?;
    let second = tester.has_a_working_set("reader").await?;
    revoke(&env, "reader", SignedDuration::from_mins(4)).await?;
    tester.is_denied("the second set", &second).await?;
    let third = tester.has_a_working_set("reader").await?;
    for _ in 0..3 {
        env.wake(&operator, "reader").await?;
    }
    assert!(tester.works(&third).await?, "one value counted twice");
    Ok(())
}

#[tokio::test]
async fn a_renewal_up_to_five_minutes_ahead_is_met_now() -> Result<()> {
    let env = TestEnv::new("early").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (data, _) = env.secret("reader").await?;
    ask(&env, "reader", annotation::RENEW_REQUESTED_AT, SignedDuration::from_mins(4)).await?;
    eventually("new credentials are issued", async || {
        ensure!(env.secret("reader").await?.0 != data, "they are the earlier ones");
        Ok(())
    })
    .await
}

/// Revokes the role of an object that this patch puts into a state in which nothing else is done for it.
async fn is_revoked_while(name: &str, says: &str, patch: Value) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    let older = env.ready_role("older").await?;
    env.a_second_after(older.metadata.creation_timestamp.as_ref()).await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let copy = env.copied("reader").await?;
    ensure!(tester.works(&copy).await?, "the set does not work");
    env.patch("reader", patch).await?;
    eventually("the status says so", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains(says), "{told}");
        Ok(())
    })
    .await?;
    revoke(&env, "reader", SignedDuration::ZERO).await?;
    tester.is_denied(&format!("the set of a role whose status says {says}"), &copy).await
}

#[tokio::test]
async fn a_suspended_role_is_revoked_on_request() -> Result<()> {
    is_revoked_while("suspended", "Suspended", json!({"spec": {"suspend": true}})).await
}

#[tokio::test]
async fn a_role_in_conflict_over_its_secret_is_revoked_on_request() -> Result<()> {
    is_revoked_while("in-conflict", "Conflict", json!({"spec": {"secret": {"name": "older"}}})).await
}

#[tokio::test]
async fn a_role_with_an_invalid_declaration_is_revoked_on_request() -> Result<()> {
    let invalid = json!({"spec": {"role": {"inlinePolicies": {"read-reports": {"Statement": null}}}}});
    is_revoked_while("invalid", "read-reports", invalid).await
}

#[tokio::test]
async fn a_role_whose_account_is_not_ready_is_revoked_on_request() -> Result<()> {
    let env = TestEnv::new("unready").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let copy = env.copied("reader").await?;
    // Only the check of the account fails; IAM answers.
    let target = env.aws.target.id();
    env.proxy.on("GetCallerIdentity").account(target).error(503, "ServiceUnavailable", "try later");
    env.patch_account(json!({"guardrails": {"maxSessionDurationSeconds": 7200}})).await?;
    eventually("the account is not Ready", async || {
        let conditions = env.accounts.get(&env.namespace).await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == "Ready").context("no condition")?;
        ensure!(ready.status == "False", "{ready:?}");
        Ok(())
    })
    .await?;
    revoke(&env, "reader", SignedDuration::ZERO).await?;
    tester.is_denied("the set of a role whose account is not Ready", &copy).await
}

/// Asks many times, each time after the operator has dealt with the last request and a second has passed, since AWS keeps
/// times in whole seconds. Gives how many effects are allowed in the time that this took: one at once, one that ends the
/// burst, and one more for every 30 s.
async fn ask_many_times(env: &TestEnv, operator: &Operator, key: &str) -> Result<usize> {
    let start = Instant::now();
    for _ in 0..MANY {
        env.a_second_after(Some(&Time(Timestamp::now()))).await?;
        let before = operator.all_reconciles().await?;
        ask(env, "reader", key, SignedDuration::ZERO).await?;
        operator.reconciled_after(before).await?;
    }
    Ok(2 + usize::try_from(start.elapsed().as_secs() / 30)?)
}

#[tokio::test]
async fn many_requested_renewals_cause_few_and_the_last_one_is_met() -> Result<()> {
    let env = TestEnv::new("impatient").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    env.proxy.reset_counts();
    let allowed = ask_many_times(&env, &operator, annotation::RENEW_REQUESTED_AT).await?;
    let role = env.iam_name("reader");
    let of_the_role = |action: &str| {
        env.proxy.calls_that(|call| call.action == action && call.role.as_deref() == Some(role.as_str())).len()
    };
    let made = of_the_role("AssumeRole");
    assert!(made <= allowed, "{MANY} requests caused {made} sessions, {allowed} are allowed");
    let annotations = env.roles.get("reader").await?.metadata.annotations.unwrap_or_default();
    let last: Timestamp = annotations[annotation::RENEW_REQUESTED_AT].parse()?;
    eventually("the last request is met", async || {
        let issued: Timestamp = env.secret("reader").await?.1[annotation::ISSUED_AT].parse()?;
        ensure!(issued.as_second() >= last.as_second(), "issued at {issued}, asked for at {last}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn many_requested_revocations_cause_few_writes_and_the_last_one_is_met() -> Result<()> {
    let env = TestEnv::new("alarmed").await?;
    let tester = Tester::new(&env).await?;
    let operator = env.start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    env.proxy.reset_counts();
    let allowed = ask_many_times(&env, &operator, annotation::REVOKE_REQUESTED_AT).await?;
    let written = env.proxy.count("PutRolePolicy");
    assert!(written <= allowed, "{MANY} requests caused {written} writes, {allowed} are allowed");
    // That the last request counts as well shows in the role: it denies what was issued before that.
    let annotations = env.roles.get("reader").await?.metadata.annotations.unwrap_or_default();
    let last: Timestamp = annotations[annotation::REVOKE_REQUESTED_AT].parse()?;
    eventually("the last request is met", async || {
        let (_, inline) = env.standing("reader").await?;
        let denials = inline.iter().filter(|(name, _)| name.starts_with("crossaccount-deny"));
        let until = denials.filter_map(|(_, document)| denied_before(document)).max().context("nothing is denied")?;
        ensure!(until.as_second() >= last.as_second(), "denied before {until}, asked for at {last}");
        Ok(())
    })
    .await?;
    tester.has_a_working_set("reader").await?;
    Ok(())
}

fn denied_before(document: &Value) -> Option<Timestamp> {
    let statement = match &document["Statement"] {
        Value::Array(statements) => statements.first()?,
        one => one,
    };
    let until = &statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"];
    until.as_str().or_else(|| until.get(0)?.as_str())?.parse().ok()
}
