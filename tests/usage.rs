//! Which services a role used, as IAM reports it on request.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{CrossAccountRole, UsageStatus, annotation};
use crossaccount::domain::whole_seconds;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use lab::{env::TestEnv, tester::Tester, wait::eventually};

const BEGIN: &str = "GenerateServiceLastAccessedDetails";
const LOOK: &str = "GetServiceLastAccessedDetails";

/// A role that may use queues as well, and uses none.
async fn with_an_unused_service(env: &TestEnv, tester: &Tester<'_>) -> Result<()> {
    let mut role: CrossAccountRole = tester.role("reader");
    let queue = json!({"Statement": {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}});
    role.spec.role.inline_policies.insert("queue".into(), serde_json::from_value(queue)?);
    env.create(&role).await?;
    env.settled("reader").await?;
    Ok(())
}

async fn ask(env: &TestEnv, at: Timestamp) -> Result<()> {
    env.patch("reader", json!({"metadata": {"annotations": {annotation::USAGE_REQUESTED_AT: at.to_string()}}})).await
}

/// The answer to a request, once it is there.
async fn answer(env: &TestEnv, request: Timestamp) -> Result<UsageStatus> {
    eventually("the request is answered", async || {
        let usage =
            env.roles.get("reader").await?.status.and_then(|status| status.usage).context("there is no report")?;
        ensure!(usage.requested_at.as_ref().is_some_and(|at| at.0 == whole_seconds(request)), "{usage:?}");
        Ok(usage)
    })
    .await
}

#[tokio::test]
async fn a_report_names_the_services_that_the_role_used_and_those_that_it_did_not() -> Result<()> {
    let env = TestEnv::new("usage").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    with_an_unused_service(&env, &tester).await?;
    tester.has_a_working_set("reader").await?;
    env.proxy.reset_counts();
    let request = Timestamp::now();
    ask(&env, request).await?;

    let usage = answer(&env, request).await?;
    let used: Vec<_> = usage.services.iter().map(|one| (one.service.as_str(), one.last_used.is_some())).collect();
    ensure!(used == [("s3", false), ("sqs", false), ("sts", true)], "{usage:?}");
    let role = env.roles.get("reader").await?.status.and_then(|status| status.role).context("no role")?;
    ensure!(usage.role_id == role.id && usage.reported_at.is_some() && usage.problem.is_none(), "{usage:?}");
    // The first look finds it in progress.
    ensure!((env.proxy.count(BEGIN), env.proxy.count(LOOK)) == (1, 2), "{:?}", env.actions());

    // Once for a value: another pass asks for nothing.
    env.patch("reader", json!({"spec": {"role": {"description": "another"}}})).await?;
    env.settled("reader").await?;
    ensure!(env.proxy.count(BEGIN) == 1, "{:?}", env.actions());
    Ok(())
}

#[tokio::test]
async fn a_manager_that_may_not_ask_is_named_once_and_nothing_else_fails() -> Result<()> {
    let env = TestEnv::new("usage-denied").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.proxy.on(BEGIN).error(
        403,
        "AccessDenied",
        "User: manager is not authorized to perform: iam:GenerateServiceLastAccessedDetails",
    );
    let request = Timestamp::now();
    ask(&env, request).await?;
    let usage = answer(&env, request).await?;
    let problem = usage.problem.context("it is not said")?;
    ensure!(problem.contains("iam:GenerateServiceLastAccessedDetails") && usage.services.is_empty(), "{problem}");
    env.shows("reader", "True", "Available").await?;
    env.patch("reader", json!({"spec": {"role": {"description": "another"}}})).await?;
    env.settled("reader").await?;
    ensure!(env.proxy.count(BEGIN) == 1, "it was asked again: {:?}", env.actions());
    Ok(())
}

#[tokio::test]
async fn a_report_survives_faults_that_pass_and_a_job_that_iam_does_not_know_any_more() -> Result<()> {
    for (name, action, status, code) in [
        ("usage-throttled", BEGIN, 400, "Throttling"),
        ("usage-unavailable", LOOK, 503, "ServiceUnavailable"),
        ("usage-unknown", LOOK, 404, "NoSuchEntity"),
    ] {
        let env = TestEnv::new(name).await?;
        let _operator = env.start().await?;
        env.ready_role("reader").await?;
        // The SDK tries three times by itself, so what it tries again fails in more than one pass.
        env.proxy.on(action).times(4).error(status, code, "not now");
        let request = Timestamp::now();
        ask(&env, request).await?;
        let usage = answer(&env, request).await?;
        ensure!(usage.problem.is_none(), "{code}: {usage:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_request_for_later_waits_and_one_that_follows_at_once_waits_for_half_a_minute() -> Result<()> {
    let env = TestEnv::new("usage-times").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    ask(&env, Timestamp::now() + SignedDuration::from_hours(1)).await?;
    env.patch("reader", json!({"spec": {"role": {"description": "another"}}})).await?;
    env.settled("reader").await?;
    ensure!(env.proxy.count(BEGIN) == 0, "an hour early: {:?}", env.actions());

    let first = Timestamp::now();
    ask(&env, first).await?;
    let answered = answer(&env, first).await?.reported_at.context("no time")?.0;
    let second = Timestamp::now();
    ask(&env, second).await?;
    let again = answer(&env, second).await?.reported_at.context("no time")?.0;
    ensure!(again.duration_since(answered) >= SignedDuration::from_secs(29), "{answered} {again}");
    Ok(())
}
