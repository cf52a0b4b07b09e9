//! Monitors find the processes, the network lets Prometheus in, and rules and dashboard arrive as their files have them.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::variants::monitored;
use lab::helm::{Helm, documents, object};

const NAME: &str = "crossaccount-operator";

/// Whether labels have all that a selector asks for.
fn selects(selector: &Value, labels: &Value) -> Result<bool> {
    let wanted = selector["matchLabels"].as_object().context("the selector has no labels")?;
    ensure!(!wanted.is_empty(), "it selects everything");
    Ok(wanted.iter().all(|(key, value)| labels[key] == *value))
}

/// The names of the ports in a list.
fn names(ports: &Value) -> Vec<&str> {
    ports.as_array().into_iter().flatten().filter_map(|port| port["name"].as_str()).collect()
}

#[tokio::test]
async fn a_service_monitor_selects_the_service_and_brings_it_with_it() -> Result<()> {
    let rendered = documents(&Helm::new().await?.render(&monitored("serviceMonitor")).await?)?;
    let monitor = object(&rendered, "ServiceMonitor", NAME)?;
    let service = object(&rendered, "Service", "crossaccount-operator-metrics")?;
    ensure!(selects(&monitor["spec"]["selector"], &service["metadata"]["labels"])?, "{monitor}");
    let endpoint = &monitor["spec"]["endpoints"][0];
    ensure!(names(&service["spec"]["ports"]).contains(&endpoint["port"].as_str().unwrap_or_default()), "{endpoint}");
    assert_eq!((&endpoint["interval"], &endpoint["honorLabels"]), (&json!("1m"), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn a_pod_monitor_selects_the_pods_and_needs_no_service() -> Result<()> {
    let rendered = documents(&Helm::new().await?.render(&monitored("podMonitor")).await?)?;
    ensure!(rendered.iter().all(|one| one["kind"] != "Service"), "there is a Service");
    let monitor = object(&rendered, "PodMonitor", NAME)?;
    let template = &object(&rendered, "Deployment", NAME)?["spec"]["template"];
    ensure!(selects(&monitor["spec"]["selector"], &template["metadata"]["labels"])?, "{monitor}");
    let endpoint = &monitor["spec"]["podMetricsEndpoints"][0];
    let ports = &template["spec"]["containers"][0]["ports"];
    ensure!(names(ports).contains(&endpoint["port"].as_str().unwrap_or_default()), "{endpoint}");
    assert_eq!((&endpoint["interval"], &endpoint["honorLabels"]), (&json!("1m"), &json!(true)));
    Ok(())
}

#[tokio::test]
async fn the_network_policy_lets_prometheus_in_from_everywhere() -> Result<()> {
    let rendered = documents(&Helm::new().await?.render(&monitored("podMonitor")).await?)?;
    let policy = object(&rendered, "NetworkPolicy", NAME)?;
    let rules = policy["spec"]["ingress"].as_array().context("it lets nobody in")?;
    let admits = |rule: &Value| rule.get("from").is_none() && rule["ports"] == json!([{"port": "http"}]);
    ensure!(rules.iter().any(admits), "{policy}");
    Ok(())
}

#[tokio::test]
async fn rules_and_dashboard_are_what_their_files_say() -> Result<()> {
    let rendered = documents(&Helm::new().await?.render(&monitored("podMonitor")).await?)?;
    let file = |name: &str| fs::read_to_string(Helm::chart().join("files").join(name));
    let rule = object(&rendered, "PrometheusRule", NAME)?;
    assert_eq!(rule["spec"], serde_saphyr::from_str::<Value>(&file("alerts.yaml")?)?);
    let dashboard = object(&rendered, "ConfigMap", "crossaccount-operator-dashboard")?;
    let text = dashboard["data"]["crossaccount-operator.json"].as_str().context("it has no dashboard")?;
    assert_eq!(serde_json::from_str::<Value>(text)?, serde_json::from_str::<Value>(&file("dashboard.json")?)?);
    assert_eq!(dashboard["metadata"]["labels"]["grafana_dashboard"], "1");
    for one in [rule, dashboard, object(&rendered, "PodMonitor", NAME)?] {
        assert_eq!(one["metadata"]["labels"]["release"], "prometheus", "{one}");
    }
    Ok(())
}
