//! Reads the facts, all at once.

use k8s_openapi::api::core::v1::{Namespace, Secret};
use k8s_openapi::api::events::v1::Event;
use kube::ResourceExt as _;
use kube::api::ListParams;

use super::facts::{Facts, Report, Seen};
use crate::api::{AWSAccount, CrossAccountRole};
use crate::cli::cluster::{Cluster, RequestError};

/// Reads an object and what is around it. Only the object itself is indispensable.
pub async fn facts(cluster: &Cluster, namespace: &str, name: &str) -> Result<Facts, RequestError> {
    let object = cluster.within::<CrossAccountRole>(namespace).get(name).await?;
    let (account, secret_name) = (&object.spec.account_ref.name, object.secret_name());
    let (accounts, namespaces) = (cluster.wide::<AWSAccount>(), cluster.wide::<Namespace>());
    let (secrets, events) = (cluster.within::<Secret>(namespace), cluster.within::<Event>(namespace));
    let about = ListParams::default().fields(&format!("regarding.kind=CrossAccountRole,regarding.name={name}"));
    let (account, namespace, secret, events) = tokio::join!(
        accounts.get(account),
        namespaces.metadata(namespace),
        secrets.metadata(&secret_name),
        events.select(about),
    );
    Ok(Facts {
        account: Seen::of(account)?,
        labels: Seen::of(namespace)?.map(|namespace| namespace.labels().clone()),
        secret: Seen::of(secret)?.map(|secret| secret.annotations().clone()),
        events: Seen::of(events)?.map(|events| reports(&events, &object)),
        object,
    })
}

/// The latest first, without those of an earlier object of the same name.
fn reports(events: &[Event], object: &CrossAccountRole) -> Vec<Report> {
    let of_object =
        |event: &&Event| event.regarding.as_ref().is_some_and(|regarding| regarding.uid == object.metadata.uid);
    let mut reports: Vec<Report> = events.iter().filter(of_object).filter_map(report).collect();
    reports.sort_by_key(|report| std::cmp::Reverse(report.at));
    reports
}

fn report(event: &Event) -> Option<Report> {
    let last = event.series.as_ref().map(|series| series.last_observed_time.0);
    Some(Report {
        at: last.or(event.event_time.as_ref().map(|time| time.0))?,
        warning: event.type_.as_deref() == Some("Warning"),
        reason: event.reason.clone().unwrap_or_default(),
        note: event.note.clone().unwrap_or_default(),
    })
}
