//! What a reconcile found and did, part by part.

use jiff::Timestamp;

use crate::api::{Reason, RoleStatus, UsageStatus};
use crate::decide::failure::Verdict;
use crate::decide::workloads::stale_pods::Consumers;
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
    /// Whether they were issued in this pass, and the object had none before.
    pub is_first: bool,
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
    pub(super) fn reason(self) -> Reason {
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
    /// The answer to a request for a report on the use of the role.
    pub usage: Option<UsageStatus>,
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
