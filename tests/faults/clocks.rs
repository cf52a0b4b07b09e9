//! An operator whose clock is five minutes off. What it writes goes by AWS's clock.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use lab::{deployment::Deployment, env::TestEnv};

use crate::credentials::times::{good_all_the_while, nearly_due, renewed};

const OBJECT: &str = "reader";

async fn works_with_a_clock_ahead_by(name: &str, by: SignedDuration) -> Result<()> {
    let mut deployment = Deployment::new(name).await?;
    deployment.env.settings = deployment.env.settings.clock_ahead(by).await?;
    let env = &deployment.env;
    let operator = env.start().await?;
    let session = deployment.ready_and_in_use(OBJECT).await?;
    is_of_now(env).await?;

    // A renewal that came five minutes late would leave a gap.
    nearly_due(env, OBJECT).await?;
    let after = good_all_the_while(env, OBJECT, renewed(env, OBJECT)).await?;
    is_of_now(env).await?;

    // A denial of sessions until the operator's own time would reach five minutes into the future or into the past.
    let copy = env.copied(OBJECT).await?;
    let issued_at = after.status.and_then(|status| status.credentials).and_then(|set| set.issued_at);
    env.a_second_after(issued_at.as_ref()).await?;
    let now = Timestamp::now().to_string();
    let before = env.roles.get(OBJECT).await?;
    env.patch(OBJECT, json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: now}}})).await?;
    env.issued_again(OBJECT, &before).await?;
    deployment.is_dead_now(&session).await?;
    deployment.is_dead_now(&copy).await?;
    deployment.runs_errand(&env.copied(OBJECT).await?).await?;

    deployment.withdraw().await?;
    deployment.is_shut_out(OBJECT, &session).await?;
    deployment.give_back().await?;
    env.settled(OBJECT).await?;
    deployment.runs_errand(&env.copied(OBJECT).await?).await?;
    deployment.works(&deployment.deployer, OBJECT).await?;

    operator.stop().await?;
    env.proxy.reset_counts();
    let operator = env.start().await?;
    operator.reconciled_after(0).await?;
    let name = env.iam_name(OBJECT);
    let begun = env.proxy.calls_that(|call| call.role.as_ref() == Some(&name) && call.get("ExternalId").is_some());
    ensure!(begun.is_empty(), "a restart issues again what is good: {begun:?}");
    Ok(())
}

/// Fails unless status tells that the set was issued just now, expires in an hour and is renewed in half of that.
async fn is_of_now(env: &TestEnv) -> Result<()> {
    let set = env.roles.get(OBJECT).await?.status.and_then(|status| status.credentials).context("no credentials")?;
    let (now, [issued, expires, renews]) = (Timestamp::now(), [set.issued_at, set.expires_at, set.renew_at]);
    for (what, at, minutes) in [("issued", issued, -1..=1), ("expires", expires, 58..=60), ("renews", renews, 22..=30)]
    {
        let away = at.with_context(|| format!("no time: {what}"))?.0.duration_since(now).as_mins();
        ensure!(minutes.contains(&away), "{what} in {away} minutes");
    }
    Ok(())
}

#[tokio::test]
async fn an_operator_whose_clock_is_five_minutes_ahead_renews_and_denies_by_the_clock_of_aws() -> Result<()> {
    works_with_a_clock_ahead_by("ahead", SignedDuration::from_mins(5)).await
}

#[tokio::test]
async fn an_operator_whose_clock_is_five_minutes_behind_renews_and_denies_by_the_clock_of_aws() -> Result<()> {
    works_with_a_clock_ahead_by("behind", SignedDuration::from_mins(-5)).await
}
