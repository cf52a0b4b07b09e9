//! What becomes of the role when its object is deleted.

use jiff::Timestamp;

use super::context::Context;
use super::observe::read_role;
use crate::api::{AWSAccount, CrossAccountRole, DeletionPolicy, Lifecycle, Reason};
use crate::aws::Iam;
use crate::decide::desired::{deletion_policy, role_arn};
use crate::decide::explain::managing;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::retry::Retry;
use crate::decide::revocation::{DENY_OLDER_SESSIONS, deny_older_sessions, deny_older_sessions_of, moment_of_denial};
use crate::decide::role_plan::{created_by_us, owned};
use crate::decide::{Refusal, account};
use crate::domain::{AwsFailure, FailureKind, IamRoleState, ObjectIdentity, SessionName};

/// What came of the role.
pub enum RoleEnd {
    /// There is none, or it was deleted.
    Gone,
    /// It stays, for this reason.
    Stays(String),
}

/// Deletes the role if the object made it and nobody wants it kept. Else it stays, and the sessions that the operator began
/// in it are denied.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    account: Option<&AWSAccount>,
    now: Timestamp,
) -> Result<RoleEnd, Verdict> {
    if role.spec.role.lifecycle == Lifecycle::Observe {
        return Ok(RoleEnd::Stays("The role was only observed, so it stays as it is".into()));
    }
    let ended = match account {
        Some(declared) => end(ctx, role, object, declared, now).await,
        None if role.status.as_ref().and_then(|status| status.role.as_ref()).is_none() => Ok(RoleEnd::Gone),
        None => Err(Verdict {
            reason: Reason::Deleting,
            message: format!(
                "there is no AWSAccount {} any more, so its role cannot be deleted",
                role.spec.account_ref.name
            ),
            retry: Retry::Slow,
        }),
    };
    match ended {
        // Nothing has to be done for a role that is kept, and nothing may hold its object.
        Err(Verdict { message, .. }) if deletion_policy(&role.spec, account) == DeletionPolicy::Retain => {
            Ok(RoleEnd::Stays(format!(
                "The deletion policy is Retain: the role stays. Its sessions could not be denied: {message}"
            )))
        }
        other => other,
    }
}

async fn end(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    declared: &AWSAccount,
    now: Timestamp,
) -> Result<RoleEnd, Verdict> {
    let access = account::access(declared)?;
    let arn = role_arn(&role.spec, &declared.spec, object, &access)?;
    let circumstances = Circumstances::default();
    let iam = ctx.gateway.enter(&access).await.map_err(|f| verdict(Work::Enter, &f.failure, circumstances))?;
    let judged = |failure: AwsFailure| {
        ctx.gateway.forget_if_stale(&access, &failure);
        managing(&access, &arn, &failure, circumstances)
    };
    let Some(state) = read_role(iam.as_ref(), &arn.name).await.map_err(judged)? else { return Ok(RoleEnd::Gone) };
    if let Err(refusal) = owned(&state.role, object) {
        return Ok(RoleEnd::Stays(refusal.message));
    }
    let lifecycle = role.spec.role.lifecycle;
    let Some(why) = stays(role, object, declared, &state) else {
        remove(iam.as_ref(), &state, now).await.map_err(judged)?;
        return Ok(RoleEnd::Gone);
    };
    let denial = deny_older_sessions_of(&state.role.id, &SessionName::of(object), moment_of_denial(now))
        .map_err(|e| Verdict::from(Refusal::new(Reason::InvalidSpec, e.to_string())))?;
    iam.put_inline(&state.role.arn.name, DENY_OLDER_SESSIONS, &denial).await.map_err(judged)?;
    if lifecycle == Lifecycle::Adopt {
        // Without our tags the role is its owner's again, and may be adopted by another object.
        let ours: Vec<String> = object.role_tags().into_keys().collect();
        iam.untag(&state.role.arn.name, &ours).await.map_err(judged)?;
    }
    Ok(RoleEnd::Stays(why))
}

fn stays(
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    account: &AWSAccount,
    state: &IamRoleState,
) -> Option<String> {
    let lifecycle = role.spec.role.lifecycle;
    let before = role
        .status
        .as_ref()
        .and_then(|status| status.role.as_ref())
        .filter(|known| known.id.as_ref() == Some(&state.role.id));
    if lifecycle == Lifecycle::Adopt {
        Some(format!("Role {} was adopted, so it stays", state.role.arn))
    } else if deletion_policy(&role.spec, Some(account)) == DeletionPolicy::Retain {
        Some("The deletion policy is Retain: role and trust policy stay".into())
    } else if !created_by_us(before.map(|before| before.created), lifecycle, &state.role, object) {
        Some(format!("This object did not create role {}, so it stays", state.role.arn))
    } else {
        None
    }
}

/// In the order that IAM wants (IAM user guide, "Deleting roles or instance profiles"). What is gone already is no obstacle
/// and the rest is still taken away.
async fn remove(iam: &dyn Iam, state: &IamRoleState, now: Timestamp) -> Result<(), AwsFailure> {
    let name = &state.role.arn.name;
    if let Ok(denial) = deny_older_sessions(moment_of_denial(now)) {
        unless_gone(iam.put_inline(name, DENY_OLDER_SESSIONS, &denial).await)?;
    }
    for profile in iam.instance_profiles(name).await? {
        unless_gone(iam.leave_instance_profile(name, &profile).await)?;
    }
    for policy in state.inline.keys().filter(|policy| *policy != DENY_OLDER_SESSIONS) {
        unless_gone(iam.delete_inline(name, policy).await)?;
    }
    for policy in &state.attached {
        unless_gone(iam.detach(name, policy).await)?;
    }
    unless_gone(iam.delete_inline(name, DENY_OLDER_SESSIONS).await)?;
    unless_gone(iam.delete_role(name).await)
}

fn unless_gone(result: Result<(), AwsFailure>) -> Result<(), AwsFailure> {
    match result {
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(()),
        other => other,
    }
}
