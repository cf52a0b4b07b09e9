//! Operators that may do less in the cluster than `deploy/rbac.yaml` lets them.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{
    authorization::v1::SubjectAccessReview,
    core::v1::{Namespace, ServiceAccount},
    rbac::v1::{ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject},
};
use kube::{
    Api,
    api::{ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

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

    /// A kubeconfig file of an operator that has all rights until some are [taken](Self::take).
    pub async fn kubeconfig_of_limited(&self) -> Result<PathBuf> {
        self.kubeconfig_with(Some).await
    }

    /// Takes one verb on one resource from that operator: `("get", "secrets")`, `("patch", "awsaccounts/status")`.
    pub async fn take(&self, verb: &str, resource: &str) -> Result<()> {
        let one_less = |rule: PolicyRule| -> Vec<PolicyRule> {
            let (of_it, others): (Vec<String>, Vec<String>) =
                rule.resources.iter().flatten().cloned().partition(|other| other == resource);
            let less = rule.verbs.iter().filter(|other| *other != verb).cloned().collect();
            let for_them = PolicyRule { resources: Some(others), ..rule.clone() };
            let for_it = PolicyRule { resources: Some(of_it), verbs: less, ..rule };
            [for_them, for_it]
                .into_iter()
                .filter(|rule| !rule.verbs.is_empty() && rule.resources.as_ref().is_some_and(|all| !all.is_empty()))
                .collect()
        };
        let rules = self.whole_rules().await?.into_iter().flat_map(one_less).collect();
        self.set_rules(rules).await?;
        self.is_allowed(verb, resource, false).await
    }

    /// Gives back what was taken.
    pub async fn give_back(&self, verb: &str, resource: &str) -> Result<()> {
        self.set_rules(self.whole_rules().await?).await?;
        self.is_allowed(verb, resource, true).await
    }

    async fn whole_rules(&self) -> Result<Vec<PolicyRule>> {
        let api: Api<ClusterRole> = Api::all(self.kube.clone());
        Ok(api.get(OPERATOR_ACCOUNT.1).await?.rules.unwrap_or_default())
    }

    async fn set_rules(&self, rules: Vec<PolicyRule>) -> Result<()> {
        let api: Api<ClusterRole> = Api::all(self.kube.clone());
        let patch = Patch::Merge(json!({ "rules": rules }));
        api.patch(&self.limited_role(), &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Waits until the API server allows something to that operator, or refuses it.
    async fn is_allowed(&self, verb: &str, resource: &str, wanted: bool) -> Result<()> {
        let rules = self.whole_rules().await?;
        let rule = rules.into_iter().find(|rule| is_about(rule, &[resource])).context("no rule is about it")?;
        let group = rule.api_groups.into_iter().flatten().next().unwrap_or_default();
        let (resource, subresource) = resource.split_once('/').map_or((resource, None), |(of, sub)| (of, Some(sub)));
        let wish = json!({
            "group": group, "resource": resource, "subresource": subresource, "verb": verb, "namespace": self.namespace,
        });
        self.answers(&format!("system:serviceaccount:{}:{LIMITED}", self.namespace), &wish, wanted).await
    }

    /// Waits until the API server answers so whether a user may do something.
    async fn answers(&self, user: &str, wish: &Value, wanted: bool) -> Result<()> {
        let spec = json!({"user": user, "resourceAttributes": wish});
        let review: SubjectAccessReview = serde_json::from_value(json!({"metadata": {}, "spec": spec}))?;
        let reviews: Api<SubjectAccessReview> = Api::all(self.kube.clone());
        eventually("the API server knows of the rights", async || {
            let answer = reviews.create(&PostParams::default(), &review).await?;
            ensure!(answer.status.is_some_and(|status| status.allowed == wanted), "{wish} is not {wanted} yet");
            Ok(())
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
        self.allow(LEADER, ("coordination.k8s.io", "leases"), &["get", "create", "patch"]).await
    }

    /// Lets the operator annotate pods in the namespace of the test, which `deploy/rbac.yaml` does not.
    pub async fn allow_pod_patches(&self) -> Result<()> {
        self.allow("nudges", ("", "pods"), &["patch"]).await?;
        let wish = json!({"group": "", "resource": "pods", "verb": "patch", "namespace": self.namespace});
        let (namespace, account) = OPERATOR_ACCOUNT;
        self.answers(&format!("system:serviceaccount:{namespace}:{account}"), &wish, true).await
    }

    /// Gives the operator rights on a resource in the namespace of the test, by a `Role` of this name.
    async fn allow(&self, name: &str, (group, resource): (&str, &str), verbs: &[&str]) -> Result<()> {
        let (namespace, account) = OPERATOR_ACCOUNT;
        let rule = PolicyRule {
            api_groups: Some(vec![group.to_owned()]),
            resources: Some(vec![resource.to_owned()]),
            verbs: verbs.iter().map(|verb| (*verb).to_owned()).collect(),
            ..PolicyRule::default()
        };
        let roles: Api<Role> = Api::namespaced(self.kube.clone(), &self.namespace);
        roles.create(&PostParams::default(), &Role { metadata: named(name), rules: Some(vec![rule]) }).await?;
        let binding = RoleBinding {
            metadata: named(name),
            role_ref: role_ref("Role", name),
            subjects: Some(vec![service_account(namespace, account)]),
        };
        let bindings: Api<RoleBinding> = Api::namespaced(self.kube.clone(), &self.namespace);
        bindings.create(&PostParams::default(), &binding).await?;
        Ok(())
    }

    /// Changes what the operator may do with leases in the namespace of the test, and waits until that counts.
    pub async fn set_lease_rights(&self, verbs: &[&str]) -> Result<()> {
        let (namespace, account) = OPERATOR_ACCOUNT;
        let roles: Api<Role> = Api::namespaced(self.kube.clone(), &self.namespace);
        let group = "coordination.k8s.io";
        let only = json!({"rules": [{"apiGroups": [group], "resources": ["leases"], "verbs": verbs}]});
        roles.patch(LEADER, &PatchParams::default(), &Patch::Merge(only)).await?;
        for verb in ["get", "create", "patch"] {
            let wish = json!({"group": group, "resource": "leases", "verb": verb, "namespace": self.namespace});
            let user = format!("system:serviceaccount:{namespace}:{account}");
            self.answers(&user, &wish, verbs.contains(&verb)).await?;
        }
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
