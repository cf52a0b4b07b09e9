//! The one table from a failed call to what it means: reason, message, and when to try again.

mod advice;
mod retry;
mod verdict;

use self::advice::advice;
pub use self::retry::{Retry, delay, next_on_grid};
pub use self::verdict::{FailureContext, Phase, Verdict};
use crate::api::Reason;
use crate::domain::{AwsFailure, FailureKind};

/// Judges a failed call.
#[must_use]
pub fn verdict(phase: Phase, failure: &AwsFailure, context: FailureContext) -> Verdict {
    let (reason, retry) = meaning(phase, failure, context);
    let message = match advice(phase, reason, failure) {
        Some(advice) => format!("{failure}. {advice}"),
        None => failure.to_string(),
    };
    Verdict { reason, message, retry }
}

/// Whether an answer to `CreateRole` says for certain that no role was created, also by an earlier attempt of the SDK.
#[must_use]
pub fn says_not_created(kind: FailureKind) -> bool {
    use FailureKind as Kind;
    matches!(
        kind,
        Kind::Denied
            | Kind::InvalidPrincipal
            | Kind::MalformedPolicy
            | Kind::InvalidInput
            | Kind::LimitExceeded
            | Kind::NotFound
    )
}

fn meaning(phase: Phase, failure: &AwsFailure, context: FailureContext) -> (Reason, Retry) {
    use FailureKind as Kind;
    let FailureContext { propagating, trust_verified, repair_comes: _ } = context;
    match failure.kind {
        Kind::Throttled => (Reason::Throttled, Retry::Soon),
        Kind::Unavailable | Kind::Busy | Kind::DeleteConflict => (Reason::Progressing, Retry::Soon),
        Kind::AlreadyExists if propagating => (Reason::Progressing, Retry::Soon), // made unseen; GetRole finds it soon
        Kind::AlreadyExists => (Reason::RoleNotOwned, Retry::Slow),
        Kind::Denied => match phase {
            Phase::Enter => (Reason::TrustDenied, Retry::Slow),
            Phase::Manage => (Reason::ManagerDenied, Retry::Slow),
            Phase::Assume | Phase::Verify if propagating => (Reason::Propagating, Retry::Soon),
            Phase::Assume | Phase::Verify if trust_verified => (Reason::IdentityDenied, Retry::Slow),
            Phase::Assume | Phase::Verify => (Reason::TrustDenied, Retry::Slow),
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
        Kind::NoCredentials | Kind::Expired | Kind::UnknownKey | Kind::BadSignature => match phase {
            Phase::Enter | Phase::Assume => (Reason::BaseIdentityUnavailable, Retry::Soon),
            Phase::Manage | Phase::Verify => (Reason::Progressing, Retry::Soon), // a session of ours; the next is fresh
        },
        Kind::RegionDisabled => (Reason::RegionDisabled, Retry::Slow),
        Kind::Unknown => (Reason::Progressing, Retry::Slow),
    }
}

#[cfg(test)]
mod tests;
