//! The operator as it is installed.

use futures::{StreamExt as _, stream};
use k8s_openapi::api::admissionregistration::v1::{ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding};
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::{Pod, ServiceAccount};
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::ListParams;
use kube::core::{ApiResource, GroupVersionKind};
use kube::{CustomResourceExt as _, Resource as _};

use super::listed::{Listed, reason};
use super::logs;
use crate::api::{AWSAccount, CrossAccountRole, FIELD_MANAGER};
use crate::cli::cluster::{Cluster, Scope};
use crate::cli::support_bundle::part::{Content, Kind, Part};

/// The label of everything that the chart installs (`deploy/chart`).
const LABEL: &str = "app.kubernetes.io/name=crossaccount-operator";

/// Requests on their way at a time.
const AT_A_TIME: usize = 8;

/// What there is of the operator in its namespace and beside it.
pub async fn parts(cluster: &Cluster, namespace: &str) -> Vec<Part> {
    let inside = Scope::Namespace(namespace.to_owned());
    let ours = || ListParams::default().labels(LABEL);
    let labelled = in_namespace().into_iter().map(|kind| (kind, inside.clone()));
    let labelled: Vec<(Listed, Scope)> =
        labelled.chain(in_cluster().into_iter().map(|kind| (kind, Scope::Cluster))).collect();
    let labelled = stream::iter(&labelled).map(|(kind, scope)| kind.read(cluster, scope, ours()));
    let events = Listed::of::<Event>("operator/events.yaml", Kind::Event);
    let (labelled, events, leases, definitions, running) = tokio::join!(
        labelled.buffered(AT_A_TIME).collect::<Vec<Part>>(),
        events.read(cluster, &inside, ListParams::default()),
        leases(cluster, &inside),
        definitions(cluster),
        running(cluster, namespace, ours()),
    );
    [labelled, vec![events, leases], definitions, running].concat()
}

fn in_namespace() -> [Listed; 5] {
    [
        Listed::of::<Deployment>("operator/deployments.yaml", Kind::Workload),
        Listed::of::<ReplicaSet>("operator/replicasets.yaml", Kind::Workload),
        Listed::of::<ServiceAccount>("operator/serviceaccounts.yaml", Kind::Rules),
        Listed::of::<Role>("operator/roles.yaml", Kind::Rules),
        Listed::of::<RoleBinding>("operator/rolebindings.yaml", Kind::Rules),
    ]
}

fn in_cluster() -> [Listed; 6] {
    // Kubernetes serves version v1 of these since 1.36; the types of this program are those of an earlier version.
    let mutating = |file, kind: &str, plural: &str| {
        let gvk = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        Listed { file, resource: ApiResource::from_gvk_with_plural(&gvk, plural), kind: Kind::Rules }
    };
    [
        Listed::of::<ClusterRole>("cluster/clusterroles.yaml", Kind::Rules),
        Listed::of::<ClusterRoleBinding>("cluster/clusterrolebindings.yaml", Kind::Rules),
        Listed::of::<ValidatingAdmissionPolicy>("cluster/validatingadmissionpolicies.yaml", Kind::Rules),
        Listed::of::<ValidatingAdmissionPolicyBinding>("cluster/validatingadmissionpolicybindings.yaml", Kind::Rules),
        mutating("cluster/mutatingadmissionpolicies.yaml", "MutatingAdmissionPolicy", "mutatingadmissionpolicies"),
        mutating(
            "cluster/mutatingadmissionpolicybindings.yaml",
            "MutatingAdmissionPolicyBinding",
            "mutatingadmissionpolicybindings",
        ),
    ]
}

/// Leases have no labels. Those of the operator, one for each shard, begin with its name.
async fn leases(cluster: &Cluster, scope: &Scope) -> Part {
    let leases = Listed::of::<Lease>("operator/leases.yaml", Kind::Rules);
    let read = cluster.raw(&leases.resource, scope, ListParams::default()).await;
    leases.part(read.map(|mut all| {
        all.retain(|lease| lease["metadata"]["name"].as_str().is_some_and(|name| name.starts_with(FIELD_MANAGER)));
        all
    }))
}

/// Which versions of our kinds are served and stored.
async fn definitions(cluster: &Cluster) -> Vec<Part> {
    const FILE: &str = "cluster/customresourcedefinitions.yaml";
    let definitions = Listed::of::<CustomResourceDefinition>(FILE, Kind::Definition);
    let (mut found, mut parts) = (Vec::new(), Vec::new());
    for name in [CrossAccountRole::crd_name(), AWSAccount::crd_name()] {
        match cluster.raw_one(&definitions.resource, &Scope::Cluster, name).await {
            Ok(definition) => found.push(definition),
            Err(error) => parts.push(Part::missing(FILE, format!("{name}: {}", reason(&error)))),
        }
    }
    parts.push(definitions.part(Ok(found)));
    parts
}

/// The pods with their logs.
async fn running(cluster: &Cluster, namespace: &str, ours: ListParams) -> Vec<Part> {
    let pods = Listed::of::<Pod>("operator/pods.yaml", Kind::Pod);
    let part = pods.read(cluster, &Scope::Namespace(namespace.to_owned()), ours).await;
    let logs = match &part.content {
        Content::Objects(_, found) if found.is_empty() => vec![Part::missing(
            "operator/logs",
            format!(
                "namespace {namespace} has no {} with label {LABEL}; name the namespace of the operator with \
                 --operator-namespace",
                Pod::plural(&())
            ),
        )],
        Content::Objects(_, found) => logs::parts(cluster, namespace, found).await,
        Content::Document(_) | Content::Text(_) | Content::Missing(_) => Vec::new(),
    };
    [vec![part], logs].concat()
}
