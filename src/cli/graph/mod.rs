//! `kubectl crossaccount graph`: who can reach what, as a drawing.

mod access;
pub mod args;
mod build;
mod dot;
#[cfg(test)]
mod fixture;
mod html;
mod mermaid;
mod model;

use std::process::ExitCode;

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;

use self::args::{Form, GraphArgs};
use self::build::{Objects, graph};
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError, RequestError};
use super::outcome::Outcome;
use super::output::json;
use super::status::read::{Selection, snapshot};
use super::status::snapshot::{Seen, Snapshot};
use super::{progress, runtime};

/// Draws the graph.
pub fn run(args: GraphArgs) -> Result<Outcome, ClusterError> {
    let drawn = runtime::block_on(Box::pin(draw(args))).map_err(ClusterError::Setup)?;
    Ok(Outcome { text: drawn?, code: ExitCode::SUCCESS })
}

async fn draw(args: GraphArgs) -> Result<String, ClusterError> {
    let GraphArgs { place: NamespaceArgs { connection, namespace }, all_namespaces, output } = args;
    let cluster = Cluster::connect(connection).await?;
    let selection =
        if all_namespaces { Selection::Everything } else { Selection::Namespace(cluster.namespace(namespace)) };
    let graph = graph(&progress::shown("Reading the objects", objects(&cluster, &selection)).await?);
    Ok(match output {
        Form::Dot => dot::dot(&graph),
        Form::Mermaid => mermaid::mermaid(&graph),
        Form::Json => json(&graph),
        Form::Html => html::html(&graph),
    })
}

/// Reads all that is drawn. What the caller may not read is left out, and the missing permission is named.
async fn objects(cluster: &Cluster, selection: &Selection) -> Result<Objects, RequestError> {
    let Snapshot { roles, accounts } = snapshot(cluster, selection).await?;
    let pods = match selection {
        Selection::Everything => cluster.everywhere::<Pod>(),
        Selection::Namespace(namespace) | Selection::One { namespace, .. } => cluster.within(namespace),
    };
    let pods = match pods.list().await {
        Err(RequestError::Forbidden(permission)) => {
            progress::note(&format!("Workloads are left out: {permission}"));
            Vec::new()
        }
        listed => listed?,
    };
    let accounts = accounts.into_iter().filter_map(|(name, seen)| match seen {
        Seen::Found(account) => Some(*account),
        Seen::Hidden(permission) => {
            progress::note(&format!("AWSAccount {name} is drawn by its name alone: {permission}"));
            None
        }
        Seen::Missing => None,
    });
    Ok(Objects { now: Timestamp::now(), accounts: accounts.collect(), roles, pods })
}
