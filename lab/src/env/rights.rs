//! Operators that may do less in the cluster than `deploy/rbac.yaml` lets them.

use std::path::PathBuf;

use anyhow::Result;
use k8s_openapi::api::{
    core::v1::{Namespace, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject},
};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};

use super::TestEnv;
use crate::{control_plane::OPERATOR_ACCOUNT, wait::eventually};

/// The `ServiceAccount` of such an operator, in the namespace of its test.
const LIMITED: &str = "limited";
/// The `Role` of an operator that keeps its lease in the namespace of its test.
const LEADER: &str = "leader";

impl TestEnv {
    /// A kubeconfig file of an operator that has all rights but those on these resources.
    pub async fn kubeconfig_without(&self, resources: &[&str]) -> Result<PathBuf> {
        self.kubeconfig_with(|rule| (!is_about(&rule, resources)).then_some(rule)).await
    }

    /// A kubeconfig file of an operator that may read these resources but is told of no change of them.
    pub async fn kubeconfig_without_events_of(&self, resources: &[&str]) -> Result<PathBuf> {
        self.kubeconfig_with(|mut rule| {
            if is_about(&rule, resources) {
                rule.verbs.retain(|verb| verb != "watch" && verb != "list");
            }
            Some(rule)
        })
        .await
    }

    async fn kubeconfig_with(&self, limit: impl Fn(PolicyRule) -> Option<PolicyRule>) -> Result<PathBuf> {
        let account = ServiceAccount { metadata: named(LIMITED), ..ServiceAccount::default() };
        let accounts: Api<ServiceAccount> = Api::namespaced(self.kube.clone(), &self.namespace);
        accounts.create(&PostParams::default(), &account).await?;

        let api: Api<ClusterRole> = Api::all(self.kube.clone());
        let whole = api.get(OPERATOR_ACCOUNT.1).await?;
        let rules = whole.rules.into_iter().flatten().filter_map(limit).collect();
        let limited =
            ClusterRole { metadata: named(&self.limited_role()), rules: Some(rules), ..ClusterRole::default() };
        api.create(&PostParams::default(), &limited).await?;
        self.bind(&self.limited_role()).await?;

        let token = self.control_plane.token(&self.namespace, LIMITED).await?;
        let namespaces: Api<Namespace> = Api::all(self.control_plane.client_as(&token).await?);
        eventually("the API server knows of the rights", async || Ok(namespaces.get("kube-system").await?)).await?;
        self.kube_proxy.kubeconfig(&token)
    }

    /// Gives that operator all rights.
    pub async fn grant_all(&self) -> Result<()> {
        self.bind(OPERATOR_ACCOUNT.1).await
    }

    /// Lets the operator keep its lease in the namespace of the test.
    pub async fn allow_leases(&self) -> Result<()> {
        let (namespace, account) = OPERATOR_ACCOUNT;
        let rule = PolicyRule {
            api_groups: Some(vec!["coordination.k8s.io".to_owned()]),
            resources: Some(vec!["leases".to_owned()]),
            verbs: ["get", "create", "patch"].map(str::to_owned).to_vec(),
            ..PolicyRule::default()
        };
        let roles: Api<Role> = Api::namespaced(self.kube.clone(), &self.namespace);
        roles.create(&PostParams::default(), &Role { metadata: named(LEADER), rules: Some(vec![rule]) }).await?;
        let binding = RoleBinding {
            metadata: named(LEADER),
            role_ref: role_ref("Role", LEADER),
            subjects: Some(vec![service_account(namespace, account)]),
        };
        let bindings: Api<RoleBinding> = Api::namespaced(self.kube.clone(), &self.namespace);
        bindings.create(&PostParams::default(), &binding).await?;
        Ok(())
    }

    async fn bind(&self, role: &str) -> Result<()> {
        let binding = ClusterRoleBinding {
            metadata: named(&format!("{}-{role}", self.namespace)),
            role_ref: role_ref("ClusterRole", role),
            subjects: Some(vec![service_account(&self.namespace, LIMITED)]),
        };
        let bindings: Api<ClusterRoleBinding> = Api::all(self.kube.clone());
        bindings.create(&PostParams::default(), &binding).await?;
        Ok(())
    }

    fn limited_role(&self) -> String {
        format!("{}-{LIMITED}", self.namespace)
    }
}

fn is_about(rule: &PolicyRule, resources: &[&str]) -> bool {
    rule.resources.iter().flatten().any(|resource| resources.contains(&resource.as_str()))
}

fn named(name: &str) -> ObjectMeta {
    ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() }
}

fn role_ref(kind: &str, name: &str) -> RoleRef {
    let api_group = "rbac.authorization.k8s.io".to_owned();
    RoleRef { api_group, kind: kind.to_owned(), name: name.to_owned() }
}

fn service_account(namespace: &str, name: &str) -> Subject {
    let namespace = Some(namespace.to_owned());
    Subject { kind: "ServiceAccount".to_owned(), name: name.to_owned(), namespace, ..Subject::default() }
}
