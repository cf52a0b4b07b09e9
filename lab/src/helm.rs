//! Helm with the chart in `deploy/chart`, as a person runs it.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    control_plane::{ControlPlane, OPERATOR_ACCOUNT},
    guard, repository, run, script,
};

/// Name of the release in all documentation.
pub const RELEASE: &str = "crossaccount-operator";

/// The program, and a home folder for its caches.
#[derive(Debug)]
pub struct Helm {
    program: PathBuf,
    home: PathBuf,
}

impl Helm {
    /// Builds Helm at the first time.
    pub async fn new() -> Result<Self> {
        Ok(Self { program: script("tools.sh").await?.join("helm"), home: guard::scratch("helm")? })
    }

    /// The folder of the chart.
    pub fn chart() -> PathBuf {
        repository().join("deploy/chart")
    }

    /// A command that reaches no cluster.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("HOME", &self.home).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command
    }

    /// A command of an administrator of this cluster, in the operator's namespace.
    pub fn on(&self, cluster: &ControlPlane) -> Command {
        let mut command = self.command();
        command.env("KUBECONFIG", cluster.admin_kubeconfig()).args(["--namespace", OPERATOR_ACCOUNT.0]);
        command
    }

    /// The manifests that the chart renders with these values, as text.
    pub async fn render(&self, values: &Value) -> Result<String> {
        let file = self.values(values)?;
        let mut command = self.command();
        command.args(["template", RELEASE]).arg(Self::chart()).args(["--namespace", OPERATOR_ACCOUNT.0, "--values"]);
        run(command.arg(file)).await
    }

    /// A file with these values.
    pub fn values(&self, values: &Value) -> Result<PathBuf> {
        let file = guard::scratch("values")?.join("values.yaml");
        // JSON is YAML.
        std::fs::write(&file, values.to_string())?;
        Ok(file)
    }

    /// Where Helm keeps its caches.
    pub fn home(&self) -> &Path {
        &self.home
    }
}

/// The documents of a stream of YAML.
pub fn documents(yaml: &str) -> Result<Vec<Value>> {
    let texts = yaml.split("\n---").map(|text| text.trim_start_matches("---"));
    let parsed =
        texts.map(|text| serde_saphyr::from_str::<Value>(text).with_context(|| format!("this is no YAML:\n{text}")));
    Ok(parsed.collect::<Result<Vec<_>>>()?.into_iter().filter(|value| !value.is_null()).collect())
}

/// The object of this kind and name.
pub fn object<'a>(documents: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let found = documents.iter().find(|document| document["kind"] == kind && document["metadata"]["name"] == name);
    found.with_context(|| format!("there is no {kind} {name}"))
}
