//! The status of an object: a summary of what a reconcile found and did, and nothing else.

pub mod conditions;
mod report;
mod schedule;
mod transition;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use self::conditions::{Conditions, Progress};
pub use self::report::{CredentialsFacts, Mode, Outcome, Report};
pub use self::schedule::next_pass;
pub use self::transition::transition;
use super::failure::Verdict;
use crate::api::{ConditionType, CredentialsStatus, CrossAccountRoleStatus, Reason};

/// Sums up. `previous` lends transition times, and what was known of parts that were not looked at.
#[must_use]
pub fn status(
    previous: &CrossAccountRoleStatus,
    generation: Option<i64>,
    report: &Report,
    now: Timestamp,
) -> CrossAccountRoleStatus {
    let Report {
        mode,
        progress_reported: _,
        closed_in_aws: _,
        role,
        role_facts,
        planned_changes,
        usage,
        credentials,
        published,
        grants,
        grants_declared,
        external_id,
        consumers,
        remarks: _,
        wake_at: _,
        warning: _,
    } = report;
    let good_until = published.as_ref().map(|set| set.expires_at).filter(|until| *until > now);
    let ready = summary(report, good_until);

    let mut conditions = Conditions::after(&previous.conditions, generation, now);
    conditions.set(ConditionType::Ready, ready.status, ready.reason, &ready.message);
    for (kind, line) in [
        (ConditionType::RoleReady, role_condition(role, *mode)),
        (ConditionType::CredentialsReady, Some(credentials_condition(credentials, published.is_some(), good_until))),
        (ConditionType::SourceGrantsReady, grants_condition(grants, *grants_declared)),
    ] {
        match line {
            Some((status, reason, message)) => conditions.set(kind, status, reason, &message),
            None => conditions.carry_over(kind),
        }
    }
    consumers.tell(&mut conditions);
    conditions.set_progress(ready.progress, ready.reason, &ready.message);

    CrossAccountRoleStatus {
        observed_generation: generation,
        conditions: conditions.into_vec(),
        role: role_facts.clone().or_else(|| previous.role.clone()),
        external_id: external_id.as_ref().map(ToString::to_string).or_else(|| previous.external_id.clone()),
        credentials: published.as_ref().map(credentials_status),
        restarted_for: consumers.rollouts.restarted_for(previous.restarted_for.as_ref()),
        source_grants: previous.source_grants.clone(),
        planned_changes: planned_changes.clone().unwrap_or_else(|| previous.planned_changes.clone()),
        usage: usage.clone().or_else(|| previous.usage.clone()),
    }
}

/// Status, reason and message of one condition.
type Line = (bool, Reason, String);

struct Summary {
    status: bool,
    reason: Reason,
    message: String,
    progress: Progress,
}

fn summary(report: &Report, good_until: Option<Timestamp>) -> Summary {
    let problem = report.problem();
    // Source grants are other people's access: whatever is wrong with them takes nothing from those who read the Secret.
    let own = report.role.problem().or_else(|| report.credentials.problem());
    let forbidden = own.is_some_and(|verdict| forbids_use(verdict.reason));
    let (status, reason, message) = match (problem, good_until) {
        (None, Some(until)) => {
            let warning = report.warning.as_ref().map(|message| format!(" Warning: {message}.")).unwrap_or_default();
            (true, report.mode.reason(), format!("The credentials are valid until {until}.{warning}"))
        }
        (None, None) if report.mode == Mode::Suspended => {
            let reason = if report.published.is_some() { Reason::Expired } else { Reason::Suspended };
            (false, reason, "Nothing is issued while spec.suspend is true.".into())
        }
        (None, None) => (false, Reason::Progressing, "Waiting for the first credentials.".into()),
        (Some(Verdict { reason, message, .. }), Some(until)) if !forbidden => {
            let message = format!("{reason}: {message}. The last valid credentials are kept; they expire at {until}.");
            (true, Reason::Degraded, message)
        }
        (Some(Verdict { reason, message, .. }), None) if report.published.is_some() && !forbidden => {
            (false, Reason::Expired, format!("The credentials expired. {reason}: {message}"))
        }
        (Some(Verdict { reason, message, .. }), _) => (false, *reason, message.clone()),
    };
    let progress = match (problem, status) {
        (Some(verdict), _) => Progress::of(verdict.reason),
        (None, true) => Progress::Settled,
        (None, false) if report.mode == Mode::Suspended => Progress::Stalled,
        (None, false) => Progress::Reconciling,
    };
    Summary { status, reason, message, progress }
}

/// Reasons that are not softened to `Degraded`, although the credentials may still work.
fn forbids_use(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::NotAllowed
            | Reason::NotSupported
            | Reason::ExternalIdNotEnforced
            | Reason::Conflict
            | Reason::SecretNotOwned
    )
}

/// None: as it was.
fn role_condition(outcome: &Outcome, mode: Mode) -> Option<Line> {
    match outcome {
        Outcome::Done if mode == Mode::Observed => {
            Some((true, Reason::Observed, "The role exists and is only observed.".into()))
        }
        Outcome::Done => Some((true, Reason::Available, "The role is as declared.".into())),
        Outcome::Failing(Verdict { reason, message, .. }) => Some((false, *reason, message.clone())),
        Outcome::Untouched => None,
    }
}

fn credentials_condition(outcome: &Outcome, published: bool, good_until: Option<Timestamp>) -> Line {
    match (outcome, good_until) {
        (Outcome::Done, _) => (true, Reason::Available, "The Secret holds verified credentials.".into()),
        (Outcome::Untouched, Some(until)) => {
            (true, Reason::Available, format!("The last credentials are valid until {until}."))
        }
        (Outcome::Untouched, None) if published => (false, Reason::Expired, "The last credentials expired.".into()),
        (Outcome::Untouched, None) => (false, Reason::Progressing, "There are no credentials yet.".into()),
        (Outcome::Failing(Verdict { reason, message, .. }), _) if forbids_use(*reason) => {
            (false, *reason, message.clone())
        }
        (Outcome::Failing(Verdict { reason, message, .. }), Some(until)) => (
            true,
            Reason::Degraded,
            format!("{reason}: {message}. The last valid credentials are kept; they expire at {until}."),
        ),
        (Outcome::Failing(Verdict { reason, message, .. }), None) if published => {
            (false, Reason::Expired, format!("{reason}: {message}"))
        }
        (Outcome::Failing(Verdict { reason, message, .. }), None) => (false, *reason, message.clone()),
    }
}

fn grants_condition(outcome: &Outcome, declared: bool) -> Option<Line> {
    match outcome {
        Outcome::Done if !declared => Some((true, Reason::Available, "No source grants are declared.".into())),
        Outcome::Done => Some((true, Reason::Available, "Every declared source grant is in place.".into())),
        Outcome::Failing(Verdict { reason, message, .. }) => Some((false, *reason, message.clone())),
        Outcome::Untouched => None,
    }
}

fn credentials_status(facts: &CredentialsFacts) -> CredentialsStatus {
    let CredentialsFacts {
        secret_name,
        issued_at,
        expires_at,
        renew_at,
        caller_arn,
        packed_policy_size_percent,
        is_first: _,
    } = facts;
    CredentialsStatus {
        secret_name: Some(secret_name.clone()),
        issued_at: Some(Time(*issued_at)),
        expires_at: Some(Time(*expires_at)),
        renew_at: Some(Time(*renew_at)),
        caller_arn: caller_arn.clone(),
        packed_policy_size_percent: *packed_policy_size_percent,
    }
}

#[cfg(test)]
mod tests;
