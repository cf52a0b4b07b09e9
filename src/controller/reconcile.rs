//! The driver: brings one role and its credentials to the declared state.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use kube::runtime::controller::Action;
use std::sync::Arc;

use super::context::{Context, Shared};
use super::observe::{Surroundings, surroundings};
use super::standing::Judged;
use super::{Error, consumers, credentials_lane, delete, expiry, grants, publish, role_lane, standing, withdraw};
use crate::api::{CrossAccountRole, Lifecycle, Reason};
use crate::decide::Refusal;
use crate::decide::admit::{admit, manageable};
use crate::decide::desired::Desired;
use crate::decide::explain::powerless::powerless;
use crate::decide::failure::Verdict;
use crate::decide::retry::{Retry, delay};
use crate::decide::status::{Mode, Outcome, Report};
use crate::runtime::metrics::Outcome as Ending;

/// A reconcile that takes longer has met something that hangs. Each call has its own, shorter limit.
const TIME_LIMIT: Duration = Duration::from_mins(3);

/// Reconciles, within a time limit and counted.
pub async fn reconcile(role: Arc<CrossAccountRole>, ctx: Shared) -> Result<Action, Error> {
    let start = Instant::now();
    let result = tokio::time::timeout(TIME_LIMIT, one(&role, &ctx)).await;
    let result = result.unwrap_or(Err(Error::Timeout(TIME_LIMIT.as_secs())));
    let ending = result.as_ref().map_or(Ending::Failed, |(ending, _)| *ending);
    ctx.metrics.reconcile(ending, start.elapsed().as_secs_f64());
    result.map(|(_, action)| action)
}

/// What could not even be reported is tried again soon, and ever less soon.
#[expect(clippy::needless_pass_by_value, reason = "the signature that kube calls")]
pub fn after_error(role: Arc<CrossAccountRole>, error: &Error, ctx: Shared) -> Action {
    let uid = role.metadata.uid.clone().unwrap_or_default();
    tracing::warn!(
        namespace = role.metadata.namespace.as_deref(),
        name = role.metadata.name.as_deref(),
        error = %error,
        "reconcile broke off"
    );
    ctx.memory.change(&uid, |memo| memo.note(true, Timestamp::now()));
    let wait = delay(Retry::Soon, ctx.memory.of(&uid).failures, None, &uid).unwrap_or_default();
    Action::requeue(wait.unsigned_abs())
}

async fn one(role: &CrossAccountRole, ctx: &Context) -> Result<(Ending, Action), Error> {
    let now = Timestamp::now();
    let object = ctx.object(role)?;
    if role.metadata.deletion_timestamp.is_some() {
        return delete::run(ctx, role, &object, now).await;
    }
    let around = surroundings(ctx, role).await?;
    let (account, unrivalled) = (around.account.as_ref(), ctx.claims.check(role));
    let identity = ctx.base_identity();
    let admitted = admit(role, object.clone(), account, &around.namespace, unrivalled, &identity, &around.managers);
    let refused = admitted.as_ref().map_or_else(Some, |desired| desired.role.as_ref().err());
    let judged = standing::judge(ctx, role, &object, &around, refused).await;
    let mut notices = Vec::new();
    let mut report = match (admitted, &judged) {
        (Err(refusal), _) if refusal.reason == Reason::NotAllowed => {
            withdraw::run(ctx, role, &object, &around, refusal, now, &mut notices).await?
        }
        (_, Judged::Forbidden(no)) => withdraw::run(ctx, role, &object, &around, no.clone(), now, &mut notices).await?,
        _ if role.spec.suspend => suspended(role),
        (Ok(desired), _) => match bring_about(ctx, role, &desired, &around, now, &mut notices).await {
            Ok(report) => report,
            Err(broke_off) => {
                publish::tell(ctx, role, &notices).await; // what was done was done
                return Err(broke_off);
            }
        },
        (Err(refusal), _) => leave_as_it_is(role, refusal),
    };
    if let Judged::Unknown(verdict) = judged {
        report.remarks = Outcome::of(report.remarks.problem().cloned().into_iter().chain([verdict]).collect());
    }
    expiry::run(ctx, role, &report, now, &mut notices).await?;
    publish::run(ctx, role, &object, &report, notices, now).await
}

/// First the role, then its credentials, then source grants: each a lane with its own outcome, and trouble in the one does
/// not stop the others.
async fn bring_about(
    ctx: &Context,
    role: &CrossAccountRole,
    desired: &Desired,
    around: &Surroundings,
    now: Timestamp,
    notices: &mut Vec<crate::cluster::Notice>,
) -> Result<Report, Error> {
    ctx.cluster.put_finalizer(role).await?;
    if let Some(account) = &around.account {
        ctx.cluster.put_account_finalizer(account).await?;
    }
    let the_role = role_lane::run(ctx, role, desired, manageable(around.account.as_ref()), now, notices).await?;
    if let Some(not_allowed) = standing::observed(ctx, desired, around, &the_role) {
        return withdraw::run(ctx, role, &desired.object, around, not_allowed, now, notices).await;
    }
    let credentials = credentials_lane::run(ctx, role, desired, &the_role, now, notices).await?;
    let consumers = consumers::run(ctx, role, credentials.published.as_ref(), now, notices).await?;
    let mut report = Report {
        mode: if desired.lifecycle == Lifecycle::Observe { Mode::Observed } else { Mode::Kept },
        announced: the_role.announced,
        role: the_role.outcome,
        role_facts: the_role.facts,
        planned_changes: the_role.planned_changes,
        credentials: credentials.outcome,
        published: credentials.published,
        external_id: Some(desired.external_id.clone()),
        consumers,
        remarks: Outcome::of(desired.requests.unreadable.iter().cloned().map(Verdict::from).collect()),
        warning: powerless(desired),
        ..Report::default()
    };
    grants::run(ctx, role, around, &mut report, now, notices).await?;
    Ok(report)
}

/// Nothing is written to AWS and nothing renewed; what works goes on working until it expires.
fn suspended(role: &CrossAccountRole) -> Report {
    Report { mode: Mode::Suspended, published: publish::published_before(role), ..Report::default() }
}

/// Refused for now: what works goes on working until it expires.
fn leave_as_it_is(role: &CrossAccountRole, refusal: Refusal) -> Report {
    Report {
        credentials: Outcome::Failing(refusal.into()),
        published: publish::published_before(role),
        ..Report::default()
    }
}
