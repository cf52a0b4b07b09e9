//! `kubectl crossaccount orphans`: roles whose objects are gone, listed, taken back or deleted.

mod adopt;
pub mod args;
mod delete;
mod deletion;
mod error;
mod list;
mod search;

use std::process::ExitCode;

pub use self::error::OrphansError;

use self::args::{ListArgs, OrphansArgs, OrphansCommand};
use self::search::Place;
use super::cluster::ClusterError;
use super::outcome::Outcome;
use super::runtime;

/// Does what the subcommand says.
pub fn run(args: OrphansArgs) -> Result<Outcome, OrphansError> {
    runtime::block_on(Box::pin(make(args.command))).map_err(ClusterError::Setup)?
}

async fn make(command: OrphansCommand) -> Result<Outcome, OrphansError> {
    let text = match command {
        OrphansCommand::List(ListArgs { place, output }) => {
            let place = Place::enter(place).await?;
            list::list(&place, &place.orphans().await?, output)
        }
        OrphansCommand::Adopt(args) => Box::pin(adopt::adopt(args)).await?,
        OrphansCommand::Delete(args) => return Box::pin(delete::delete(args)).await,
    };
    Ok(Outcome { text, code: ExitCode::SUCCESS })
}
