//! The one table from a failed call to what it means: reason, message, and when to try again.

mod advice;
mod retry;

use self::advice::advice;
pub use self::retry::{Retry, delay, next_on_grid};
use super::Refusal;
use crate::api::Reason;
use crate::domain::{AwsFailure, FailureKind};

/// What was being done when a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter)]
pub enum Work {
    /// Entering the account through its chain of roles.
    Enter,
    /// Reading or writing the role as the account's manager.
    Manage,
    /// Assuming the role for new credentials.
    Assume,
    /// Asking who the new credentials are.
    Verify,
}

/// What is known besides the answer itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// The role, its trust or its principal is so new that AWS may not know it everywhere yet.
    pub propagating: bool,
    /// The trust policy was read in this reconcile and is as we want it, so a denial cannot be its doing.
    pub trust_verified: bool,
    /// The role was not looked at in this reconcile; the next one looks, and mends what it can.
    pub repair_comes: bool,
}

/// How a part of the work stands when it does not stand well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Word of the vocabulary.
    pub reason: Reason,
    /// What fails and what to do, for people.
    pub message: String,
    /// When to try again.
    pub retry: Retry,
}

impl From<Refusal> for Verdict {
    /// Refusals of ours depend on objects that we watch; what they need wakes us.
    fn from(Refusal { reason, message }: Refusal) -> Self {
        let retry = match reason {
            Reason::SecretNotOwned => Retry::Soon, // a Secret of somebody else is not watched, and costs one read
            Reason::Conflict => Retry::Slow,       // its end wakes us; this is for an end that nobody saw
            // Mended in AWS, of which nothing tells us.
            Reason::BaseIdentityUnavailable | Reason::RoleNotOwned | Reason::RoleNotFound => Retry::Slow,
            _ => Retry::OnChange,
        };
        Self { reason, message, retry }
    }
}

/// Judges a failed call.
#[must_use]
pub fn verdict(work: Work, failure: &AwsFailure, circumstances: Circumstances) -> Verdict {
    let (reason, retry) = meaning(work, failure, circumstances);
    let message = match advice(work, reason, failure) {
        Some(advice) => format!("{failure}. {advice}"),
        None => failure.to_string(),
    };
    Verdict { reason, message, retry }
}

fn meaning(work: Work, failure: &AwsFailure, circumstances: Circumstances) -> (Reason, Retry) {
    use FailureKind as Kind;
    let Circumstances { propagating, trust_verified, repair_comes: _ } = circumstances;
    match failure.kind {
        Kind::Throttled => (Reason::Throttled, Retry::Soon),
        Kind::Unavailable | Kind::Busy | Kind::DeleteConflict => (Reason::Progressing, Retry::Soon),
        Kind::AlreadyExists if propagating => (Reason::Progressing, Retry::Soon), // made unseen; GetRole finds it soon
        Kind::AlreadyExists => (Reason::RoleNotOwned, Retry::Slow),
        Kind::Denied => match work {
            Work::Enter => (Reason::TrustDenied, Retry::Slow),
            Work::Manage => (Reason::ManagerDenied, Retry::Slow),
            Work::Assume | Work::Verify if propagating => (Reason::Propagating, Retry::Soon),
            Work::Assume | Work::Verify if trust_verified => (Reason::IdentityDenied, Retry::Slow),
            Work::Assume | Work::Verify => (Reason::TrustDenied, Retry::Slow),
        },
        Kind::InvalidPrincipal if propagating => (Reason::Propagating, Retry::Soon),
        Kind::InvalidPrincipal => (Reason::PrincipalNotFound, Retry::Slow),
        Kind::MalformedPolicy | Kind::InvalidInput | Kind::NotAttachable => (Reason::InvalidSpec, Retry::OnChange),
        Kind::PackedPolicyTooLarge => (Reason::LimitExceeded, Retry::OnChange),
        Kind::ChainingLimit => (Reason::RoleChainingLimit, Retry::OnChange),
        Kind::DurationExceedsRole if propagating => (Reason::Propagating, Retry::Soon),
        Kind::DurationExceedsRole => (Reason::DurationExceedsRole, Retry::Slow),
        Kind::LimitExceeded => (Reason::LimitExceeded, Retry::Rarely),
        Kind::NotFound => match failure.operation {
            "AttachRolePolicy" | "CreateRole" | "PutRolePermissionsBoundary" => (Reason::PolicyNotFound, Retry::Slow),
            _ => (Reason::Progressing, Retry::Soon), // the role went away meanwhile: look again
        },
        Kind::Unmodifiable => (Reason::NotSupported, Retry::OnChange),
        Kind::NoCredentials | Kind::Expired | Kind::UnknownKey | Kind::BadSignature => match work {
            Work::Enter | Work::Assume => (Reason::BaseIdentityUnavailable, Retry::Soon),
            Work::Manage | Work::Verify => (Reason::Progressing, Retry::Soon), // a session of ours; the next is fresh
        },
        Kind::RegionDisabled => (Reason::RegionDisabled, Retry::Slow),
        Kind::Unknown => (Reason::Progressing, Retry::Slow),
    }
}

#[cfg(test)]
mod tests;
