//! The end of an account. Objects that use it lose access, as for a namespace that is no longer allowed. The account itself stays
//! until no object needs it to clean a role or a grant: without it, the way into AWS is lost.

use jiff::{SignedDuration, Timestamp};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use crate::api::{AWSAccount, AWSAccountStatus, CrossAccountRole, Reason, annotation};
use crate::controller::Error;
use crate::controller::context::Context;
use crate::decide::account::readiness::needs;
use crate::decide::account::status;
use crate::decide::event::{Event, some_of};

/// An object that is gone wakes its account; this interval covers changes that produce no event.
const CHECK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// Removes the finalizer once no object needs the account any more.
pub async fn run(ctx: &Context, account: &AWSAccount, now: Timestamp) -> Result<Action, Error> {
    if !account.has_finalizer() {
        return Ok(Action::await_change());
    }
    let name = account.name_any();
    let left = ctx.roles_where(|role| needs(role, &name)).await?;
    let left: Vec<String> = left.iter().map(CrossAccountRole::full_name).collect();
    if left.is_empty() || account.is_abandoned() {
        if !left.is_empty() {
            let note = format!(
                "Finalizer removed as requested by the abandon annotation. Roles or grants of these objects may be left in AWS: {}",
                some_of(&left)
            );
            ctx.events.publish(&account.object_ref(&()), &Event::warning(Reason::Abandoned, note)).await;
        }
        ctx.cluster.remove_account_finalizer(account).await?;
        return Ok(Action::await_change());
    }
    let message = format!(
        "deletion is waiting for CrossAccountRoles that still need this account to clean up in AWS: {}. Delete them, or, to \
         delete the account without cleanup, set the annotation {}: \"true\"",
        some_of(&left),
        annotation::ABANDON
    );
    ctx.cluster.write_account_status(account, &deleting(account, &message, now)).await?;
    Ok(Action::requeue(CHECK_AGAIN.unsigned_abs()))
}

fn deleting(account: &AWSAccount, message: &str, now: Timestamp) -> AWSAccountStatus {
    let before = account.status.clone().unwrap_or_default();
    let generation = account.metadata.generation;
    let conditions = status::deleting(&before.conditions, generation, message, now);
    AWSAccountStatus { observed_generation: generation, conditions, ..before }
}
