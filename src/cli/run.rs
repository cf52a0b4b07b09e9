//! What the commands do.

use std::io;
use std::process::ExitCode;

use clap::CommandFactory as _;

use super::args::{Args, Command};
use super::bootstrap::{self, BootstrapError};
use super::change::{self, ChangeError};
use super::cluster::ClusterError;
use super::explain;
use super::graph;
use super::import::{self, ImportError};
use super::orphans::{self, OrphansError};
use super::outcome::{Outcome, print};
use super::plan::{self, PlanError};
use super::session::{self, SessionError};
use super::shell::{self, ManError};
use super::status;
use super::support_bundle::{self, SupportBundleError};
use super::uninstall::{self, error::UninstallError};
use super::unused;

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The result could not be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// `bootstrap` failed.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// A command that reads from the cluster failed.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// A command that asks the operator for something failed.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// A role is not imported.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// Nothing can be said of orphans, or done about one.
    #[error(transparent)]
    Orphans(#[from] OrphansError),
    /// There is no plan.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The credentials of an object could not be used.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// `man` failed.
    #[error(transparent)]
    Man(#[from] ManError),
    /// `support-bundle` failed.
    #[error(transparent)]
    SupportBundle(#[from] SupportBundleError),
    /// `uninstall` failed.
    #[error(transparent)]
    Uninstall(#[from] UninstallError),
}

/// Does what the command line says; errors are for the caller to print.
pub fn execute(command: Command) -> Result<ExitCode, Error> {
    let Outcome { text, code } = match command {
        Command::Status(args) => status::run(args)?,
        Command::Explain(args) => explain::run(args)?,
        Command::Plan(args) => plan::run(args)?,
        Command::Graph(args) => graph::run(args)?,
        Command::Unused(args) => unused::run(args)?,
        Command::Renew(args) => change::renew(args)?,
        Command::Revoke(args) => change::revoke(args)?,
        Command::Suspend(args) => change::suspend(args)?,
        Command::Resume(args) => change::resume(args)?,
        Command::Exec(args) => session::exec(args)?,
        Command::Env(args) => session::env(args)?,
        Command::Credentials(args) => session::credentials(args)?,
        Command::Profile(args) => session::profile(args)?,
        Command::Bootstrap(args) => bootstrap::run(args)?,
        Command::Import(args) => import::run(args)?,
        Command::Orphans(args) => orphans::run(args)?,
        Command::SupportBundle(args) => support_bundle::run(args)?,
        Command::Uninstall(args) => uninstall::run(args)?,
        Command::Completion(args) => shell::completion(&args, Args::command()),
        Command::Man(args) => shell::man(&args, Args::command())?,
        Command::Complete { words } => shell::complete(&words, &Args::command()),
    };
    print(&text).map_err(Error::Output)?;
    Ok(code)
}
