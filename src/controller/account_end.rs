//! The end of an account: first everybody loses access, as for a namespace that is no longer allowed, and only then does the
//! object go, with which the way into the account is lost.

use jiff::{SignedDuration, Timestamp};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::Error;
use super::context::Context;
use crate::api::{AWSAccount, AWSAccountStatus, ConditionType, CrossAccountRole, Reason, annotation};
use crate::cluster::{Notice, is_held};
use crate::decide::conditions::{Conditions, find};

/// Objects that are cut off wake the account; this is for what nobody tells.
const LOOK_AGAIN: SignedDuration = SignedDuration::from_secs(30);

/// How many objects a message names.
const NAMED: usize = 5;

/// Lets an account go once nobody has access by it.
pub async fn run(ctx: &Context, account: &AWSAccount, now: Timestamp) -> Result<Action, Error> {
    if !is_held(account) {
        return Ok(Action::await_change());
    }
    let name = account.name_any();
    let roles = ctx.cluster.roles_in_account(&name).await?;
    let left: Vec<String> = roles.iter().filter(|role| has_access(role, &name)).map(full_name).collect();
    let abandoned = account.annotations().get(annotation::ABANDON).is_some_and(|value| value == "true");
    if left.is_empty() || abandoned {
        if !left.is_empty() {
            let told = format!("Let go as the annotation asks. Not cut off: {}", some_of(&left));
            ctx.events.publish(&account.object_ref(&()), &Notice::warning(Reason::Abandoned.as_str(), told)).await;
        }
        ctx.cluster.remove_account_finalizer(account).await?;
        return Ok(Action::await_change());
    }
    let told = format!(
        "the account is held until nobody has access by it; waiting for {}. To let it go as it is, annotate it with {}=true",
        some_of(&left),
        annotation::ABANDON
    );
    ctx.cluster.write_account_status(account, &deleting(account, &told, now)).await?;
    Ok(Action::requeue(LOOK_AGAIN.unsigned_abs()))
}

/// An object that made or uses a role and was not cut off, or that gave permissions and did not take them back. One that is
/// being deleted needs the account, too.
fn has_access(role: &CrossAccountRole, account: &str) -> bool {
    let status = role.status.clone().unwrap_or_default();
    if status.source_grants.iter().any(|grant| grant.account == account) {
        return true;
    }
    let revoked = find(&status.conditions, ConditionType::CredentialsReady)
        .is_some_and(|credentials| credentials.reason == Reason::Revoked.as_str());
    role.spec.account_ref.name == account
        && status.role.is_some()
        && (!revoked || role.metadata.deletion_timestamp.is_some())
}

fn full_name(role: &CrossAccountRole) -> String {
    format!("{}/{}", role.namespace().unwrap_or_default(), role.name_any())
}

fn some_of(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn deleting(account: &AWSAccount, message: &str, now: Timestamp) -> AWSAccountStatus {
    let before = account.status.clone().unwrap_or_default();
    let generation = account.metadata.generation;
    let mut conditions = Conditions::after(&before.conditions, generation, now);
    conditions.set(ConditionType::Ready, false, Reason::Deleting, message);
    AWSAccountStatus { observed_generation: generation, conditions: conditions.into_vec(), ..before }
}
