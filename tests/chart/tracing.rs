//! The settings of traces: variables of the operator, and a way to the collector.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::variants::traced;
use lab::helm::{Helm, documents, object};

const NAME: &str = "crossaccount-operator";

/// The variables of the operator, by name.
fn variables(rendered: &[Value]) -> Result<Vec<(String, Value)>> {
    let deployment = object(rendered, "Deployment", NAME)?;
    let list = &deployment["spec"]["template"]["spec"]["containers"][0]["env"];
    let list = list.as_array().cloned().unwrap_or_default();
    Ok(list
        .into_iter()
        .map(|one| (one["name"].as_str().unwrap_or_default().to_owned(), one["value"].clone()))
        .collect())
}

#[tokio::test]
async fn an_endpoint_sets_the_standard_variables_and_none_sets_none() -> Result<()> {
    let helm = Helm::new().await?;
    let set = variables(&documents(&helm.render(&traced()).await?)?)?;
    for (name, value) in [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel-collector.monitoring:4318"),
        ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.5"),
    ] {
        let found = set.iter().find(|(set, _)| set == name).with_context(|| format!("{name} is not in {set:?}"))?;
        assert_eq!(found.1, value, "{name}");
    }
    let plain = variables(&documents(&helm.render(&json!({"tracing": {"sampleRatio": 0.5}})).await?)?)?;
    ensure!(!plain.iter().any(|(name, _)| name.starts_with("OTEL_")), "{plain:?}");
    Ok(())
}

#[tokio::test]
async fn the_network_policy_lets_the_operator_reach_the_port_of_the_collector() -> Result<()> {
    let helm = Helm::new().await?;
    let ports = async |endpoint: &str| {
        let values = json!({"tracing": {"endpoint": endpoint}, "networkPolicy": {"enabled": true}});
        let rendered = documents(&helm.render(&values).await?)?;
        let egress = object(&rendered, "NetworkPolicy", NAME)?["spec"]["egress"].clone();
        // The rules that are for every destination.
        let open = egress.as_array().cloned().unwrap_or_default().into_iter().filter(|rule| rule["to"].is_null());
        let ports = open.flat_map(|rule| rule["ports"].as_array().cloned().unwrap_or_default());
        anyhow::Ok(ports.filter_map(|one| one["port"].as_u64()).collect::<Vec<_>>())
    };
    let plain = ports("").await?;
    for (endpoint, port) in [
        ("http://otel-collector.monitoring:4318", 4318),
        ("http://otel-collector.monitoring", 80),
        ("https://collector.example/base", 443),
        ("http://[fd00::1]:4318/", 4318),
    ] {
        let mut expected = plain.clone();
        expected.push(port);
        assert_eq!(ports(endpoint).await?, expected, "{endpoint}");
    }
    Ok(())
}
