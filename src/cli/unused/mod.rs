//! `kubectl crossaccount unused`: which services a role may use and does not use.

pub mod args;
mod report;
mod text;

use std::process::ExitCode;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::json;
use tokio::time::timeout;

use self::args::UnusedArgs;
use super::change::{ChangeError, said};
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError, Objects};
use super::outcome::Outcome;
use super::output::{Output, json};
use super::{progress, runtime};
use crate::api::{CrossAccountRole, UsageStatus, annotation};
use crate::domain::whole_seconds;

/// Asks for a report and shows it.
pub fn run(args: UnusedArgs) -> Result<Outcome, ChangeError> {
    runtime::block_on(Box::pin(unused(args))).map_err(ClusterError::Setup)?
}

async fn unused(args: UnusedArgs) -> Result<Outcome, ChangeError> {
    let UnusedArgs { name, place: NamespaceArgs { connection, namespace }, days, output, timeout: within } = args;
    let cluster = Cluster::connect(connection).await?;
    let objects = cluster.within::<CrossAccountRole>(&cluster.namespace(namespace));
    let request = whole_seconds(Timestamp::now());
    let patch = json!({"metadata": {"annotations": {annotation::USAGE_REQUESTED_AT: request.to_string()}}});
    progress::shown("Asking for the report", objects.merge(&name, &patch)).await?;
    let waiting = timeout(within, answered(&objects, &name, request));
    let object = match progress::shown("Waiting for IAM's report", waiting).await {
        Ok(answered) => answered?,
        Err(_) => return Err(ChangeError::Waiting { within, said: said(&objects.get(&name).await?) }),
    };
    if let Some(problem) = usage(&object).and_then(|usage| usage.problem.clone()) {
        return Err(ChangeError::Stalled(problem));
    }
    let report = report::report(&object, days, Timestamp::now());
    let text = match output {
        Output::Text => text::text(&report),
        Output::Json => json(&report),
    };
    Ok(Outcome { text, code: ExitCode::SUCCESS })
}

/// The object with the answer to this request.
async fn answered(
    objects: &Objects<CrossAccountRole>,
    name: &str,
    request: Timestamp,
) -> Result<CrossAccountRole, ChangeError> {
    let is_answered = |object: &CrossAccountRole| {
        usage(object).is_some_and(|usage| usage.requested_at.as_ref() == Some(&Time(request)))
    };
    let ended = |now: Option<&CrossAccountRole>| now.is_none_or(is_answered);
    objects.until(name, ended).await?.ok_or(ChangeError::Gone)
}

fn usage(object: &CrossAccountRole) -> Option<&UsageStatus> {
    object.status.as_ref()?.usage.as_ref()
}
