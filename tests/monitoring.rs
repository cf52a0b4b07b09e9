//! Metrics, alerts and the dashboard: Prometheus' own promtool judges what a running operator exports.

mod alerts;
mod dashboard;
mod pages;
mod promtool;

use std::{collections::BTreeSet, fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use lab::{helm::Helm, operator::Operator, repository};
use serde_json::Value;

/// The file of rules.
fn rules_file() -> PathBuf {
    Helm::chart().join("files/alerts.yaml")
}

/// The rules of all groups.
fn rules() -> Result<Vec<Value>> {
    let file: Value = serde_saphyr::from_str(&fs::read_to_string(rules_file())?)?;
    let groups = file["groups"].as_array().context("there are no groups of rules")?;
    let rules: Vec<Value> = groups.iter().filter_map(|group| group["rules"].as_array()).flatten().cloned().collect();
    ensure!(!rules.is_empty(), "there are no rules");
    Ok(rules)
}

/// The names of all alerts.
fn alerts() -> Result<BTreeSet<String>> {
    rules()?.iter().map(|rule| Ok(rule["alert"].as_str().context("a rule is no alert")?.to_owned())).collect()
}

/// The names of all metrics, as the page of metrics has them.
fn metrics() -> Result<BTreeSet<String>> {
    let page = fs::read_to_string(repository().join("docs/metrics.md"))?;
    let names = page.lines().filter_map(|line| line.strip_prefix("| `crossaccount_")?.split('`').next());
    let names: BTreeSet<String> = names.map(|name| format!("crossaccount_{name}")).collect();
    ensure!(names.len() > 10, "only {names:?} are documented");
    Ok(names)
}

/// The metrics that a query is about. The series of a histogram have endings of their own.
fn metrics_of(query: &str) -> BTreeSet<String> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let names = words.filter(|word| word.starts_with("crossaccount_"));
    names
        .map(|name| {
            ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name).to_owned()
        })
        .collect()
}

/// What the operator exports now.
async fn scrape(operator: &Operator) -> Result<String> {
    let (code, exposition) = operator.get("/metrics").await?;
    ensure!(code == 200, "{code}: {exposition}");
    Ok(exposition)
}

/// The value of one series in an exposition; none if it is not there.
fn value(exposition: &str, series: &str) -> Option<i64> {
    exposition.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' ')?.parse().ok())
}
