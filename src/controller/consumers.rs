//! After the lanes: those who cannot read renewed credentials are restarted, or at least named.

use jiff::Timestamp;
use kube::core::Status;

use super::Error;
use super::context::Context;
use crate::api::{ConditionType, CrossAccountRole, CrossAccountRoleStatus, Outlook, RolloutRestart};
use crate::cluster::Notice;
use crate::decide::conditions::find;
use crate::decide::consumers::{Consumers, Look, Stale, StalePods, is_stale, look};
use crate::decide::rollouts::{Restart, Rollouts, is_object_name, needs_restart, restarted, restarted_for, rollouts};
use crate::decide::status::PublishedFacts;

/// Restarts what is due for the published set, and looks for pods that hold an earlier one.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    published: Option<&PublishedFacts>,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<Consumers, Error> {
    let Some(set) = published else { return Ok(Consumers::default()) };
    let previous = role.status.clone().unwrap_or_default();
    let declared = &role.spec.rollout_restarts;
    let before = restarted_for(&previous, set.issued_at);
    let restarting = !declared.is_empty() && before < set.issued_at;
    let rollouts = match (declared.is_empty(), restarting) {
        (true, _) => Rollouts::NotDeclared,
        (false, false) => Rollouts::Done(set.issued_at),
        (false, true) => restart_all(ctx, role, before, set.issued_at, notices).await?,
    };
    notices.extend(trouble(&previous, &rollouts));
    let stale = match look(&previous, set.issued_at, restarting, now) {
        Look::No => Stale::Untouched,
        Look::At(moment) => Stale::LookedForAt(moment),
        Look::Now => stale_pods(ctx, role, set).await?,
    };
    Ok(Consumers { rollouts, stale })
}

/// Restarts each declared workload that needs it. One that fails does not hold up the others.
async fn restart_all(
    ctx: &Context,
    role: &CrossAccountRole,
    before: Timestamp,
    issued_at: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<Rollouts, Error> {
    if !ctx.cluster.is_current(role).await? {
        return Err(Error::Stale); // another list of workloads may be declared now
    }
    let mut results = Vec::new();
    let mut broken = Ok(());
    for declared in &role.spec.rollout_restarts {
        match restart(ctx, role, declared, issued_at).await {
            Ok(result) => results.push((declared, result)),
            Err(error) => {
                broken = Err(error);
                break;
            }
        }
    }
    // One Event for all: those of one reason that follow each other are counted, and only the first is shown.
    let told = restarted(&results).map(|names| format!("Restarted for the credentials issued at {issued_at}: {names}"));
    notices.extend(told.map(|told| Notice::normal("RolloutRestarted", told)));
    broken.map(|()| rollouts(&results, before, issued_at))
}

async fn restart(
    ctx: &Context,
    role: &CrossAccountRole,
    declared: &RolloutRestart,
    issued_at: Timestamp,
) -> Result<Restart, Error> {
    if !is_object_name(&declared.name) {
        return Ok(Restart::Missing);
    }
    let attempt = async {
        let Some(found) = ctx.cluster.workload(role, declared).await? else { return Ok(Restart::Missing) };
        if !needs_restart(found.state, issued_at) {
            return Ok(Restart::NotNeeded);
        }
        ctx.cluster.restart(role, declared, &found, issued_at).await.map(|()| Restart::Restarted)
    };
    match attempt.await {
        Err(kube::Error::Api(status)) => Ok(refused(&status)),
        other => Ok(other?),
    }
}

fn refused(status: &Status) -> Restart {
    if status.is_not_found() {
        Restart::Missing // deleted since it was read
    } else if status.is_conflict() {
        Restart::Overtaken
    } else {
        Restart::Refused(status.message.clone())
    }
}

async fn stale_pods(ctx: &Context, role: &CrossAccountRole, set: &PublishedFacts) -> Result<Stale, Error> {
    let PublishedFacts { secret_name, issued_at, .. } = set;
    match ctx.cluster.pods(role, |pod| is_stale(pod, secret_name, *issued_at)).await {
        Ok(names) => Ok(Stale::Pods(StalePods { names, secret: secret_name.clone(), issued_at: *issued_at })),
        Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(Stale::Forbidden(status.message)),
        Err(kube::Error::Api(status)) => Ok(Stale::Unknown(status.message)),
        Err(error) => Err(error.into()),
    }
}

/// An Event when restarts begin to fail, and none for failing on.
fn trouble(previous: &CrossAccountRoleStatus, rollouts: &Rollouts) -> Option<Notice> {
    let verdict = rollouts.problem().filter(|verdict| verdict.reason.outlook() == Outlook::NeedsSomeone)?;
    let known = find(&previous.conditions, ConditionType::RolloutsReady);
    let told_before = known.is_some_and(|c| c.status == "False" && c.reason == verdict.reason.as_str());
    (!told_before).then(|| Notice::warning(verdict.reason.as_str(), &verdict.message))
}
