//! People who run the plugin, each with rights of their own.

use std::{path::PathBuf, process::Stdio};

use anyhow::{Context as _, Result};
use crossaccount::api::{AWSAccount, CrossAccountRole};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::bootstrap::plugin::{Printed, file, run};
use lab::{env::TestEnv, shipped_program, wait::eventually};

/// Somebody with a kubeconfig.
pub struct Person {
    kubeconfig: PathBuf,
    namespace: String,
}

impl Person {
    /// An administrator of the cluster.
    pub fn admin(env: &TestEnv) -> Self {
        Self { kubeconfig: env.control_plane.admin_kubeconfig(), namespace: env.namespace.clone() }
    }

    /// An administrator whose requests go through the proxy of the test, which can answer in place of a kubelet.
    pub async fn admin_through_proxy(env: &TestEnv) -> Result<Self> {
        const NAME: &str = "proxied-admin";
        let group = "rbac.authorization.k8s.io";
        let binding = json!({
            "apiVersion": format!("{group}/v1"), "kind": "ClusterRoleBinding",
            "metadata": {"name": format!("{}-{NAME}", env.namespace)},
            "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": "cluster-admin"},
            "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": env.namespace}],
        });
        let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": env.namespace}});
        let rights =
            file("rights.json", &json!({"apiVersion": "v1", "kind": "List", "items": [account, binding]}).to_string())?;
        lab::run(env.control_plane.kubectl().args(["apply", "--server-side", "--filename"]).arg(rights)).await?;
        let token = env.control_plane.token(&env.namespace, NAME).await?;
        let accounts: Api<AWSAccount> = Api::all(env.control_plane.client_as(&token).await?);
        eventually("the API server knows of the rights", async || Ok(accounts.list(&ListParams::default()).await?))
            .await?;
        Self::through_proxy(env, &token)
    }

    /// The bearer of a token whose requests go through the proxy of the test.
    pub fn through_proxy(env: &TestEnv, token: &str) -> Result<Self> {
        Ok(Self { kubeconfig: env.kube_proxy.kubeconfig(token)?, namespace: env.namespace.clone() })
    }

    /// Somebody who has these verbs on the `CrossAccountRole`s of the namespace, and no other right.
    pub async fn with(env: &TestEnv, verbs: &[&str]) -> Result<Self> {
        let name = if verbs.is_empty() { "nobody".to_owned() } else { verbs.join("-") };
        let rights = file("rights.json", &rights(&env.namespace, &name, verbs).to_string())?;
        let mut kubectl = env.control_plane.kubectl();
        lab::run(kubectl.args(["apply", "--server-side", "--namespace", &env.namespace, "--filename"]).arg(rights))
            .await?;
        let person = Self {
            kubeconfig: env.control_plane.service_account_kubeconfig(&env.namespace, &name).await?,
            namespace: env.namespace.clone(),
        };
        if verbs.contains(&"list") {
            let client = env.control_plane.client_as(&env.control_plane.token(&env.namespace, &name).await?).await?;
            let roles: Api<CrossAccountRole> = Api::namespaced(client, &env.namespace);
            eventually("the API server knows of the rights", async || Ok(roles.list(&ListParams::default()).await?))
                .await?;
        }
        Ok(person)
    }

    /// The command for these words, with `-n` and the namespace at their end.
    pub fn command(&self, words: &[&str]) -> Result<Command> {
        let mut command = Self::everywhere(words)?;
        command.args(["-n", &self.namespace]);
        Ok(command)
    }

    /// The command for these words alone.
    pub fn everywhere(words: &[&str]) -> Result<Command> {
        let mut command = Command::new(shipped_program("kubectl-crossaccount")?);
        command.args(words).stdin(Stdio::null());
        Ok(command)
    }

    /// Runs the plugin to its end.
    pub async fn runs(&self, words: &[&str]) -> Result<Printed> {
        run(self.command(words)?, &self.environment()).await
    }

    /// What the person has in the environment.
    pub fn environment(&self) -> Vec<(String, String)> {
        vec![("KUBECONFIG".to_owned(), self.kubeconfig.to_string_lossy().into_owned())]
    }
}

/// A `ServiceAccount` with rights in its namespace.
fn rights(namespace: &str, name: &str, verbs: &[&str]) -> Value {
    let group = "rbac.authorization.k8s.io";
    let rule = json!({"apiGroups": ["iam.crossaccount.dev"], "resources": ["crossaccountroles"], "verbs": verbs});
    let rules = if verbs.is_empty() { json!([]) } else { json!([rule]) };
    json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}},
        {"apiVersion": format!("{group}/v1"), "kind": "Role", "metadata": {"name": name}, "rules": rules},
        {"apiVersion": format!("{group}/v1"), "kind": "RoleBinding", "metadata": {"name": name},
         "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
         "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]},
    ]})
}

/// The document that the plugin printed.
pub fn document(printed: &Printed) -> Result<Value> {
    serde_json::from_str(&printed.out).with_context(|| format!("this is no JSON: {printed:?}"))
}
