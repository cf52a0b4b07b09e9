//! The chart in `deploy/chart`: what it renders, what it refuses, and a life as a release of Helm.

mod life;
mod monitoring;
mod rendered;
mod tracing;
mod values;
mod variants;

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::{io::AsyncWriteExt as _, process::Command};

use lab::run;

/// Runs a command with this text as its standard input, and gives what it printed.
async fn run_with(command: &mut Command, input: &str) -> Result<String> {
    let file = tempfile::NamedTempFile::new()?;
    tokio::fs::File::create(file.path()).await?.write_all(input.as_bytes()).await?;
    run(command.stdin(std::fs::File::open(file.path())?)).await
}

/// The pod template of a Deployment, as a Pod.
fn pod_of(deployment: &Value, name: &str) -> Result<Value> {
    let template = deployment.pointer("/spec/template").context("it has no pod template")?;
    let mut pod = serde_json::json!({"apiVersion": "v1", "kind": "Pod"});
    pod["metadata"] = template["metadata"].clone();
    pod["metadata"]["name"] = name.into();
    pod["metadata"]["namespace"] = deployment["metadata"]["namespace"].clone();
    pod["spec"] = template["spec"].clone();
    Ok(pod)
}
