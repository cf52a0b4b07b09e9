//! What a control plane has of this project.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::kubectl;
use crate::{helm::documents, repository, run};

/// Applies the CRDs, the operator's RBAC and the admission policies as a person would, and waits until the API server serves the new
/// kinds. It holds writes against the policies some moments later.
pub async fn apply(folder: &Path, programs: &Path) -> Result<()> {
    let policies = folder.join("policies.json");
    fs::write(&policies, admission_policies()?.to_string())?;
    for file in [repository().join("deploy/rbac.yaml"), policies] {
        run(kubectl(folder, programs).args(["apply", "--server-side", "-f"]).arg(file)).await?;
    }
    let crds = repository().join("crds");
    if crds.exists() {
        run(kubectl(folder, programs).args(["apply", "--server-side", "-f"]).arg(&crds)).await?;
        let wait = ["wait", "--for=condition=Established", "--timeout=30s", "-f"];
        run(kubectl(folder, programs).args(wait).arg(&crds)).await?;
    }
    Ok(())
}

/// The admission policies of an installation, and what binds them.
fn admission_policies() -> Result<Value> {
    let installed = documents(&fs::read_to_string(repository().join("deploy/install.yaml"))?)?.into_iter();
    let is_policy =
        |object: &Value| object["kind"].as_str().is_some_and(|kind| kind.starts_with("ValidatingAdmissionPolicy"));
    let policies: Vec<Value> = installed.filter(is_policy).collect();
    ensure!(!policies.is_empty(), "deploy/install.yaml has no admission policy");
    Ok(json!({"apiVersion": "v1", "kind": "List", "items": policies}))
}
