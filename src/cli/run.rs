//! What the commands do.

use std::io::{self, Write as _};
use std::process::ExitCode;

use super::args::Command;
use super::bootstrap::{self, BootstrapError};
use super::outcome::Outcome;
use super::uninstall::{self, error::UninstallError};

/// Why a command fails.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The result could not be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// `bootstrap` failed.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// `uninstall` failed.
    #[error(transparent)]
    Uninstall(#[from] UninstallError),
}

/// Does what the command line says; errors are for the caller to print.
pub fn execute(command: Command) -> Result<ExitCode, Error> {
    let Outcome { text, code } = match command {
        Command::Bootstrap(args) => bootstrap::run(args)?,
        Command::Uninstall(args) => uninstall::run(args)?,
    };
    io::stdout().lock().write_all(text.as_bytes()).map_err(Error::Output)?;
    Ok(code)
}
