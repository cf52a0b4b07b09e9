//! `kubectl crossaccount uninstall`: the end of an installation, with what stays in AWS said before anything is changed.

pub mod args;
mod cluster;
mod inventory;

use std::borrow::Cow;
use std::io;
use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;

use self::args::UninstallArgs;
use self::cluster::Cluster;
use super::outcome::Outcome;

/// What is left to a person once the objects are gone.
const NEXT: &str = "\
Next, remove the operator and the CustomResourceDefinitions:
  helm uninstall crossaccount-operator --namespace crossaccount-system
  kubectl delete crd crossaccountroles.iam.crossaccount.dev awsaccounts.iam.crossaccount.dev
In AWS, the manager roles and boundaries of `bootstrap` are still there: delete their stacks.
";

/// Why `uninstall` fails.
#[derive(Debug, thiserror::Error)]
pub enum UninstallError {
    /// The async runtime could not be set up.
    #[error("cannot set up the process")]
    Setup(#[source] io::Error),
    /// There is no usable kubeconfig.
    #[error("cannot connect to the cluster; set KUBECONFIG")]
    Connect(#[source] kube::Error),
    /// The API server refuses or does not answer.
    #[error("cannot {verb} {what}")]
    Request {
        /// Of the request.
        verb: &'static str,
        /// The resource.
        what: Cow<'static, str>,
        /// What the API server says. A missing permission is named there.
        source: kube::Error,
    },
    /// The end of an object could not be watched.
    #[error("cannot watch the objects")]
    Watch(#[source] kube::runtime::wait::Error),
    /// An operator would put the finalizers back.
    #[error(
        "{holder} holds the operator's lease in namespace {namespace}: use --delete while an operator runs, or scale its \
         Deployment to zero, wait 15 seconds, and repeat this"
    )]
    Running {
        /// Name of its pod.
        holder: String,
        /// Where its lease is.
        namespace: String,
    },
    /// Some objects still have something to clean up.
    #[error("after {} s these objects are not gone; `kubectl describe` says more:\n{left}", within.as_secs())]
    Waiting {
        /// How long it waited.
        within: Duration,
        /// The objects, a line each.
        left: String,
    },
}

impl UninstallError {
    fn request(verb: &'static str, what: Cow<'static, str>, source: kube::Error) -> Self {
        Self::Request { verb, what, source }
    }
}

/// Lists what there is, and ends it as the flags say.
pub fn run(args: UninstallArgs) -> Result<Outcome, UninstallError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(UninstallError::Setup)?;
    runtime.block_on(uninstall(args))
}

async fn uninstall(args: UninstallArgs) -> Result<Outcome, UninstallError> {
    let cluster = Cluster::connect().await?;
    let inventory = cluster.inventory().await?;
    let text = if args.delete {
        cluster.delete(&inventory, args.timeout).await?;
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
