//! `kubectl crossaccount uninstall`: the end of an installation, with what stays in AWS said before anything is changed.

pub mod args;
mod ending;
pub mod error;
mod inventory;

use std::process::ExitCode;

use jiff::Timestamp;

use self::args::UninstallArgs;
use self::ending::Ending;
use self::error::UninstallError;
use super::cluster::{Cluster, ClusterError};
use super::outcome::Outcome;
use super::{progress, runtime};

/// What is left to a person once the objects are gone.
const NEXT: &str = "\
Next, remove the operator and the CustomResourceDefinitions:
  helm uninstall crossaccount-operator --namespace crossaccount-system
  kubectl delete crd crossaccountroles.iam.crossaccount.dev awsaccounts.iam.crossaccount.dev
In AWS, the manager roles and boundaries of `bootstrap` are still there: delete their stacks.
";

/// Lists what there is, and ends it as the flags say.
pub fn run(args: UninstallArgs) -> Result<Outcome, UninstallError> {
    runtime::block_on(Box::pin(uninstall(args))).map_err(ClusterError::Setup)?
}

async fn uninstall(args: UninstallArgs) -> Result<Outcome, UninstallError> {
    let cluster = Ending::of(Cluster::connect(args.connection).await?);
    let inventory = progress::shown("Reading the objects", cluster.inventory()).await?;
    let text = if args.delete {
        let deletion = cluster.delete(&inventory, args.timeout);
        progress::shown("Waiting until the operator has cleaned up", Box::pin(deletion)).await?;
        format!("{inventory} are deleted:\n{}\n{NEXT}", inventory.with_fates())
    } else if args.leave_in_aws {
        let namespace = args.operator_namespace;
        if let Some(holder) = cluster.leader(&namespace, Timestamp::now()).await? {
            return Err(UninstallError::Running { holder, namespace });
        }
        cluster.release(&inventory).await?;
        format!(
            "{inventory} can be deleted without an operator. Left in AWS:\n{}\n\
             To have these roles cleaned up later, keep the objects and install the operator again.\n\n{NEXT}",
            inventory.left_behind()
        )
    } else {
        format!(
            "{inventory}:\n{}\nNothing was changed. Repeat with --delete while the operator runs, or with --leave-in-aws \
             where it is gone.\n",
            inventory.with_fates()
        )
    };
    Ok(Outcome { text, code: ExitCode::SUCCESS })
}
