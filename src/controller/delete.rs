//! The end of an object: everything it brought about is taken back, and only then is it let go. Each step may be repeated.

use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::context::Context;
use super::observe::read_role;
use super::{Error, publish};
use crate::api::{AWSAccount, CrossAccountRole, DeletionPolicy, FINALIZER, Reason, annotation};
use crate::aws::Iam;
use crate::cluster::Notice;
use crate::decide::account;
use crate::decide::desired::{deletion_policy, role_arn};
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::retry::Retry;
use crate::decide::revocation::deny_older_sessions;
use crate::decide::role_plan::{DENY_OLDER_SESSIONS, created_by_us, owned};
use crate::decide::status::{Outcome, Report};
use crate::domain::{AwsFailure, FailureKind, IamRoleState, ObjectIdentity, RoleName};
use crate::runtime::metrics::Outcome as Ending;

/// What came of the role.
enum Gone {
    /// There is none, or it was deleted.
    Yes,
    /// It stays, for this reason.
    Stays(String),
}

/// Cleans up, then takes the finalizer off.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    now: Timestamp,
) -> Result<(Ending, Action), Error> {
    let ours = role.finalizers().iter().any(|finalizer| finalizer == FINALIZER);
    if !ours || !ctx.cluster.still_exists(role).await? {
        ctx.memory.forget(&object.uid);
        return Ok((Ending::Settled, Action::await_change()));
    }
    let secret = publish::published_before(role).map(|set| set.secret_name);
    let secret = secret.or_else(|| role.spec.secret.name.clone()).unwrap_or_else(|| object.name.clone());
    ctx.cluster.delete_secret(role, &secret).await?;

    let account = ctx.cluster.account(&role.spec.account_ref.name).await?;
    let notice = match clean(ctx, role, object, account.as_ref(), now).await {
        Ok(Gone::Yes) => Notice::normal("Deleted", "The role and its grants are gone"),
        Ok(Gone::Stays(why)) => Notice::normal("RoleRetained", why),
        Err(verdict) if is_abandoned(role) => Notice::warning(Reason::Abandoned.as_str(), left_behind(role, &verdict)),
        Err(verdict) => return hold(ctx, role, object, verdict, now).await,
    };
    ctx.events.publish(&role.object_ref(&()), &notice).await;
    ctx.cluster.remove_finalizer(role).await?;
    ctx.memory.forget(&object.uid);
    ctx.wake_account(&role.spec.account_ref.name);
    Ok((Ending::Settled, Action::await_change()))
}

async fn clean(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    account: Option<&AWSAccount>,
    now: Timestamp,
) -> Result<Gone, Verdict> {
    let before = role.status.as_ref().and_then(|status| status.role.as_ref());
    if deletion_policy(&role.spec, account) == DeletionPolicy::Retain {
        return Ok(Gone::Stays("The deletion policy is Retain: role and trust policy stay".into()));
    }
    let Some(declared) = account else {
        if before.is_none() {
            return Ok(Gone::Yes); // nothing was ever done
        }
        let told =
            format!("there is no AWSAccount {} any more, so its role cannot be deleted", role.spec.account_ref.name);
        return Err(Verdict { reason: Reason::Deleting, message: told, retry: Retry::Slow });
    };
    let access = account::access(declared)?;
    let name = role_arn(&role.spec, &declared.spec, object, &access)?.name;
    let circumstances = Circumstances::default();
    let iam = ctx.gateway.enter(&access).await.map_err(|f| verdict(Work::Enter, &f.failure, circumstances))?;
    let judged = |failure: AwsFailure| {
        ctx.gateway.forget_if_stale(&access, &failure);
        verdict(Work::Manage, &failure, circumstances)
    };
    let Some(state) = read_role(iam.as_ref(), &name).await.map_err(judged)? else { return Ok(Gone::Yes) };
    if let Err(refusal) = owned(&state.role, object) {
        return Ok(Gone::Stays(refusal.message));
    }
    if !created_by_us(before.map(|before| before.created), &state.role, object) {
        return Ok(Gone::Stays(format!("This object did not create role {}, so it stays", state.role.arn)));
    }
    remove(iam.as_ref(), &name, &state, now).await.map_err(judged)?;
    Ok(Gone::Yes)
}

/// In the order that IAM wants (IAM user guide, "Deleting roles or instance profiles"). What is gone already is no obstacle
/// and the rest is still taken away.
async fn remove(iam: &dyn Iam, name: &RoleName, state: &IamRoleState, now: Timestamp) -> Result<(), AwsFailure> {
    if let Ok(denial) = deny_older_sessions(now) {
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

/// Says what is in the way, and tries again.
async fn hold(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    verdict: Verdict,
    now: Timestamp,
) -> Result<(Ending, Action), Error> {
    let Verdict { reason, message, retry } = verdict;
    let told = format!(
        "{message}. The object is held until AWS is clean; to let it go as it is, set spec.role.deletionPolicy to Retain, or \
         annotate it with {}=true",
        annotation::ABANDON
    );
    let retry = if retry == Retry::OnChange { Retry::Slow } else { retry };
    let failing = Outcome::Failing(Verdict { reason, message: told, retry });
    let report = Report { role: failing, ..Report::default() };
    publish::run(ctx, role, object, &report, Vec::new(), now).await
}

fn is_abandoned(role: &CrossAccountRole) -> bool {
    role.annotations().get(annotation::ABANDON).is_some_and(|value| value == "true")
}

fn left_behind(role: &CrossAccountRole, verdict: &Verdict) -> String {
    let arn = role.status.as_ref().and_then(|status| status.role.as_ref()).and_then(|known| known.arn.clone());
    let what = arn.map_or_else(|| "possibly a role".to_owned(), |arn| format!("role {arn} with its policies"));
    format!("Let go as the annotation asks. Left behind in AWS: {what}. It could not be cleaned: {}", verdict.message)
}
