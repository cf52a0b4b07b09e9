//! `kubectl crossaccount completion` and `man`: what a shell and `man` know of this program, made from its own definition.

pub mod args;
mod completion;
mod man;

use std::process::ExitCode;

use clap::Command;

pub use self::man::ManError;

use self::args::{CompletionArgs, ManArgs};
use super::outcome::Outcome;

/// Prints the script of a shell.
#[must_use]
pub fn completion(args: &CompletionArgs, command: Command) -> Outcome {
    Outcome { text: completion::script(args.form, command), code: ExitCode::SUCCESS }
}

/// Prints what may follow on these words, in the form that kubectl asks plugins for.
#[must_use]
pub fn complete(words: &[String], command: &Command) -> Outcome {
    Outcome { text: completion::candidates(command, words), code: ExitCode::SUCCESS }
}

/// Writes a manual page for each command.
pub fn man(args: &ManArgs, command: Command) -> Result<Outcome, ManError> {
    let pages = man::write(command, &args.folder)?;
    let text = format!("{pages} manual pages are in {}.\n", args.folder.display());
    Ok(Outcome { text, code: ExitCode::SUCCESS })
}
