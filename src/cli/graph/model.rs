//! The graph of who can reach what. Every edge points from the one who can to what it can.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// What a node is, in the order in which access flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::IntoStaticStr)]
pub enum Kind {
    /// A Kubernetes namespace.
    Namespace,
    /// A workload or pod that uses a Secret.
    Workload,
    /// A Secret with credentials.
    Secret,
    /// A user, group, role or account that a trust policy or a grant names.
    Principal,
    /// The IAM role of a `CrossAccountRole`.
    Role,
    /// The actions of one AWS service that policies allow.
    Service,
    /// A managed policy. What it allows is not in the cluster.
    ManagedPolicy,
    /// An AWS account with an `AWSAccount`.
    Account,
}

/// Why one can reach the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, strum::IntoStaticStr)]
pub enum Relation {
    /// A namespace has a workload.
    Runs,
    /// Pods of a namespace may mount a Secret of it.
    MayMount,
    /// A workload uses the Secret.
    Uses,
    /// The Secret holds credentials of the role.
    ActsAs,
    /// The role's trust policy names the principal.
    Trusts,
    /// An inline policy of the principal lets it assume the role.
    Grants,
    /// Policies of the role allow actions.
    Allows,
    /// The role is in the account.
    In,
}

/// What a reader should not miss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, strum::IntoStaticStr)]
pub enum Mark {
    /// It can give itself or others more rights.
    Admin,
    /// Actions are given by a wildcard.
    AnyAction,
    /// It is allowed on every resource.
    AnyResource,
    /// `Ready` is not `True`.
    NotReady,
    /// The role did not use the service for 90 days, by the last report that was asked for.
    Unused,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Node {
    /// What it is.
    pub kind: Kind,
    /// What is shown.
    pub label: String,
    /// Its namespace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Id of its AWS account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What a reader should not miss.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub marks: BTreeSet<Mark>,
    /// Names and values, such as the ARN.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<&'static str, String>,
}

impl Node {
    /// A node with nothing but a name.
    pub fn new(kind: Kind, label: impl Into<String>) -> Self {
        let (marks, details) = (BTreeSet::new(), BTreeMap::new());
        Self { kind, label: label.into(), namespace: None, account: None, marks, details }
    }

    /// Says in which account it is.
    #[must_use]
    pub fn in_account(mut self, account: Option<&str>) -> Self {
        self.account = account.map(str::to_owned);
        self
    }

    /// Says in which namespace it is.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &str) -> Self {
        self.namespace = Some(namespace.to_owned());
        self
    }

    /// Adds a detail, if there is one.
    #[must_use]
    pub fn detail(mut self, name: &'static str, value: Option<impl ToString>) -> Self {
        self.details.extend(value.map(|value| (name, value.to_string())));
        self
    }

    /// Adds marks.
    #[must_use]
    pub fn marked(mut self, marks: impl IntoIterator<Item = Mark>) -> Self {
        self.marks.extend(marks);
        self
    }
}

/// One way from a node to another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Edge {
    /// Id of the node that can.
    pub from: String,
    /// Id of what it can reach.
    pub to: String,
    /// Why.
    pub relation: Relation,
}

/// Nodes by their ids, and what connects them. Ids are stable: they are made of names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Graph {
    /// All nodes.
    pub nodes: BTreeMap<String, Node>,
    /// All edges.
    pub edges: BTreeSet<Edge>,
}

impl Graph {
    /// Adds a node under an id that it makes up with its kind. A node that is there already keeps what it has and gets the rest.
    pub fn node(&mut self, name: &str, node: Node) -> String {
        let id = format!("{}/{name}", <&str>::from(node.kind));
        match self.nodes.get_mut(&id) {
            Some(known) => {
                known.marks.extend(node.marks);
                for (name, value) in node.details {
                    known.details.entry(name).or_insert(value);
                }
            }
            None => drop(self.nodes.insert(id.clone(), node)),
        }
        id
    }

    /// Connects two nodes.
    pub fn edge(&mut self, from: &str, relation: Relation, to: &str) {
        self.edges.insert(Edge { from: from.to_owned(), to: to.to_owned(), relation });
    }
}
