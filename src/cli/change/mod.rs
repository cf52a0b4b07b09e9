//! `kubectl crossaccount renew`, `revoke`, `suspend` and `resume`: one field of an object is written, and the operator is
//! waited for.

pub mod args;
mod effect;
mod error;

use std::process::ExitCode;

use jiff::Timestamp;
use tokio::time::timeout;

pub use self::error::ChangeError;

use self::args::{ChangeArgs, RevokeArgs};
pub use self::effect::said;
use self::effect::{Change, Progress};
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError, Objects};
use super::confirm::confirm;
use super::outcome::Outcome;
use super::{progress, runtime};
use crate::api::CrossAccountRole;

/// Asks for new credentials.
pub fn renew(args: ChangeArgs) -> Result<Outcome, ChangeError> {
    run(Change::Renew, args, true)
}

/// Ends all sessions.
pub fn revoke(args: RevokeArgs) -> Result<Outcome, ChangeError> {
    run(Change::Revoke, args.change, args.yes)
}

/// Stops the operator's work on an object.
pub fn suspend(args: ChangeArgs) -> Result<Outcome, ChangeError> {
    run(Change::Suspend, args, true)
}

/// Lets the operator go on.
pub fn resume(args: ChangeArgs) -> Result<Outcome, ChangeError> {
    run(Change::Resume, args, true)
}

fn run(change: Change, args: ChangeArgs, confirmed: bool) -> Result<Outcome, ChangeError> {
    runtime::block_on(Box::pin(make(change, args, confirmed))).map_err(ClusterError::Setup)?
}

async fn make(change: Change, args: ChangeArgs, confirmed: bool) -> Result<Outcome, ChangeError> {
    let ChangeArgs { name, place: NamespaceArgs { connection, namespace }, wait, timeout: within } = args;
    let cluster = Cluster::connect(connection).await?;
    let objects = cluster.within::<CrossAccountRole>(&cluster.namespace(namespace));
    let before = progress::shown("Reading the object", objects.get(&name)).await?;
    if let Some(objection) = change.objection(&before) {
        return Err(ChangeError::NotNow(objection));
    }
    if !confirmed {
        let role = before.reported_role().and_then(|role| role.arn.as_deref()).unwrap_or("the role");
        confirm(&format!(
            "This ends all sessions of {role}, also those of others. Programs work again when they read the new credentials."
        ))?;
    }
    objects.merge(&name, &change.patch(Timestamp::now())).await?;
    if !wait {
        let text = format!(
            "{}: the operator is asked. `kubectl crossaccount status {name}` shows what it does.\n",
            before.full_name()
        );
        return Ok(Outcome { text, code: ExitCode::SUCCESS });
    }
    let work = timeout(within, acted(change, &objects, &before));
    match progress::shown(change.awaited(), work).await {
        Ok(done) => Ok(Outcome { text: done?, code: ExitCode::SUCCESS }),
        Err(_) => Err(ChangeError::Waiting { within, said: said(&objects.get(&name).await?) }),
    }
}

/// Waits until the operator has acted, and says what it verified.
async fn acted(
    change: Change,
    objects: &Objects<CrossAccountRole>,
    before: &CrossAccountRole,
) -> Result<String, ChangeError> {
    let name = before.metadata.name.as_deref().unwrap_or_default();
    let ended =
        |now: Option<&CrossAccountRole>| now.is_none_or(|now| change.progress(before, now) != Progress::Working);
    let now = objects.until(name, ended).await?.ok_or(ChangeError::Gone)?;
    match change.progress(before, &now) {
        Progress::Done(text) => Ok(text),
        Progress::Stalled(why) => Err(ChangeError::Stalled(why)),
        Progress::Working => Ok(String::new()),
    }
}
