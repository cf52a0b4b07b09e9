//! The process: what the subcommands do, and the order in which `run` starts and ends its parts.

use std::{io, time::Duration};

use thiserror::Error;
use tracing::info;

use super::{
    admin::{Admin, AdminError},
    args::{Command, RunArgs},
    client::{self, ConnectError},
    leader::{self, Election, Lost, Process},
};
use crate::{
    controller::{self, StartError, settings::Shard},
    host::{
        health::Health,
        logs,
        metrics::Metrics,
        shutdown::{self, Overrun},
        traces,
    },
};

/// What work in flight may take after a shutdown. With the release of the lease, the process ends within 5 s;
/// spans that are queued then have 2 s more.
const DRAIN: Duration = Duration::from_millis(3_500);

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
    let traces = traces::start();
    let shutdown = shutdown::on_signals().map_err(Error::Setup)?;
    let health = Health::default();
    let metrics = Metrics::new(per_object_metrics);
    metrics.shards(controllers.shard.unwrap_or(Shard::WHOLE).count().into());
    let clients = client::connect().await?;
    let admin = Admin::bind(http_addr).await?;

    let election = leader_elect.then(|| Election::of_this_process(lease_namespace, controllers.shard));
    let work = shutdown.bounded(
        DRAIN,
        controller::run(clients.controllers, controllers, health.clone(), metrics.clone(), shutdown.clone()),
    );
    // Large futures, so they live on the heap.
    let work = Box::pin(work);
    let work = async {
        let Some(election) = election else {
            metrics.leader(true);
            return Ok(work.await??);
        };
        let process = Process { health: &health, metrics: &metrics, shutdown: &shutdown };
        match Box::pin(leader::lead(clients.lease, &election, process, work)).await? {
            Some(drained) => Ok(drained??),
            None => Ok(()),
        }
    };
    let ended = tokio::select! {
        ended = work => ended,
        Err(failed) = admin.serve(health.clone(), metrics.clone()) => Err(failed.into()),
    };
    let ended = ended.and_then(|()| if shutdown.is_requested() { Ok(()) } else { Err(Error::Ended) });
    traces.finish().await; // after the lease is free: the next leader does not wait for a collector
    if ended.is_ok() {
        info!("stopped");
    }
    ended
}
