//! Asks before something that cannot be taken back.

use std::io::{self, IsTerminal as _, Write as _};

/// Why something is not done.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmError {
    /// Nobody is there to be asked.
    #[error("standard input is no terminal, so nobody can confirm this; repeat it with --yes")]
    NobodyToAsk,
    /// The answer could not be read.
    #[error("cannot read the answer")]
    Answer(#[source] io::Error),
    /// The caller does not want it.
    #[error("nothing was changed")]
    NotConfirmed,
}

/// Says what is about to happen, and asks whether to go on.
pub fn confirm(what: &str) -> Result<(), ConfirmError> {
    if !io::stdin().is_terminal() {
        return Err(ConfirmError::NobodyToAsk);
    }
    let mut stderr = io::stderr().lock();
    let asked = stderr.write_all(format!("{what}\nContinue? [y/N] ").as_bytes()).and_then(|()| stderr.flush());
    asked.map_err(ConfirmError::Answer)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(ConfirmError::Answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(ConfirmError::NotConfirmed),
    }
}
