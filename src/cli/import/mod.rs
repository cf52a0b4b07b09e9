//! `kubectl crossaccount import`: a manifest for an IAM role that exists.

mod account;
pub mod args;
mod error;
mod judged;
mod manifest;

use std::process::ExitCode;

pub use self::error::ImportError;
pub use self::judged::judged;
pub use self::manifest::manifest;

use self::account::{Chosen, chosen};
use self::args::ImportArgs;
use super::aws_account::OwnAccount;
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError};
use super::outcome::Outcome;
use super::paint::plain;
use super::{progress, runtime};
use crate::decide::import::{Imported, Origin, Wanted, changeable, import, object_name, owner, unowned};
use crate::domain::{IamRole, IamRoleState, RoleArn};

/// Prints the manifest.
pub fn run(args: ImportArgs) -> Result<Outcome, ImportError> {
    runtime::block_on(Box::pin(make(args))).map_err(ClusterError::Setup)?
}

async fn make(args: ImportArgs) -> Result<Outcome, ImportError> {
    let ImportArgs { role: arn, name, account, lifecycle, cluster_name, place } = args;
    let NamespaceArgs { connection, namespace } = place;
    changeable(&arn)?;
    let name = name.or_else(|| object_name(&arn.name)).ok_or(ImportError::Name)?;
    let cluster = Cluster::connect(connection).await;
    let namespace = match &cluster {
        Ok(cluster) => Some(cluster.namespace(namespace)),
        Err(_) => namespace,
    };
    let looked = progress::shown("Looking for the AWSAccount", Box::pin(chosen(cluster.as_ref(), account, &arn)));
    let Chosen { name: account_name, account, unread } = looked.await?;
    let state = progress::shown("Reading the role", Box::pin(read(&arn))).await?;
    if let Ok(cluster) = &cluster {
        refuse_own(cluster, cluster_name, &state.role, &account_name).await?;
    }

    let lifecycle = lifecycle.into();
    let namespace = namespace.as_deref();
    let wanted = Wanted { name: &name, namespace, account: &account_name, lifecycle, origin: Origin::Elsewhere };
    let Imported { role, mut notes } = import(&state, &wanted);
    notes.extend(unread);
    if let (Ok(cluster), Some(account)) = (&cluster, &account) {
        notes.extend(judged(cluster, &role, &state.role, account).await);
    }
    for note in &notes {
        progress::note(&plain(&note.to_string()));
    }
    let text = manifest(&arn, &role, &notes).map_err(|error| ImportError::Render(error.to_string()))?;
    Ok(Outcome { text, code: ExitCode::SUCCESS })
}

/// The role with all its policies, by the AWS credentials at hand.
async fn read(arn: &RoleArn) -> Result<IamRoleState, ImportError> {
    let own = OwnAccount::enter().await?;
    own.is_account(arn.account.as_str())?;
    own.is_partition(arn.partition.as_str())?;
    let found = own.iam.role_state(&arn.name).await;
    let found = found.map_err(|failure| own.failed(&format!("role {}", arn.name), &failure))?;
    let found = found.ok_or_else(|| ImportError::NoRole(arn.clone()))?;
    // IAM compares names without case and without the path.
    if found.role.arn == *arn { Ok(found) } else { Err(ImportError::OtherArn(found.role.arn)) }
}

/// Refuses a role that the operator of this cluster keeps. Where the name of the cluster cannot be read, a note names the owner.
async fn refuse_own(
    cluster: &Cluster,
    cluster_name: Option<String>,
    role: &IamRole,
    account: &str,
) -> Result<(), ImportError> {
    if owner(role).is_none() {
        return Ok(());
    }
    match cluster.name(cluster_name).await {
        Ok(cluster) => Ok(unowned(role, &cluster, account)?),
        Err(_) => Ok(()),
    }
}
