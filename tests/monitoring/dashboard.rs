//! The dashboard of Grafana: each of its queries gives data where an operator works.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use lab::{env::TestEnv, helm::Helm, wait::eventually};
use serde_json::Value;

use super::{promtool::History, scrape, value};

/// Its queries, as Prometheus is sent them for all accounts.
pub fn queries() -> Result<Vec<String>> {
    let dashboard: Value = serde_json::from_str(&fs::read_to_string(Helm::chart().join("files/dashboard.json"))?)?;
    let panels = dashboard["panels"].as_array().context("it has no panels")?;
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let of_panels = targets.map(|target| target["expr"].as_str().context("a target has no query").map(str::to_owned));
    let variables = dashboard["templating"]["list"].as_array().context("it has no variables")?;
    let of_variables = variables.iter().filter_map(|variable| variable["query"]["query"].as_str()).map(|query| {
        // Grafana's own function: the values of a label of these series.
        let inside = query.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')'));
        let (series, label) = inside.and_then(|inside| inside.rsplit_once(", ")).with_context(|| query.to_owned())?;
        Ok(format!("count by ({label}) ({series})"))
    });
    let queries = of_panels.chain(of_variables).collect::<Result<Vec<String>>>()?;
    ensure!(queries.len() > 20, "only {} queries", queries.len());
    Ok(queries.iter().map(|query| query.replace("$__rate_interval", "5m").replace("$account", ".*")).collect())
}

#[tokio::test]
async fn every_query_of_the_dashboard_gives_data_where_an_operator_works() -> Result<()> {
    let env = TestEnv::new("dashboard").await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    // Renewed as soon as that can be: after a tenth of its life.
    let mut role = env.role("reader");
    role.spec.session.duration_seconds = 900;
    role.spec.session.renew_before_seconds = Some(810);
    env.create(&role).await?;
    let role = env.settled("reader").await?;
    let first = eventually("the account was looked at for drift", async || {
        let exposition = scrape(&operator).await?;
        ensure!(exposition.contains("crossaccount_orphan_roles{"), "not yet");
        Ok(exposition)
    })
    .await?;
    env.issued_again("reader", &role).await?;
    let second = scrape(&operator).await?;
    let renewals = |exposition| value(exposition, "crossaccount_renewal_lag_seconds_count");
    ensure!(renewals(&second) > renewals(&first), "no renewal was counted:\n{second}");

    let history = History::from(first).then(5, second);
    // A quantile of nothing is NaN, which equals nothing.
    let gives_data = |query: String| (6, format!("count(({query}) == ({query})) > bool 0"), 1);
    history.check(&queries()?.into_iter().map(gives_data).collect::<Vec<_>>()).await
}

#[tokio::test]
async fn a_query_without_data_is_found() -> Result<()> {
    let history = History::from("crossaccount_leader 1\n# EOF\n".to_owned());
    let ask = async |query: &str| history.check(&[(1, format!("count({query}) > bool 0"), 1)]).await;
    ask("sum(crossaccount_leader)").await?;
    ensure!(ask("sum(crossaccount_leaders)").await.is_err(), "a query about nothing gives data");
    Ok(())
}
