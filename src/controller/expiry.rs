//! The end of a set that no renewal replaced in time: `secret.onExpiry`.

use jiff::Timestamp;

use super::Error;
use super::context::Context;
use crate::api::{CrossAccountRole, OnExpiry};
use crate::cluster::Notice;
use crate::decide::status::Report;

/// Takes away a Secret whose set did expire, if the object asks for it. Kept, it lets pods start, which then fail to call AWS;
/// deleted, it keeps them from starting. The next set brings it back.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    report: &Report,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<(), Error> {
    let Some(expired) = report.published.as_ref().filter(|set| set.expires_at <= now) else { return Ok(()) };
    if role.spec.secret.on_expiry == OnExpiry::Keep || !ctx.cluster.delete_secret(role, &expired.secret_name).await? {
        return Ok(());
    }
    let told = format!("Secret {} was deleted: its credentials expired at {}", expired.secret_name, expired.expires_at);
    notices.push(Notice::warning("SecretDeleted", told));
    Ok(())
}
