//! Alerts, their pages, and the metrics that alerts and dashboard are about.

use std::{collections::BTreeSet, ffi::OsStr, fs};

use anyhow::{Context as _, Result, ensure};
use lab::repository;
use serde_json::json;

use super::{alerts, dashboard, metrics, metrics_of, promtool::run_test, rules, rules_file};

#[test]
fn every_alert_has_a_page_that_it_links_to_and_every_page_an_alert() -> Result<()> {
    let mut pages = BTreeSet::new();
    for entry in fs::read_dir(repository().join("docs/runbooks"))? {
        let path = entry?.path();
        let name = path.file_stem().and_then(OsStr::to_str).context("a page has no name")?.to_owned();
        let heading = format!("# {name}\n");
        ensure!(fs::read_to_string(&path)?.starts_with(&heading), "{} does not begin with {heading}", path.display());
        pages.insert(name);
    }
    assert_eq!(pages, alerts()?);
    for rule in rules()? {
        let alert = rule["alert"].as_str().unwrap_or_default();
        let link = rule["annotations"]["runbook_url"].as_str().unwrap_or_default();
        ensure!(link.ends_with(&format!("/blob/main/docs/runbooks/{alert}.md")), "{alert} links to {link}");
    }
    Ok(())
}

#[test]
fn every_page_of_an_alert_has_its_severity_and_commands_to_confirm_it() -> Result<()> {
    for rule in rules()? {
        let (alert, severity) = (rule["alert"].as_str().unwrap_or_default(), rule["labels"]["severity"].as_str());
        let severity = severity.with_context(|| format!("{alert} has no severity"))?;
        ensure!(["warning", "critical"].contains(&severity), "{alert}: {severity}");
        let page = fs::read_to_string(repository().join(format!("docs/runbooks/{alert}.md")))?;
        ensure!(page.contains(&format!("**Severity:** {severity}.")), "{alert}.md has another severity");
        let (_, confirm) = page.split_once("## Confirm\n").with_context(|| format!("{alert}.md: no way to confirm"))?;
        let (confirm, act) = confirm.split_once("## What to do\n").with_context(|| format!("{alert}.md: no advice"))?;
        ensure!(confirm.contains("kubectl ") && act.contains("1. "), "{alert}.md has no command or no step");
    }
    Ok(())
}

#[test]
fn every_alert_fires_in_a_test_with_a_running_operator() -> Result<()> {
    let tests = fs::read_to_string(repository().join("tests/monitoring/alerts.rs"))?;
    let untested: Vec<_> = alerts()?.into_iter().filter(|alert| !tests.contains(&format!("\"{alert}\""))).collect();
    ensure!(untested.is_empty(), "no test has {untested:?} fire");
    Ok(())
}

#[test]
fn alerts_and_dashboard_ask_only_for_metrics_that_there_are() -> Result<()> {
    let known = metrics()?;
    let rules = rules()?;
    let alerts = rules.iter().map(|rule| rule["expr"].as_str().unwrap_or_default().to_owned());
    for query in alerts.chain(dashboard::queries()?) {
        let asked = metrics_of(&query);
        ensure!(!asked.is_empty(), "{query} is about no metric of the operator");
        let unknown: Vec<_> = asked.difference(&known).collect();
        ensure!(unknown.is_empty(), "no metric of docs/metrics.md is called {unknown:?}: {query}");
    }
    Ok(())
}

/// In a template that fails, Prometheus puts the error into the alert.
#[tokio::test]
async fn an_alert_says_in_words_which_account_it_is_about() -> Result<()> {
    let not_ready = "crossaccount_account_ready{account=\"analytics-prod\"}";
    let throttled = "crossaccount_aws_requests_total{outcome=\"throttled\"}";
    let said = |alert: &str, labels: serde_json::Value, summary: &str, description: &str| {
        let link = format!("https://github.com/crossaccount/crossaccount-operator/blob/main/docs/runbooks/{alert}.md");
        let annotations = json!({"summary": summary, "description": description, "runbook_url": link});
        json!({"alertname": alert, "eval_time": "30m", "exp_alerts": [{"exp_labels": labels, "exp_annotations": annotations}]})
    };
    run_test(&json!({
        "rule_files": [rules_file()],
        "evaluation_interval": "1m",
        "tests": [{
            "interval": "1m",
            "input_series": [{"series": not_ready, "values": "0x30"}, {"series": throttled, "values": "0+6x30"}],
            "alert_rule_test": [
                said(
                    "CrossAccountAccountNotReady",
                    json!({"severity": "critical", "account": "analytics-prod"}),
                    "AWSAccount analytics-prod is not Ready",
                    "The operator cannot manage roles in account analytics-prod. Credentials of its roles are kept until they expire.",
                ),
                said(
                    "CrossAccountThrottled",
                    json!({"severity": "warning"}),
                    "AWS throttles the operator in its own account",
                    "100% of the calls to AWS for the operator itself fail because of their rate, after all retries.",
                ),
            ],
        }],
    }))
    .await
}
