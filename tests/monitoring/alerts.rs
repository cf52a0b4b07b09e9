//! Each alert fires in the state that it is about, and no other alert with it. None fires while the operator works.

use anyhow::{Result, ensure};
use jiff::Timestamp;
use kube::api::DeleteParams;
use lab::{Injected, env::TestEnv, operator::Operator, wait::eventually};
use serde_json::json;

use super::{promtool::History, scrape, value};

/// Waits until a series has this value, and gives the scrape that shows it.
async fn exports(operator: &Operator, series: &str, wanted: impl Fn(i64) -> bool) -> Result<String> {
    eventually(&format!("{series} is exported as expected"), async || {
        let exposition = scrape(operator).await?;
        let found = value(&exposition, series);
        ensure!(found.is_some_and(&wanted), "{found:?}");
        Ok(exposition)
    })
    .await
}

/// A series of the account of an environment.
fn of_account(env: &TestEnv, metric: &str) -> String {
    format!("{metric}{{account=\"{}\"}}", env.namespace)
}

/// Asks for new credentials.
async fn ask_for_renewal(env: &TestEnv, name: &str) -> Result<()> {
    let annotation = json!({"iam.crossaccount.dev/renew-requested-at": Timestamp::now().to_string()});
    env.patch(name, json!({"metadata": {"annotations": annotation}})).await
}

#[tokio::test]
async fn no_alert_fires_while_the_operator_works() -> Result<()> {
    let env = TestEnv::new("no-alert").await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    let role = env.ready_role("reader").await?;
    let orphans = of_account(&env, "crossaccount_orphan_roles");
    let first = exports(&operator, &orphans, |number| number == 0).await?;
    ask_for_renewal(&env, "reader").await?;
    env.issued_again("reader", &role).await?;
    let second = scrape(&operator).await?;
    // Not longer than half of the life of the credentials: then the next renewal is due.
    History::from(first).then(10, second).fires(20, &[]).await
}

#[tokio::test]
async fn credentials_that_are_not_renewed_are_reported_late_and_then_as_expiring() -> Result<()> {
    let env = TestEnv::new("not-renewed").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let before = scrape(&operator).await?;
    env.proxy.on("AssumeRole").role(&env.iam_name("reader")).error(403, "AccessDenied", "not now");
    ask_for_renewal(&env, "reader").await?;
    env.shows("reader", "True", "Degraded").await?;
    let after = scrape(&operator).await?;
    for metric in ["crossaccount_next_renewal_timestamp_seconds", "crossaccount_first_expiry_timestamp_seconds"] {
        let series = of_account(&env, metric);
        ensure!(value(&after, &series).is_some() && value(&after, &series) == value(&before, &series), "{after}");
    }
    // An hour of credentials is due for renewal between minutes 24 and 30.
    let history = History::from(after);
    history.fires(20, &[]).await?;
    history.fires(40, &["CrossAccountRenewalLate"]).await?;
    history.fires(58, &["CrossAccountRenewalLate", "CrossAccountCredentialsExpiring"]).await?;
    history.fires(90, &["CrossAccountRenewalLate", "CrossAccountCredentialsExpiring"]).await
}

#[tokio::test]
async fn credentials_of_a_suspended_object_expire_without_an_alert() -> Result<()> {
    let env = TestEnv::new("suspended-quiet").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    env.shows("reader", "True", "Suspended").await?;
    History::from(scrape(&operator).await?).fires(90, &[]).await
}

#[tokio::test]
async fn an_account_that_cannot_be_entered_is_reported() -> Result<()> {
    let env = TestEnv::new("not-entered").await?;
    let operator = env.start().await?;
    let ready = of_account(&env, "crossaccount_account_ready");
    let good = exports(&operator, &ready, |ready| ready == 1).await?;
    let chain = json!([{"roleArn": env.aws.manager_arn, "externalId": "wrong"}]);
    env.patch_account(json!({"access": {"chain": chain}})).await?;
    let bad = exports(&operator, &ready, |ready| ready == 0).await?;
    let history = History::from(good).then(5, bad);
    history.fires(10, &[]).await?;
    history.fires(20, &["CrossAccountAccountNotReady"]).await
}

#[tokio::test]
async fn access_that_cannot_be_closed_is_reported_until_it_is_closed() -> Result<()> {
    let env = TestEnv::new("not-closed").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let unverified = of_account(&env, "crossaccount_closed_unverified_roles");
    let good = exports(&operator, &unverified, |number| number == 0).await?;
    let denied: Injected =
        env.proxy.on("PutRolePolicy").role(&env.iam_name("reader")).error(403, "AccessDenied", "not now");
    env.allow_nobody().await?;
    let open = exports(&operator, &unverified, |number| number == 1).await?;
    denied.release();
    env.wake(&operator, "reader").await?;
    let closed = exports(&operator, &unverified, |number| number == 0).await?;
    let history = History::from(good).then(5, open).then(15, closed);
    history.fires(4, &[]).await?;
    history.fires(14, &["CrossAccountAccessNotClosed"]).await?;
    history.fires(18, &[]).await
}

#[tokio::test]
async fn repairs_that_repeat_are_reported_and_one_repair_is_not() -> Result<()> {
    let env = TestEnv::new("drift-fight").await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    let mut role = env.role("reader");
    // So long that no renewal is due in the hours of this test.
    role.spec.role.max_session_duration_seconds = 43_200;
    role.spec.session.duration_seconds = 43_200;
    env.patch_account(json!({"guardrails": {"maxSessionDurationSeconds": 43_200}})).await?;
    env.create(&role).await?;
    env.settled("reader").await?;
    let repairs = of_account(&env, "crossaccount_drift_repairs_total");
    let none = exports(&operator, &repairs, |number| number == 0).await?;
    let mut fight = History::from(none.clone());
    let mut once = History::from(none);
    for time in 1..=4_u32 {
        env.aws
            .target
            .iam()
            .delete_role_policy()
            .role_name(env.iam_name("reader"))
            .policy_name("read-reports")
            .send()
            .await?;
        let repaired = exports(&operator, &repairs, |number| number == i64::from(time)).await?;
        let minute = 60 * time as usize;
        fight = fight.then(minute, repaired.clone());
        once = if time == 1 { once.then(minute, repaired) } else { once };
    }
    fight.fires(245, &["CrossAccountDriftFight"]).await?;
    once.fires(245, &[]).await
}

#[tokio::test]
async fn calls_that_fail_because_of_their_rate_are_reported() -> Result<()> {
    let env = TestEnv::new("throttled-alert").await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    env.ready_role("reader").await?;
    let good = scrape(&operator).await?;
    // Reads of roles, by themselves or with their account. The account itself can be entered.
    let throttled = ["GetAccountAuthorizationDetails", "GetRole*"].map(|action| env.proxy.on(action).throttle());
    let failed = async || {
        let exposition = scrape(&operator).await?;
        let lines = exposition.lines().filter(|line| line.contains("outcome=\"throttled\""));
        let number: u64 = lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum();
        anyhow::Ok((number, exposition))
    };
    let mut history = History::from(good);
    let mut before = 0;
    for minute in [2, 7, 12, 17, 22] {
        let (number, exposition) = eventually("more calls are throttled", async || {
            let (number, exposition) = failed().await?;
            ensure!(number > before, "{number}");
            Ok((number, exposition))
        })
        .await?;
        before = number;
        history = history.then(minute, exposition);
    }
    throttled.iter().for_each(Injected::release);
    history.fires(6, &[]).await?;
    history.fires(22, &["CrossAccountThrottled"]).await
}

#[tokio::test]
async fn roles_without_an_object_are_reported() -> Result<()> {
    let env = TestEnv::new("orphan-alert").await?;
    let operator = env.start().await?;
    env.ready_role("left").await?;
    env.ready_role("kept").await?;
    operator.kill().await?;
    // As when somebody removes a finalizer by hand.
    env.patch("left", json!({"metadata": {"finalizers": []}})).await?;
    env.roles.delete("left", &DeleteParams::default()).await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    let orphans = of_account(&env, "crossaccount_orphan_roles");
    let history = History::from(exports(&operator, &orphans, |number| number == 1).await?);
    history.fires(10, &[]).await?;
    history.fires(20, &["CrossAccountOrphanRoles"]).await
}

#[tokio::test]
async fn an_operator_that_is_gone_is_reported_and_so_is_a_shard_without_a_leader() -> Result<()> {
    const ALERT: &str = "CrossAccountOperatorAbsent";
    let env = TestEnv::new("absent").await?;
    let operator = env.start().await?;
    let leading = exports(&operator, "crossaccount_leader", |leader| leader == 1).await?;
    operator.stop().await?;
    let history = History::from(leading).then(2, "");
    history.fires(5, &[]).await?;
    history.fires(10, &[ALERT]).await?;

    let one_of_two = env.settings.clone().flag("--shard=0/2").start().await?;
    let half = exports(&one_of_two, "crossaccount_leader", |leader| leader == 1).await?;
    History::from(half).fires(10, &[ALERT]).await
}

#[tokio::test]
async fn no_series_of_an_account_or_an_object_outlives_it() -> Result<()> {
    let env = TestEnv::new("no-stale").await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    env.ready_role("reader").await?;
    exports(&operator, &of_account(&env, "crossaccount_orphan_roles"), |number| number == 0).await?;
    let (of_the_account, of_the_object) =
        (format!("account=\"{}\"", env.namespace), format!("namespace=\"{}\"", env.namespace));
    let exposition = scrape(&operator).await?;
    ensure!(exposition.contains(&of_the_account) && exposition.contains(&of_the_object), "{exposition}");

    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object leaves no series", async || {
        ensure!(!scrape(&operator).await?.contains(&of_the_object), "it does");
        Ok(())
    })
    .await?;
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    eventually("the account leaves no series", async || {
        let exposition = scrape(&operator).await?;
        ensure!(!exposition.contains(&of_the_account), "{exposition}");
        Ok(())
    })
    .await
}
