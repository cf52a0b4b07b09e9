//! Credentials: issued once, renewed, kept while something fails, and seen by nobody else.

mod not_owned;
mod sessions;
pub mod times;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{OnExpiry, annotation};
use jiff::{SignedDuration, Timestamp};
use kube::api::PostParams;
use serde_json::{Value, json};

use lab::{env::TestEnv, wait::eventually};

use self::times::put_times;

#[tokio::test]
async fn one_renewal_takes_two_calls_and_a_request_counts_once() -> Result<()> {
    let env = TestEnv::new("renewal").await?;
    let _operator = env.start().await?;
    let before = env.ready_role("reader").await?;
    // Times are kept in whole seconds, and the request must be later than the issue.
    let issued = before.status.clone().and_then(|s| s.credentials).and_then(|c| c.issued_at).context("not issued")?;
    eventually("a second has passed", async || {
        ensure!(jiff::Timestamp::now().as_second() > issued.0.as_second(), "not yet");
        Ok(())
    })
    .await?;
    env.proxy.reset_counts();
    let now = jiff::Timestamp::now().to_string();
    env.patch("reader", json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}})).await?;
    env.issued_again("reader", &before).await?;
    env.patch("reader", json!({"spec": {"role": {"description": "another reconcile"}}})).await?;
    env.settled("reader").await?;
    let sts: Vec<String> =
        env.proxy.calls().into_iter().filter(|call| call.service == "sts").map(|call| call.action).collect();
    assert_eq!(sts, ["AssumeRole", "GetCallerIdentity"]);
    Ok(())
}

#[tokio::test]
async fn a_restart_with_twenty_good_roles_issues_nothing() -> Result<()> {
    let env = TestEnv::new("restart").await?;
    let operator = env.start().await?;
    for n in 0..20 {
        env.roles.create(&PostParams::default(), &env.role(&format!("reader-{n}"))).await?;
    }
    for n in 0..20 {
        env.settled(&format!("reader-{n}")).await?;
    }
    operator.stop().await?;

    env.proxy.reset_counts();
    let operator = env.start().await?;
    eventually("all twenty were reconciled", async || {
        let seen = operator.reconciles().await?;
        ensure!(seen >= 20, "{seen} so far");
        Ok(())
    })
    .await?;
    assert_eq!(env.actions(), ["GetCallerIdentity"], "only the operator's question who it is");
    Ok(())
}

#[tokio::test]
async fn no_part_of_a_credential_reaches_logs_events_status_or_metrics() -> Result<()> {
    let mut env = TestEnv::new("redacted").await?;
    env.settings = env.settings.flag("--log-level=trace");
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let (data, _) = env.secret("reader").await?;
    let set: Value = serde_json::from_str(&data["credentials.json"])?;
    let own = env.aws.operator.credentials.secret_access_key().to_owned();

    let log = operator.log().read();
    let (_, metrics) = operator.get("/metrics").await?;
    let kubectl = async |what: &[&str]| {
        let mut command = env.control_plane.kubectl();
        lab::run(command.args(["get", "-n", &env.namespace, "-o", "yaml"]).args(what)).await
    };
    let objects = kubectl(&["crossaccountroles,events.events.k8s.io"]).await?;
    assert!(log.contains("credentials issued") && objects.contains("CredentialsIssued"), "the places are not empty");
    for secret in ["AccessKeyId", "SecretAccessKey", "SessionToken"].map(|key| set[key].as_str().unwrap_or_default()) {
        assert!(secret.len() > 10);
        for (place, text) in [("the log", &log), ("metrics", &metrics), ("objects", &objects)] {
            assert!(!text.contains(secret), "{place}");
            assert!(!text.contains(&own), "{place}: the operator's own key");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_bad_policy_keeps_the_credentials_and_mending_it_is_enough() -> Result<()> {
    let env = TestEnv::new("malformed").await?;
    let _operator = env.start().await?;
    let before = env.ready_role("reader").await?;
    let (data, _) = env.secret("reader").await?;

    env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"bad": {"Version": "2012-10-17"}}}}})).await?;
    let message = env.shows("reader", "True", "Degraded").await?;
    assert!(message.contains("spec.role.inlinePolicies.bad"), "{message}");
    assert_eq!(env.secret("reader").await?.0, data);

    env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"bad": null}}}})).await?;
    let after = env.settled("reader").await?;
    assert_eq!(after.spec, before.spec);
    assert_eq!(env.secret("reader").await?.0, data);
    Ok(())
}

/// Puts back the clock of the Secret: its set expired a minute ago, as after an outage of AWS.
async fn let_expire(env: &TestEnv, name: &str) -> Result<()> {
    let expires_at = Timestamp::now() - SignedDuration::from_mins(1);
    put_times(env, name, expires_at - SignedDuration::from_hours(1), expires_at).await
}

#[tokio::test]
async fn a_set_that_expired_is_told_and_kept_or_deleted_as_declared() -> Result<()> {
    let env = TestEnv::new("expired").await?;
    let operator = env.start().await?;
    for (name, on_expiry) in [("kept", OnExpiry::Keep), ("deleted", OnExpiry::Delete)] {
        let mut role = env.role(name);
        role.spec.secret.on_expiry = on_expiry;
        env.create(&role).await?;
        env.settled(name).await?;
    }
    operator.stop().await?;
    for name in ["kept", "deleted"] {
        let_expire(&env, name).await?;
    }
    let outage = env.proxy.on("AssumeRole").error(503, "ServiceUnavailable", "try later");
    let _operator = env.start().await?;
    for name in ["kept", "deleted"] {
        let message = env.shows(name, "False", "Expired").await?;
        assert!(message.contains("ServiceUnavailable"), "{message}");
    }
    eventually("the Secret of the one is gone", async || {
        ensure!(env.secrets.get_opt("deleted").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    assert!(env.secrets.get_opt("kept").await?.is_some());
    env.patch("deleted", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    env.shows("deleted", "False", "Expired").await?; // the end of the set is still what is told

    outage.release();
    for name in ["kept", "deleted"] {
        env.settled(name).await?;
        assert!(env.secrets.get_opt(name).await?.is_some(), "{name}");
    }
    Ok(())
}
