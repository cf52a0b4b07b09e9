//! The end of an object: everything it brought about is taken back, and only then is it let go. Each step may be repeated.

use jiff::Timestamp;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::context::Context;
use super::role_end::{self, RoleEnd};
use super::{Error, grants, publish};
use crate::api::{CrossAccountRole, Reason, annotation};
use crate::cluster::{Notice, is_held};
use crate::decide::failure::Verdict;
use crate::decide::retry::Retry;
use crate::decide::status::{Outcome, Report};
use crate::domain::ObjectIdentity;
use crate::runtime::metrics::Outcome as Ending;

/// Cleans up, then takes the finalizer off.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    now: Timestamp,
) -> Result<(Ending, Action), Error> {
    if !is_held(role) || !ctx.cluster.still_exists(role).await? {
        ctx.memory.forget(&object.uid);
        return Ok((Ending::Settled, Action::await_change()));
    }
    ctx.cluster.delete_secret(role, &publish::secret_name(role)).await?;

    let grants = grants::end::on_delete(ctx, role).await?;
    if let Err(verdict) = &grants
        && !is_abandoned(role)
    {
        return grants::end::hold(ctx, role, object, verdict.clone(), now).await;
    }
    let account = ctx.cluster.account(&role.spec.account_ref.name).await?;
    let notice = match role_end::run(ctx, role, object, account.as_ref(), now).await {
        Ok(RoleEnd::Gone) => Notice::normal("Deleted", "The role and its grants are gone"),
        Ok(RoleEnd::Stays(why)) => Notice::normal("RoleRetained", why),
        Err(verdict) if is_abandoned(role) => Notice::warning(Reason::Abandoned.as_str(), left_behind(role, &verdict)),
        Err(verdict) => return hold(ctx, role, object, verdict, now).await,
    };
    let notice = match grants {
        Ok(()) => notice,
        Err(left) => grants::end::abandoned(&notice, &left),
    };
    ctx.events.publish(&role.object_ref(&()), &notice).await;
    ctx.cluster.remove_finalizer(role).await?;
    ctx.memory.forget(&object.uid);
    ctx.wake_account(&role.spec.account_ref.name);
    grants::end::tell_accounts(ctx, grants::end::remembered(role));
    Ok((Ending::Settled, Action::await_change()))
}

/// Says what is in the way, and tries again.
async fn hold(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    verdict: Verdict,
    now: Timestamp,
) -> Result<(Ending, Action), Error> {
    let report = Report { role: held(verdict, "set spec.role.deletionPolicy to Retain, or "), ..Report::default() };
    publish::run(ctx, role, object, &report, Vec::new(), now).await
}

/// How a part of the work stands that holds a deletion. `or_else` is another way out than the annotation.
pub fn held(Verdict { reason, message, retry }: Verdict, or_else: &str) -> Outcome {
    let told = format!(
        "{message}. The object is held until AWS is clean; to let it go as it is, {or_else}annotate it with {}=true",
        annotation::ABANDON
    );
    let retry = if retry == Retry::OnChange { Retry::Slow } else { retry };
    Outcome::Failing(Verdict { reason, message: told, retry })
}

fn is_abandoned(role: &CrossAccountRole) -> bool {
    role.annotations().get(annotation::ABANDON).is_some_and(|value| value == "true")
}

fn left_behind(role: &CrossAccountRole, verdict: &Verdict) -> String {
    let arn = role.status.as_ref().and_then(|status| status.role.as_ref()).and_then(|known| known.arn.clone());
    let what = arn.map_or_else(|| "possibly a role".to_owned(), |arn| format!("role {arn} with its policies"));
    format!("Let go as the annotation asks. Left behind in AWS: {what}. It could not be cleaned: {}", verdict.message)
}
