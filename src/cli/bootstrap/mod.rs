//! `kubectl crossaccount bootstrap`: what a platform team sets up in an AWS account, printed or checked.

pub mod args;
mod check;
mod error;
mod format;
mod read;
mod request;
mod value;

use std::process::ExitCode;

pub use self::error::BootstrapError;

use self::args::{BootstrapArgs, BootstrapCommand, CheckCommand};
use self::check::check;
use self::request::Request;
use super::outcome::Outcome;
use super::runtime;

/// Prints a setup, or what an account lacks and has too much of.
pub fn run(args: BootstrapArgs) -> Result<Outcome, BootstrapError> {
    let (request, format, account_id) = match args.command {
        BootstrapCommand::Check { command } => return run_check(command),
        BootstrapCommand::Target(print) => (Request::target(print.setup)?, print.format, print.account_id),
        BootstrapCommand::Source(print) => (Request::source(print.setup)?, print.format, print.account_id),
        BootstrapCommand::Operator(print) => (Request::operator(print.setup)?, print.format, print.account_id),
    };
    let place = format::place(format, &request, account_id)?;
    let setup = request.setup(place);
    setup.fits()?;
    Ok(Outcome { text: format::render(format, &setup)?, code: ExitCode::SUCCESS })
}

fn run_check(command: CheckCommand) -> Result<Outcome, BootstrapError> {
    let (request, account_id) = match command {
        CheckCommand::Target(checked) => (Request::target(checked.setup)?, checked.account_id),
        CheckCommand::Source(checked) => (Request::source(checked.setup)?, checked.account_id),
        CheckCommand::Operator(checked) => (Request::operator(checked.setup)?, checked.account_id),
    };
    runtime::block_on(Box::pin(check(&request, account_id.as_deref()))).map_err(BootstrapError::Setup)?
}
