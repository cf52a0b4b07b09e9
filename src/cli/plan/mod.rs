//! `kubectl crossaccount plan`: what a declaration would change in AWS, before it is applied.

pub mod args;
mod compare;
mod error;
mod file;
mod live;
mod read;
mod role;

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use kube::ResourceExt as _;

pub use self::error::PlanError;

use self::args::PlanArgs;
use self::compare::{Around, changes, pending};
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError, Objects, RequestError};
use super::outcome::Outcome;
use super::paint::plain;
use super::{progress, runtime};
use crate::api::{AWSAccount, CrossAccountRole};

/// The exit code where something would change.
const CHANGES: u8 = 2;

/// What a role is compared with.
enum Against {
    /// The present object.
    Object,
    /// The role in AWS, with the name of the cluster if it was given.
    Aws { cluster_name: Option<String> },
}

/// Plans a file, or says how far the operator is with an object.
pub fn run(args: PlanArgs) -> Result<Outcome, PlanError> {
    runtime::block_on(Box::pin(make(args))).map_err(ClusterError::Setup)?
}

async fn make(args: PlanArgs) -> Result<Outcome, PlanError> {
    let PlanArgs { name, filename, live, cluster_name, place: NamespaceArgs { connection, namespace } } = args;
    let cluster = Cluster::connect(connection).await?;
    let against = if live { Against::Aws { cluster_name } } else { Against::Object };
    let (name, lines) = match (filename, name) {
        (Some(path), _) => progress::shown("Comparing", Box::pin(planned(&cluster, namespace, &path, against))).await?,
        (None, name) => {
            let objects = cluster.within::<CrossAccountRole>(&cluster.namespace(namespace));
            let present = progress::shown("Reading the object", objects.get(&name.unwrap_or_default())).await?;
            let lines = match against {
                Against::Object => pending(&present),
                against @ Against::Aws { .. } => {
                    let compared = compared(&cluster, Some(&present), &present, against);
                    progress::shown("Comparing with AWS", Box::pin(compared)).await?
                }
            };
            (present.full_name(), lines)
        }
    };
    if lines.is_empty() {
        let text = format!("{name}: nothing would change in AWS.\n");
        return Ok(Outcome { text, code: ExitCode::SUCCESS });
    }
    let listed = lines.iter().flat_map(|line| ["  ".to_owned(), plain(line), "\n".to_owned()]).collect::<String>();
    Ok(Outcome { text: format!("{name}:\n{listed}"), code: ExitCode::from(CHANGES) })
}

/// The name of the object in a file, and what would change.
async fn planned(
    cluster: &Cluster,
    namespace: Option<String>,
    path: &Path,
    against: Against,
) -> Result<(String, Vec<String>), PlanError> {
    let declared = file::read(path)?;
    let namespace = namespace.or_else(|| declared.namespace());
    let objects = cluster.within::<CrossAccountRole>(&cluster.namespace(namespace));
    let present = found(objects.get(&declared.name_any()).await)?;
    let wanted = accepted(&objects, present.as_ref(), declared).await?;
    let lines = compared(cluster, present.as_ref(), &wanted, against).await?;
    Ok((wanted.full_name(), lines))
}

/// What would change.
async fn compared(
    cluster: &Cluster,
    present: Option<&CrossAccountRole>,
    wanted: &CrossAccountRole,
    against: Against,
) -> Result<Vec<String>, PlanError> {
    let account = found(cluster.wide::<AWSAccount>().get(&wanted.spec.account_ref.name).await)?;
    let namespace = cluster.namespace_for(account.as_ref(), &wanted.namespace().unwrap_or_default()).await?;
    let live = match (against, &account) {
        (Against::Aws { cluster_name }, Some(account)) => {
            Some(read::role(cluster, cluster_name, wanted, account).await?)
        }
        _ => None,
    };
    let around =
        Around { account: account.as_ref(), namespace: &namespace, live: live.as_ref(), now: Timestamp::now() };
    Ok(changes(present, wanted, around)?)
}

/// The declaration as the API server would store it.
async fn accepted(
    objects: &Objects<CrossAccountRole>,
    present: Option<&CrossAccountRole>,
    declared: CrossAccountRole,
) -> Result<CrossAccountRole, RequestError> {
    match present {
        None => objects.try_create(&declared).await,
        Some(present) => {
            let changed = CrossAccountRole { spec: declared.spec, ..present.clone() };
            objects.try_replace(&present.name_any(), &changed).await
        }
    }
}

fn found<T>(read: Result<T, RequestError>) -> Result<Option<T>, RequestError> {
    match read {
        Ok(found) => Ok(Some(found)),
        Err(RequestError::NotFound { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
