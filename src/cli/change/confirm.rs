//! Asks before something that cannot be taken back.

use std::io::{self, IsTerminal as _, Write as _};

use super::error::ChangeError;
use crate::api::CrossAccountRole;

/// Asks whether all sessions of the object's role are to end.
pub fn confirm(object: &CrossAccountRole) -> Result<(), ChangeError> {
    if !io::stdin().is_terminal() {
        return Err(ChangeError::NobodyToAsk);
    }
    let role = object.reported_role().and_then(|role| role.arn.as_deref()).unwrap_or("the role");
    let question = format!(
        "This ends all sessions of {role}, also those of others. Programs work again when they read the new credentials.\n\
         Continue? [y/N] "
    );
    let mut stderr = io::stderr().lock();
    stderr.write_all(question.as_bytes()).and_then(|()| stderr.flush()).map_err(ChangeError::Answer)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).map_err(ChangeError::Answer)?;
    match answer.trim().to_lowercase().as_str() {
        "y" | "yes" => Ok(()),
        _ => Err(ChangeError::NotConfirmed),
    }
}
