//! The process: what the subcommands do, and the order in which `run` starts and ends its parts.

use std::{env, fs, io, time::Duration};

use jiff::Timestamp;
use thiserror::Error;
use tracing::info;

use crate::controller::{self, StartError};

use super::{
    admin::{Admin, AdminError},
    args::{Command, RunArgs},
    client::{self, ConnectError},
    health::Health,
    leader::{self, Election, Lost},
    logs,
    metrics::Metrics,
    shutdown::{self, Overrun, Shutdown},
};

/// What work in flight may take after a shutdown. With the release of the lease, the process ends within 5 s.
const DRAIN: Duration = Duration::from_millis(3_500);

/// Where a pod finds the name of its namespace.
const POD_NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";
/// The operator's namespace by convention.
const DEFAULT_NAMESPACE: &str = "crossaccount-system";

/// Why the process fails.
#[derive(Debug, Error)]
pub enum Error {
    /// The async runtime or the signal handlers could not be set up.
    #[error("cannot set up the process")]
    Setup(#[source] io::Error),
    /// Logs could not be set up.
    #[error("cannot set up the logs")]
    Logs(#[from] tracing_subscriber::util::TryInitError),
    /// The CRDs could not be written to standard output.
    #[error("cannot write the CustomResourceDefinitions to standard output")]
    Output(#[source] io::Error),
    /// The CRDs could not be rendered.
    #[error("cannot render the CustomResourceDefinitions: {0}")]
    Crds(String),
    /// The admin server.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The way to the API server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Leadership was lost.
    #[error(transparent)]
    Lost(#[from] Lost),
    /// The controllers could not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Work in flight did not end in time.
    #[error(transparent)]
    Overrun(#[from] Overrun),
    /// The controllers ended although nobody asked them to.
    #[error("the controllers ended by themselves")]
    Ended,
}

/// Does what the command line says. Returns when it is done; errors are for the caller to print.
pub fn execute(command: Command) -> Result<(), Error> {
    match command {
        Command::Crds => {
            let crds = crate::api::crds_yaml().map_err(|error| Error::Crds(error.to_string()))?;
            io::Write::write_all(&mut io::stdout().lock(), crds.as_bytes()).map_err(Error::Output)
        }
        Command::Run(args) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(Error::Setup)?;
            let ended = runtime.block_on(run(*args));
            // A name lookup that hangs in the background must not hold up the end.
            runtime.shutdown_background();
            ended
        }
    }
}

/// Runs the controllers until a signal comes, or until they cannot go on.
pub async fn run(args: RunArgs) -> Result<(), Error> {
    let RunArgs { controllers, leader_elect, lease_namespace, http_addr, per_object_metrics, log_format, log_level } =
        args;
    logs::init(log_format, &log_level)?;
    let shutdown = shutdown::on_signals().map_err(Error::Setup)?;
    let health = Health::default();
    let metrics = Metrics::new(per_object_metrics);
    let clients = client::connect().await?;
    let admin = Admin::bind(http_addr).await?;

    let election = leader_elect.then(|| {
        let namespace = lease_namespace.unwrap_or_else(|| own_namespace(fs::read_to_string(POD_NAMESPACE).ok()));
        Election::new(namespace, controllers.shard.as_ref(), identity(&host(), std::process::id(), Timestamp::now()))
    });
    let work = shutdown
        .bounded(DRAIN, controller::run(clients.controllers, controllers, health.clone(), metrics.clone(), shutdown.clone()));
    let work = async {
        let Some(election) = election else {
            metrics.leader(true);
            return Ok(work.await??);
        };
        match leader::lead(clients.lease, &election, &health, &metrics, &shutdown, work).await? {
            Some(drained) => Ok(drained??),
            None => Ok(()),
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        Err(failed) = admin.serve(health.clone(), metrics.clone()) => Err(failed.into()),
    };
    let ended = ended.and_then(|()| if shutdown.is_wanted() { Ok(()) } else { Err(Error::Ended) });
    if ended.is_ok() {
        info!("stopped");
    }
    ended
}

/// The namespace of the lease if no flag names it.
fn own_namespace(pod: Option<String>) -> String {
    pod.map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| DEFAULT_NAMESPACE.to_owned())
}

/// Unique to each start: a container that restarts has the same host name and the same process id as before.
fn identity(host: &str, pid: u32, started: Timestamp) -> String {
    format!("{host}_{pid}_{}", started.as_millisecond())
}

/// The name of the host; in a pod, that of the pod.
fn host() -> String {
    let name = env::var("HOSTNAME").or_else(|_| fs::read_to_string("/proc/sys/kernel/hostname"));
    name.map(|name| name.trim().to_owned())
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "unknown-host".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lease_lives_beside_the_pod_or_in_the_operators_namespace() {
        assert_eq!(own_namespace(Some("tools\n".to_owned())), "tools");
        assert_eq!(own_namespace(Some("\n".to_owned())), DEFAULT_NAMESPACE);
        assert_eq!(own_namespace(None), DEFAULT_NAMESPACE);
    }

    #[test]
    fn a_restarted_container_runs_under_a_new_identity() {
        let first = identity("operator-0", 1, Timestamp::constant(1_800_000_000, 0));
        let second = identity("operator-0", 1, Timestamp::constant(1_800_000_009, 0));
        assert_eq!(first, "operator-0_1_1800000000000");
        assert_ne!(first, second);
    }
}
