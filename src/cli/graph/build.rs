//! The graph of the objects of a cluster: what they declare, and what their status reports.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt as _;

use super::access::{of_managed_policy, of_role};
use super::model::{Graph, Kind, Mark, Node, Relation};
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, SourceGrantStatus};
use crate::cli::unused::args::DAYS;
use crate::decide::usage::used_since;
use crate::decide::workloads::mounts::uses;
use crate::domain::{Arn, Principal};

/// What the caller may see of a cluster.
#[derive(Debug, Default)]
pub struct Objects {
    /// When they were read.
    pub now: Timestamp,
    /// All `AWSAccount`s.
    pub accounts: Vec<AWSAccount>,
    /// The `CrossAccountRole`s to draw.
    pub roles: Vec<CrossAccountRole>,
    /// The pods of their namespaces.
    pub pods: Vec<Pod>,
}

/// Draws the graph.
pub fn graph(objects: &Objects) -> Graph {
    let accounts: BTreeMap<String, &AWSAccount> = objects.accounts.iter().map(|one| (one.name_any(), one)).collect();
    let mut pods: BTreeMap<String, Vec<&Pod>> = BTreeMap::new();
    for pod in &objects.pods {
        pods.entry(pod.namespace().unwrap_or_default()).or_default().push(pod);
    }
    let mut graph = Graph::default();
    for role in &objects.roles {
        let namespace = role.namespace().unwrap_or_default();
        let account = accounts.get(&role.spec.account_ref.name).copied();
        let since = objects.now - SignedDuration::from_hours(24 * i64::from(DAYS));
        let used = used_since(role, since);
        let drawing = Drawing { graph: &mut graph, role, namespace: &namespace, account, used };
        drawing.draw(pods.get(&namespace).map(Vec::as_slice).unwrap_or_default());
    }
    graph
}

/// One object, on its way into the graph.
struct Drawing<'a> {
    graph: &'a mut Graph,
    role: &'a CrossAccountRole,
    namespace: &'a str,
    account: Option<&'a AWSAccount>,
    /// Whether the role used each service lately, as far as a report was asked for.
    used: BTreeMap<String, bool>,
}

impl Drawing<'_> {
    fn draw(mut self, pods: &[&Pod]) {
        let role = self.role_node();
        self.account_of(&role);
        self.secret(&role, pods);
        self.principals(&role);
        self.permissions(&role);
    }

    fn account_id(&self) -> Option<&str> {
        self.account.map(|account| account.spec.account_id.as_str())
    }

    fn role_node(&mut self) -> String {
        let ready = self.role.condition(ConditionType::Ready);
        let not_ready = (!self.role.is_true(ConditionType::Ready)).then_some(Mark::NotReady);
        let arn = self.role.reported_role().and_then(|role| role.arn.as_deref());
        let boundary = self.account.and_then(|account| account.spec.guardrails.permissions_boundary.as_deref());
        let node = Node::new(Kind::Role, self.role.iam_role_name())
            .in_namespace(self.namespace)
            .in_account(self.account_id())
            .marked(not_ready)
            .detail("object", Some(self.role.full_name()))
            .detail("arn", Some(arn.unwrap_or("the role is not known to be in AWS")))
            .detail("ready", ready.map(|ready| format!("{} ({}): {}", ready.status, ready.reason, ready.message)))
            .detail("permissionsBoundary", boundary)
            .detail("lastUsed", self.role.reported_role().and_then(|role| role.last_used.as_ref()).map(|used| used.0));
        self.graph.node(&self.role.full_name(), node)
    }

    fn account_of(&mut self, role: &str) {
        let name = &self.role.spec.account_ref.name;
        let missing = self.account.is_none_or(|account| !account.is_true(ConditionType::Ready));
        let node = Node::new(Kind::Account, name.as_str())
            .in_account(self.account_id())
            .marked(missing.then_some(Mark::NotReady))
            .detail("accountId", self.account_id())
            .detail("region", self.account.map(|account| &account.spec.region));
        let account = self.graph.node(name, node);
        self.graph.edge(role, Relation::In, &account);
    }

    fn secret(&mut self, role: &str, pods: &[&Pod]) {
        let (name, credentials) =
            (self.role.secret_name(), self.role.status.as_ref().and_then(|status| status.credentials.as_ref()));
        let node = Node::new(Kind::Secret, name.as_str())
            .in_namespace(self.namespace)
            .detail("expiresAt", credentials.and_then(|set| set.expires_at.as_ref()).map(|at| at.0))
            .detail("identity", credentials.and_then(|set| set.caller_arn.as_ref()))
            .detail("sessionPolicy", self.role.spec.session.policy.as_ref().map(|policy| policy.as_json().to_owned()));
        let secret = self.graph.node(&format!("{}/{name}", self.namespace), node);
        self.graph.edge(&secret, Relation::ActsAs, role);

        let namespace = Node::new(Kind::Namespace, self.namespace).in_namespace(self.namespace);
        let namespace = self.graph.node(self.namespace, namespace);
        self.graph.edge(&namespace, Relation::MayMount, &secret);
        for pod in pods.iter().filter(|pod| pod.spec.as_ref().is_some_and(|spec| uses(spec, &name))) {
            let workload = workload_of(pod);
            let node = Node::new(Kind::Workload, workload.as_str()).in_namespace(self.namespace);
            let workload = self.graph.node(&format!("{}/{workload}", self.namespace), node);
            self.graph.edge(&namespace, Relation::Runs, &workload);
            self.graph.edge(&workload, Relation::Uses, &secret);
        }
    }

    fn principals(&mut self, role: &str) {
        for principal in &self.role.spec.trust.principals {
            // A bare account id is the account's root (IAM user guide, "AWS JSON policy elements: Principal").
            let account = match Principal::parse(principal) {
                Some(Principal::Account(account)) => Some(account.as_str().to_owned()),
                _ => Arn::split(principal).and_then(|arn| arn.root_account()).map(str::to_owned),
            };
            let principal = match account {
                Some(account) => {
                    let label = format!("any principal of {account} that the account permits");
                    self.graph.node(&account, Node::new(Kind::Principal, label).in_account(Some(&account)))
                }
                None => self.principal(principal),
            };
            self.graph.edge(&principal, Relation::Trusts, role);
        }
        for grant in self.role.reported_grants().iter().filter(|grant| grant.role_arn.is_some()) {
            let principal = if let Some(arn) = &grant.principal_arn {
                self.principal(arn)
            } else {
                let name = name_of(grant);
                self.graph.node(&name, Node::new(Kind::Principal, name.as_str()))
            };
            self.graph.edge(&principal, Relation::Grants, role);
        }
    }

    fn principal(&mut self, arn: &str) -> String {
        let parts = Arn::split(arn);
        let label = parts.map_or(arn, |parts| parts.resource);
        let node = Node::new(Kind::Principal, label).in_account(parts.map(|parts| parts.account));
        self.graph.node(arn, node.detail("arn", Some(arn)))
    }

    fn unused(&self, service: &str) -> Option<Mark> {
        (self.used.get(service) == Some(&false)).then_some(Mark::Unused)
    }

    fn permissions(&mut self, role: &str) {
        let account = self.account_id().unwrap_or(&self.role.spec.account_ref.name).to_owned();
        for (service, access) in of_role(&self.role.spec.role) {
            // One node for each role: two roles with a service in common need not have the same actions.
            let actions = access.actions.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            let label = if service == "*" { "every service".to_owned() } else { format!("{service}: {actions}") };
            let node = Node::new(Kind::Service, label)
                .in_account(Some(&account))
                .marked(access.marks)
                .marked(self.unused(&service));
            let node = node.detail("service", Some(&service)).detail("actions", Some(actions));
            let service = self.graph.node(&format!("{}/{service}", self.role.full_name()), node);
            self.graph.edge(role, Relation::Allows, &service);
        }
        for arn in &self.role.spec.role.managed_policy_arns {
            let name = arn.rsplit('/').next().unwrap_or(arn);
            let node = Node::new(Kind::ManagedPolicy, name).marked(of_managed_policy(arn)).detail("arn", Some(arn));
            let policy = self.graph.node(arn, node);
            self.graph.edge(role, Relation::Allows, &policy);
        }
    }
}

fn name_of(grant: &SourceGrantStatus) -> String {
    let [user, group, role] = [("user", &grant.user), ("group", &grant.group), ("role", &grant.role)];
    let named = [user, group, role].into_iter().find_map(|(kind, name)| Some(format!("{kind}/{}", name.as_deref()?)));
    format!("{} of {}", named.unwrap_or_default(), grant.account)
}

/// `Deployment/reports`, `StatefulSet/db`, or the pod itself.
fn workload_of(pod: &Pod) -> String {
    let Some(owner) = pod.owner_references().iter().find(|owner| owner.controller == Some(true)) else {
        return format!("Pod/{}", pod.name_any());
    };
    // A Deployment names its ReplicaSets by the hash of their template.
    let hash = pod.labels().get("pod-template-hash");
    let deployment = hash.and_then(|hash| owner.name.strip_suffix(hash.as_str())?.strip_suffix('-'));
    match deployment {
        Some(name) if owner.kind == "ReplicaSet" => format!("Deployment/{name}"),
        _ => format!("{}/{}", owner.kind, owner.name),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
