//! A release of the chart as far as the cluster knows it: its service account, its rights and its admission policies. The
//! operator itself is started by the test.

use std::{fs, path::PathBuf};

use anyhow::Result;
use serde_json::json;

use lab::{env::TestEnv, guard, helm::Helm, run};

/// What is rendered of the chart.
const PARTS: [&str; 3] = ["serviceaccount", "rbac", "admission"];

/// An installed release.
pub struct Release {
    /// Its name, which is also that of its service account.
    pub name: String,
    /// Its own namespace.
    pub namespace: String,
}

impl Release {
    /// Installs one for these namespaces; for all, if there are none.
    pub async fn install(env: &TestEnv, watched: &[&str]) -> Result<Self> {
        let name = format!("crossaccount-operator-{}", env.namespace);
        let namespace = env.add_namespace("system").await?;
        let helm = Helm::new().await?;
        let mut template = helm.command();
        template.args(["template", &name]).arg(Helm::chart()).args(["--namespace", &namespace, "--values"]);
        template.arg(helm.values(&json!({"watchNamespaces": watched}))?);
        for part in PARTS {
            template.arg("--show-only").arg(format!("templates/{part}.yaml"));
        }
        let manifests = guard::scratch("release")?.join("release.yaml");
        fs::write(&manifests, run(&mut template).await?)?;
        run(env.control_plane.kubectl().args(["apply", "--server-side", "--filename"]).arg(manifests)).await?;
        Ok(Self { name, namespace })
    }

    /// A kubeconfig file of its operator, which reaches the API server through the proxy of the test.
    pub async fn kubeconfig(&self, env: &TestEnv) -> Result<PathBuf> {
        env.kube_proxy.kubeconfig(&env.control_plane.token(&self.namespace, &self.name).await?)
    }

    /// Its operator as the API server names it.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }
}
