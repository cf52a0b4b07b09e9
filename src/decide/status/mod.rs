//! The status of an object: a summary of what a reconcile found and did, and nothing else.

pub mod conditions;
mod schedule;
mod transition;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use self::conditions::Conditions;
pub use self::schedule::next_pass;
pub use self::transition::transition;
use super::failure::Verdict;
use super::workloads::stale_pods::Consumers;
use crate::api::{ConditionType, CredentialsStatus, CrossAccountRoleStatus, Outlook, Reason, RoleStatus};
use crate::domain::ExternalId;

/// How one part of the work ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// It is as declared.
    Done,
    /// It is not, for this reason.
    Failing(Verdict),
    /// It was not looked at this time: what was known of it stays.
    #[default]
    Untouched,
}

impl Outcome {
    /// Combines problems: the reason of the first, all messages, and the earliest retry.
    #[must_use]
    pub fn of(problems: Vec<Verdict>) -> Self {
        let together = problems.into_iter().reduce(|first, next| Verdict {
            reason: first.reason,
            message: format!("{}; {}", first.message, next.message),
            retry: first.retry.min(next.retry),
        });
        together.map_or(Self::Done, Self::Failing)
    }

    /// What is wrong, if something is.
    #[must_use]
    pub fn problem(&self) -> Option<&Verdict> {
        match self {
            Self::Failing(verdict) => Some(verdict),
            Self::Done | Self::Untouched => None,
        }
    }
}

/// The credentials that pods can read now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialsFacts {
    /// Name of the Secret.
    pub secret_name: String,
    /// When the set was issued.
    pub issued_at: Timestamp,
    /// When it expires.
    pub expires_at: Timestamp,
    /// When it is to be replaced.
    pub renew_at: Timestamp,
    /// ARN of their identity, as GetCallerIdentity returns it.
    pub caller_arn: Option<String>,
    /// Share of the packed size that session policies and tags use, in percent.
    pub packed_policy_size_percent: Option<u32>,
}

/// How an object is treated; gives the reason shown while there is no problem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// The operator makes everything as declared.
    #[default]
    Managed,
    /// The role is only read and assumed.
    Observed,
    /// Nothing is done at present.
    Suspended,
}

impl Mode {
    fn reason(self) -> Reason {
        match self {
            Self::Managed => Reason::Available,
            Self::Observed => Reason::Observed,
            Self::Suspended => Reason::Suspended,
        }
    }
}

/// What a reconcile found and did. What it says nothing of stays as it was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// How the object is treated.
    pub mode: Mode,
    /// Whether a status was written in the middle of the pass, so that the last one is written whatever it says.
    pub progress_reported: bool,
    /// Whether the role was seen closed in AWS.
    pub closed_in_aws: bool,
    /// The role.
    pub role: Outcome,
    /// What is known of the role.
    pub role_facts: Option<RoleStatus>,
    /// What would be changed if the role were not only observed.
    pub planned_changes: Option<Vec<String>>,
    /// The credentials.
    pub credentials: Outcome,
    /// The set in the Secret, expired or not.
    pub published: Option<CredentialsFacts>,
    /// The permissions in the source accounts.
    pub grants: Outcome,
    /// Whether there are any to give or to take back.
    pub grants_declared: bool,
    /// The external id in the trust policy.
    pub external_id: Option<ExternalId>,
    /// Those who use the credentials.
    pub consumers: Consumers,
    /// What is wrong and stops nothing.
    pub remarks: Outcome,
    /// When to come back, besides what the parts ask for.
    pub wake_at: Option<Timestamp>,
    /// A warning about credentials that are valid otherwise.
    pub warning: Option<String>,
}

impl Report {
    /// Adds something that is wrong and stops nothing.
    pub fn remark(&mut self, verdict: Verdict) {
        self.remarks = Outcome::of(self.remarks.problem().cloned().into_iter().chain([verdict]).collect());
    }

    /// Adds a failed step that is about nobody's access.
    pub fn side_failure(&mut self, failure: Option<Verdict>) {
        if let Some(verdict) = failure {
            self.remark(verdict);
        }
    }

    /// Asks to come back at a moment.
    pub fn wake_by(&mut self, moment: Option<Timestamp>) {
        self.wake_at = self.wake_at.into_iter().chain(moment).min();
    }

    /// Everything that is wrong.
    pub fn problems(&self) -> impl Iterator<Item = &Verdict> {
        let parts = [&self.role, &self.credentials, &self.grants, &self.remarks];
        parts.into_iter().filter_map(Outcome::problem)
    }

    /// The first thing that is wrong.
    #[must_use]
    pub fn problem(&self) -> Option<&Verdict> {
        self.problems().next()
    }
}

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
    let stalled = ready.cause.is_some_and(|reason| reason.outlook() == Outlook::NeedsSomeone);
    let reconciling = ready.cause.is_some() && !stalled;
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
    for (kind, set) in [(ConditionType::Stalled, stalled), (ConditionType::Reconciling, reconciling)] {
        conditions.set(kind, set, ready.reason, if set { &ready.message } else { "" });
    }

    CrossAccountRoleStatus {
        observed_generation: generation,
        conditions: conditions.into_vec(),
        role: role_facts.clone().or_else(|| previous.role.clone()),
        external_id: external_id.as_ref().map(ToString::to_string).or_else(|| previous.external_id.clone()),
        credentials: published.as_ref().map(credentials_status),
        restarted_for: consumers.rollouts.restarted_for(previous.restarted_for.as_ref()),
        source_grants: previous.source_grants.clone(),
        planned_changes: planned_changes.clone().unwrap_or_else(|| previous.planned_changes.clone()),
    }
}

/// Status, reason and message of one condition.
type Line = (bool, Reason, String);

struct Summary {
    status: bool,
    reason: Reason,
    message: String,
    /// The reason of the problem behind it, if there is one.
    cause: Option<Reason>,
}

fn summary(report: &Report, good_until: Option<Timestamp>) -> Summary {
    let problem = report.problem();
    let cause = problem.map(|verdict| verdict.reason);
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
    let waiting = problem.is_none() && good_until.is_none() && report.mode != Mode::Suspended;
    let cause = if waiting { Some(Reason::Progressing) } else { cause };
    Summary { status, reason, message, cause }
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
    let CredentialsFacts { secret_name, issued_at, expires_at, renew_at, caller_arn, packed_policy_size_percent } =
        facts;
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
