//! `kubectl crossaccount status`: accounts, roles, Secrets and consumers as a tree, with what is wrong and what to do.

pub mod args;
mod model;
mod problem;
pub(super) mod read;
mod render;
pub(super) mod snapshot;
mod text;
pub(super) mod tree;
mod view;
mod watch;

use std::process::ExitCode;

use jiff::Timestamp;

use self::args::StatusArgs;
use self::read::{Selection, snapshot};
use self::render::rendered;
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError};
use super::outcome::Outcome;
use super::{progress, runtime};

/// Shows how things are.
pub fn run(args: StatusArgs) -> Result<Outcome, ClusterError> {
    runtime::block_on(Box::pin(status(args))).map_err(ClusterError::Setup)?
}

async fn status(args: StatusArgs) -> Result<Outcome, ClusterError> {
    let StatusArgs { name, place: NamespaceArgs { connection, namespace }, all_namespaces, output, watch } = args;
    let cluster = Cluster::connect(connection).await?;
    let namespace = cluster.namespace(namespace);
    let selection = match name {
        Some(name) => Selection::One { namespace, name },
        None if all_namespaces => Selection::Everything,
        None => Selection::Namespace(namespace),
    };
    let first = progress::shown("Reading the objects", snapshot(&cluster, &selection)).await?;
    if watch {
        watch::watch(&cluster, &selection, first, output).await?;
        return Ok(Outcome { text: String::new(), code: ExitCode::SUCCESS });
    }
    let now = Timestamp::now();
    let tree = tree::tree(&first, now);
    let code = if tree.ready { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    Ok(Outcome { text: rendered(&tree, &selection, output, now), code })
}
