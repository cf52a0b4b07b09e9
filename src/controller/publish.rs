//! The end of a reconcile: status, Events, and when to come again.

use jiff::{SignedDuration, Timestamp};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::Error;
use super::context::Context;
use super::memory::next_on_grid;
use crate::api::{ConditionType, CrossAccountRole, CrossAccountRoleStatus, Outlook, Reason, RoleStatus};
use crate::cluster::Notice;
use crate::decide::conditions::find;
use crate::decide::failure::Verdict;
use crate::decide::retry::{Retry, delay};
use crate::decide::status::{Outcome, PublishedFacts, Report, status};
use crate::domain::{ObjectIdentity, digest_hex};
use crate::runtime::metrics::Outcome as Ending;

/// Writes the status if it changed, tells people what changed, and says when to come again.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    report: &Report,
    mut notices: Vec<Notice>,
    now: Timestamp,
) -> Result<(Ending, Action), Error> {
    let before = role.status.clone().unwrap_or_default();
    let after = status(&before, role.metadata.generation, report, now);
    // The cache may lag behind the status that was written last, and equal the new one by that.
    let digest = digest_hex(&[format!("{after:?}").as_bytes()]);
    let hidden = ctx.memory.of(&object.uid).shown.is_some_and(|shown| shown != digest);
    if report.announced || before != after || hidden {
        ctx.cluster.write_role_status(role, &after).await?;
        ctx.memory.change(&object.uid, |memo| memo.shown = Some(digest));
    }
    notices.extend(transition(&before, &after));
    tell(ctx, role, &notices).await;
    if before.role.is_some() != after.role.is_some() || was_cut_off(&before) != was_cut_off(&after) {
        ctx.wake_account(&role.spec.account_ref.name);
    }

    let problem = report.problem();
    let good_until = report.published.as_ref().map(|set| set.expires_at);
    ctx.memory.change(&object.uid, |memo| memo.note(problem.is_some(), now));
    let failures = ctx.memory.of(&object.uid).failures.saturating_sub(1);
    let wake_at = wake_at(report.problems(), failures, report.published.as_ref(), &object.uid, ctx.drift_interval, now);
    let remaining = good_until.map(|until| until.duration_since(now));
    let wake_at = report.consumers.wake_at(remaining, &object.uid, now).map_or(wake_at, |at| at.min(wake_at));
    ctx.memory.change(&object.uid, |memo| memo.wake_at = Some(wake_at));
    tracing::debug!(
        namespace = object.namespace,
        name = object.name,
        problem = problem.map(|verdict| verdict.reason.as_str()),
        good_until = good_until.map(|at| at.to_string()),
        wake_at = %wake_at,
        "reconciled"
    );
    let wait = wake_at.duration_since(now).max(SignedDuration::from_secs(1));
    Ok((ending(problem), Action::requeue(wait.unsigned_abs())))
}

fn was_cut_off(status: &CrossAccountRoleStatus) -> bool {
    find(&status.conditions, ConditionType::CredentialsReady).is_some_and(|c| c.reason == Reason::Revoked.as_str())
}

/// Publishes Events about an object.
pub async fn tell(ctx: &Context, role: &CrossAccountRole, notices: &[Notice]) {
    let about = role.object_ref(&());
    for notice in notices {
        ctx.events.publish(&about, notice).await;
    }
}

/// A status in the middle of a reconcile: the role is being changed.
pub async fn interim(
    ctx: &Context,
    role: &CrossAccountRole,
    message: &str,
    role_facts: Option<RoleStatus>,
    now: Timestamp,
) -> Result<(), Error> {
    let before = role.status.clone().unwrap_or_default();
    let changing = Verdict { reason: Reason::Progressing, message: message.to_owned(), retry: Retry::Soon };
    let published = published_before(role);
    let report = Report { role: Outcome::Failing(changing), role_facts, published, ..Report::default() };
    let interim = status(&before, role.metadata.generation, &report, now);
    ctx.cluster.write_role_status(role, &interim).await?;
    Ok(())
}

/// The same for grants that are about to change.
pub async fn interim_grants(ctx: &Context, role: &CrossAccountRole, now: Timestamp) -> Result<(), Error> {
    let before = role.status.clone().unwrap_or_default();
    let message = "the source grants are being changed".to_owned();
    let grants = Outcome::Failing(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon });
    let report = Report { grants, published: published_before(role), ..Report::default() };
    ctx.cluster.write_role_status(role, &status(&before, role.metadata.generation, &report, now)).await?;
    Ok(())
}

/// Name of the Secret that the object has, or would have.
pub fn secret_name(role: &CrossAccountRole) -> String {
    let published = published_before(role).map(|set| set.secret_name);
    published.or_else(|| role.spec.secret.name.clone()).unwrap_or_else(|| role.name_any())
}

/// The set that status says is published.
pub fn published_before(role: &CrossAccountRole) -> Option<PublishedFacts> {
    let before = role.status.as_ref()?.credentials.as_ref()?;
    Some(PublishedFacts {
        secret_name: before.secret_name.clone()?,
        issued_at: before.issued_at.as_ref()?.0,
        expires_at: before.expires_at.as_ref()?.0,
        renew_at: before.renew_at.as_ref()?.0,
        caller_arn: before.caller_arn.clone(),
        packed_policy_size_percent: before.packed_policy_size_percent,
    })
}

/// The earliest of: the next try, the next renewal, the end of the set, the next look for drift.
fn wake_at<'a>(
    problems: impl Iterator<Item = &'a Verdict>,
    failures: u32,
    published: Option<&PublishedFacts>,
    uid: &str,
    drift_interval: SignedDuration,
    now: Timestamp,
) -> Timestamp {
    let remaining = published.map(|set| set.expires_at.duration_since(now));
    // Each lane's own retry: one that waits for another declaration must not hold up the other.
    let retry =
        problems.filter_map(|verdict| delay(verdict.retry, failures, remaining, uid)).min().map(|wait| now + wait);
    let ahead = |at: &Timestamp| *at > now;
    let renewal = published.map(|set| set.renew_at).filter(ahead);
    let expiry = published.map(|set| set.expires_at).filter(ahead);
    // After now, not after the last look: one that keeps failing is for the retry to repeat.
    let look = next_on_grid(now, drift_interval, uid);
    [retry, renewal, expiry].into_iter().flatten().fold(look, Timestamp::min)
}

fn ending(problem: Option<&Verdict>) -> Ending {
    match problem.map(|verdict| verdict.reason.outlook()) {
        None => Ending::Settled,
        Some(Outlook::NeedsSomeone | Outlook::Lost) => Ending::Stalled,
        Some(Outlook::OnTheWay | Outlook::Works) => Ending::Progressing,
    }
}

/// An Event for each change of what `Ready` says, and none for saying it again.
fn transition(before: &CrossAccountRoleStatus, after: &CrossAccountRoleStatus) -> Option<Notice> {
    let line = |status: &CrossAccountRoleStatus| {
        find(&status.conditions, ConditionType::Ready).map(|c| (c.status.clone(), c.reason.clone(), c.message.clone()))
    };
    let (status, reason, message) = line(after)?;
    let (was, because) = line(before).map(|(status, reason, _)| (status, reason)).unwrap_or_default();
    if (&status, &reason) == (&was, &because) {
        return None;
    }
    let reason_is = |wanted: Reason| reason == wanted.as_str();
    if [Reason::Available, Reason::Observed, Reason::Suspended].into_iter().any(reason_is) {
        return Some(Notice::normal(&reason, message));
    }
    let on_the_way = reason.parse::<Reason>().is_ok_and(|r| r.outlook() == Outlook::OnTheWay);
    (!on_the_way).then(|| Notice::warning(&reason, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(reason: Option<Reason>) -> CrossAccountRoleStatus {
        let credentials = match reason {
            None => Outcome::Done,
            Some(reason) => Outcome::Failing(Verdict { reason, message: "it fails".into(), retry: Retry::Soon }),
        };
        let published = reason.is_none().then(|| PublishedFacts {
            secret_name: "s".into(),
            issued_at: Timestamp::UNIX_EPOCH,
            expires_at: Timestamp::MAX,
            renew_at: Timestamp::MAX,
            caller_arn: None,
            packed_policy_size_percent: None,
        });
        let report = Report { role: Outcome::Done, credentials, published, ..Report::default() };
        status(&CrossAccountRoleStatus::default(), Some(1), &report, Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn what_only_another_declaration_can_help_is_looked_at_again_no_sooner_than_for_drift() {
        let verdict = Verdict { reason: Reason::InvalidSpec, message: String::new(), retry: Retry::OnChange };
        let hour = SignedDuration::from_hours(1);
        let mut now = Timestamp::UNIX_EPOCH;
        for _ in 0..3 {
            let next = wake_at([&verdict].into_iter(), 0, None, "uid", hour, now);
            assert!(next > now && (now == Timestamp::UNIX_EPOCH || next.duration_since(now) == hour), "{now} {next}");
            now = next;
        }
    }

    #[test]
    fn a_set_is_come_back_to_when_it_is_due_and_a_fault_before_that() {
        let at = |second| Timestamp::from_second(second).expect("a time");
        let set = PublishedFacts {
            secret_name: "s".into(),
            issued_at: at(0),
            expires_at: at(3600),
            renew_at: at(1700),
            caller_arn: None,
            packed_policy_size_percent: None,
        };
        let day = SignedDuration::from_hours(24);
        assert_eq!(wake_at([].into_iter(), 0, Some(&set), "uid", day, at(10)), at(1700));
        let verdict = Verdict { reason: Reason::Throttled, message: String::new(), retry: Retry::Soon };
        assert!(wake_at([&verdict].into_iter(), 0, Some(&set), "uid", day, at(10)) < at(15));
        assert_eq!(
            wake_at([].into_iter(), 0, Some(&set), "uid", day, at(2000)),
            at(3600),
            "a renewal in the past is no reason"
        );
    }

    #[test]
    fn a_lane_that_waits_for_another_declaration_does_not_hold_up_the_retry_of_the_other() {
        let verdict = |reason, retry| Verdict { reason, message: String::new(), retry };
        let refused = verdict(Reason::NotAllowed, Retry::OnChange);
        let throttled = verdict(Reason::Throttled, Retry::Soon);
        let (day, now) = (SignedDuration::from_hours(24), Timestamp::UNIX_EPOCH);
        let next = wake_at([&refused, &throttled].into_iter(), 0, None, "uid", day, now);
        assert!(next.duration_since(now) <= SignedDuration::from_secs(2), "{next}");
    }

    #[test]
    fn people_are_told_once_when_access_comes_and_once_when_it_is_in_trouble() {
        let (new, ready) = (CrossAccountRoleStatus::default(), with(None));
        let (denied, waiting) = (with(Some(Reason::IdentityDenied)), with(Some(Reason::Propagating)));
        let reason = |before, after| transition(before, after).map(|notice| (notice.warning, notice.reason));
        assert_eq!(reason(&new, &ready), Some((false, "Available".into())));
        assert_eq!(reason(&ready, &ready), None);
        assert_eq!(reason(&ready, &denied), Some((true, "IdentityDenied".into())));
        assert_eq!(reason(&denied, &denied), None);
        assert_eq!(reason(&new, &waiting), None);
    }
}
