//! The declarations, and what is around them.

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use kube::api::ListParams;
use serde_json::{Value, json};

use super::listed::{Listed, reason};
use crate::api::{AWSAccount, CrossAccountRole, FIELD_MANAGER, MANAGED_BY_LABEL};
use crate::cli::cluster::{Cluster, RequestError, Scope};
use crate::cli::explain::explained;
use crate::cli::output::Output;
use crate::cli::status::read::{Selection, snapshot};
use crate::cli::status::tree::tree;
use crate::cli::support_bundle::part::{Content, Kind, Part};

/// Explanations in a bundle. Each takes four requests; objects that are not Ready come first.
const EXPLAINED: usize = 200;

/// Requests on their way at a time.
const AT_A_TIME: usize = 8;

/// Where the API server keeps Events about objects without a namespace.
const EVENTS_OF_ACCOUNTS: &str = "default";

/// The objects of the scope.
pub async fn parts(cluster: &Cluster, scope: &Scope) -> Vec<Part> {
    let roles = Listed::of::<CrossAccountRole>("objects/crossaccountroles.yaml", Kind::Declaration);
    let events = Listed::of::<Event>("objects/events.yaml", Kind::Event);
    let secrets = Listed::of::<Secret>("objects/secrets.yaml", Kind::SecretMetadata);
    let of_roles = ListParams::default().fields("regarding.kind=CrossAccountRole");
    let ours = ListParams::default().labels(&format!("{MANAGED_BY_LABEL}={FIELD_MANAGER}"));
    let declared = cluster.raw(&roles.resource, scope, ListParams::default()).await;
    let names = declared.as_ref().map(|roles| account_names(roles)).unwrap_or_default();
    let (events, secrets, of_accounts, said) = tokio::join!(
        events.read(cluster, scope, of_roles),
        cluster.raw_metadata(&secrets.resource, scope, ours),
        Box::pin(accounts(cluster, scope, &names)),
        Box::pin(said(cluster, scope)),
    );
    // The data of Secrets is not asked for: the API server sends what surrounds it.
    let secrets = Listed::of::<Secret>("objects/secrets.yaml", Kind::SecretMetadata).part(secrets);
    [vec![roles.part(declared), events, secrets], of_accounts, said].concat()
}

/// The accounts that the objects name.
fn account_names(roles: &[Value]) -> Vec<String> {
    let of = |role: &Value| {
        let grants = role["spec"]["sourceGrants"].as_array().cloned().unwrap_or_default();
        let accounts: Vec<Value> = grants.into_iter().chain([role["spec"].clone()]).collect();
        accounts.iter().filter_map(|one| Some(one["accountRef"]["name"].as_str()?.to_owned())).collect::<Vec<_>>()
    };
    let mut names: Vec<String> = roles.iter().flat_map(of).collect();
    names.sort();
    names.dedup();
    names
}

/// All accounts with their Events; those of these names, where the scope is a namespace.
async fn accounts(cluster: &Cluster, scope: &Scope, names: &[String]) -> Vec<Part> {
    const FILE: &str = "objects/awsaccounts.yaml";
    let accounts = Listed::of::<AWSAccount>(FILE, Kind::Declaration);
    let events = Listed::of::<Event>("objects/awsaccount-events.yaml", Kind::Event);
    let of_accounts = ListParams::default().fields("regarding.kind=AWSAccount");
    let reported = cluster.raw(&events.resource, &Scope::Namespace(EVENTS_OF_ACCOUNTS.to_owned()), of_accounts).await;
    if *scope == Scope::AllNamespaces {
        return vec![accounts.read(cluster, &Scope::Cluster, ListParams::default()).await, events.part(reported)];
    }
    let is_named =
        |event: &Value| event["regarding"]["name"].as_str().is_some_and(|name| names.iter().any(|n| n == name));
    let reported = reported.map(|events| events.into_iter().filter(is_named).collect());
    let (mut found, mut parts) = (Vec::new(), vec![events.part(reported)]);
    for name in names {
        match cluster.raw_one(&accounts.resource, &Scope::Cluster, name).await {
            Ok(account) => found.push(account),
            Err(error) => parts.push(Part::missing(FILE, format!("AWSAccount {name}: {}", reason(&error)))),
        }
    }
    parts.push(accounts.part(Ok(found)));
    parts
}

/// What `status` and `explain` say.
async fn said(cluster: &Cluster, scope: &Scope) -> Vec<Part> {
    const FILE: &str = "status.json";
    let selection = match scope {
        Scope::Namespace(namespace) => Selection::Namespace(namespace.clone()),
        Scope::Cluster | Scope::AllNamespaces => Selection::Everything,
    };
    let snapshot = match snapshot(cluster, &selection).await {
        Ok(snapshot) => snapshot,
        Err(error) => return vec![Part::missing(FILE, reason(&error))],
    };
    let mut roles: Vec<&CrossAccountRole> = snapshot.roles.iter().collect();
    roles.sort_by_key(|role| role.is_true(crate::api::ConditionType::Ready));
    let left = roles.split_off(roles.len().min(EXPLAINED));
    let mut parts: Vec<Part> =
        stream::iter(roles).map(|role| explanation(cluster, role)).buffer_unordered(AT_A_TIME).collect().await;
    parts.extend(left.iter().map(|role| {
        Part::missing(
            file_of(role),
            format!("the file has at most {EXPLAINED} explanations; give the namespace with -n"),
        )
    }));
    parts.push(Part::new(FILE, Content::Document(json!(tree(&snapshot, Timestamp::now())))));
    parts
}

async fn explanation(cluster: &Cluster, role: &CrossAccountRole) -> Part {
    let name = |text: &Option<String>| text.clone().unwrap_or_default();
    let (namespace, object) = (name(&role.metadata.namespace), name(&role.metadata.name));
    let read: Result<(String, bool), RequestError> =
        Box::pin(explained(cluster, namespace, object, Output::Text)).await;
    match read {
        // Colours are for terminals.
        Ok((text, _)) => Part::new(file_of(role), Content::Text(anstream::adapter::strip_str(&text).to_string())),
        Err(error) => Part::missing(file_of(role), reason(&error)),
    }
}

fn file_of(role: &CrossAccountRole) -> String {
    format!("explain/{}.txt", role.full_name())
}
