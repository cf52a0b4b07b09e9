//! The one table from a failed call to what it means: reason, message, and when to try again.

use super::Refusal;
use super::retry::Retry;
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
            Reason::BaseIdentityUnavailable | Reason::RoleNotOwned => Retry::Slow,
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
    let Circumstances { propagating, trust_verified } = circumstances;
    match failure.kind {
        Kind::Throttled => (Reason::Throttled, Retry::Soon),
        Kind::Unavailable | Kind::Busy | Kind::AlreadyExists | Kind::DeleteConflict => {
            (Reason::Progressing, Retry::Soon)
        }
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
        Kind::BaseIdentity => match work {
            Work::Enter | Work::Assume => (Reason::BaseIdentityUnavailable, Retry::Soon),
            Work::Manage | Work::Verify => (Reason::Progressing, Retry::Soon), // a session of ours; the next is fresh
        },
        Kind::RegionDisabled => (Reason::RegionDisabled, Retry::Slow),
        Kind::Unknown => (Reason::Progressing, Retry::Slow),
    }
}

fn advice(work: Work, reason: Reason, failure: &AwsFailure) -> Option<String> {
    let permission = || format!("{}:{}", failure.service, failure.operation);
    Some(match (reason, work) {
        (Reason::ManagerDenied, _) => format!("Allow {} to the role that manages the account", permission()),
        (Reason::TrustDenied, Work::Enter) => {
            "Check that role's trust policy and external id, and that whoever assumes it is allowed sts:AssumeRole".into()
        }
        (Reason::TrustDenied, _) => "The role's trust policy does not let the operator in".into(),
        (Reason::IdentityDenied, _) => "The role trusts the operator, so the refusal is on the operator's side: allow its own \
                                        identity sts:AssumeRole on this role, and look for a service control policy that denies it"
            .into(),
        (Reason::PrincipalNotFound, _) => "Create the principal, or correct spec.trust.principals; if it is the operator's own \
                                           role, give its ARN with the path as --principal-arn"
            .into(),
        (Reason::PolicyNotFound, _) => "Create the policy, or correct its ARN".into(),
        (Reason::RegionDisabled, _) => "Activate STS for the region in the account, or choose another spec.region".into(),
        (Reason::LimitExceeded, _) => "Shorten the declaration or raise the quota".into(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    fn failure(kind: FailureKind, operation: &'static str) -> AwsFailure {
        AwsFailure { service: "iam", operation, kind, code: "Code".into(), message: "message".into() }
    }

    const SETTLED: Circumstances = Circumstances { propagating: false, trust_verified: false };
    const NEW: Circumstances = Circumstances { propagating: true, trust_verified: true };
    const VERIFIED: Circumstances = Circumstances { propagating: false, trust_verified: true };

    #[test]
    fn each_failure_has_its_reason_and_its_retry() {
        use FailureKind as Kind;
        for (what, work, kind, operation, circumstances, reason, retry) in [
            ("throttling", Work::Manage, Kind::Throttled, "GetRole", SETTLED, Reason::Throttled, Retry::Soon),
            ("an outage", Work::Assume, Kind::Unavailable, "AssumeRole", SETTLED, Reason::Progressing, Retry::Soon),
            ("a denied hop", Work::Enter, Kind::Denied, "AssumeRole", SETTLED, Reason::TrustDenied, Retry::Slow),
            (
                "a missing manager permission",
                Work::Manage,
                Kind::Denied,
                "CreateRole",
                SETTLED,
                Reason::ManagerDenied,
                Retry::Slow,
            ),
            (
                "a new role that is not assumable yet",
                Work::Assume,
                Kind::Denied,
                "AssumeRole",
                NEW,
                Reason::Propagating,
                Retry::Soon,
            ),
            (
                "a trusted operator that is denied",
                Work::Assume,
                Kind::Denied,
                "AssumeRole",
                VERIFIED,
                Reason::IdentityDenied,
                Retry::Slow,
            ),
            (
                "a trust that refuses",
                Work::Assume,
                Kind::Denied,
                "AssumeRole",
                SETTLED,
                Reason::TrustDenied,
                Retry::Slow,
            ),
            (
                "a new principal",
                Work::Manage,
                Kind::InvalidPrincipal,
                "CreateRole",
                NEW,
                Reason::Propagating,
                Retry::Soon,
            ),
            (
                "a missing principal",
                Work::Manage,
                Kind::InvalidPrincipal,
                "CreateRole",
                SETTLED,
                Reason::PrincipalNotFound,
                Retry::Slow,
            ),
            (
                "a malformed policy",
                Work::Manage,
                Kind::MalformedPolicy,
                "PutRolePolicy",
                SETTLED,
                Reason::InvalidSpec,
                Retry::OnChange,
            ),
            ("a quota", Work::Manage, Kind::LimitExceeded, "CreateRole", SETTLED, Reason::LimitExceeded, Retry::Rarely),
            (
                "a missing policy",
                Work::Manage,
                Kind::NotFound,
                "AttachRolePolicy",
                SETTLED,
                Reason::PolicyNotFound,
                Retry::Slow,
            ),
            (
                "a role that went away",
                Work::Manage,
                Kind::NotFound,
                "PutRolePolicy",
                SETTLED,
                Reason::Progressing,
                Retry::Soon,
            ),
            (
                "a chained session",
                Work::Assume,
                Kind::ChainingLimit,
                "AssumeRole",
                SETTLED,
                Reason::RoleChainingLimit,
                Retry::OnChange,
            ),
            (
                "our own expired token",
                Work::Assume,
                Kind::BaseIdentity,
                "AssumeRole",
                SETTLED,
                Reason::BaseIdentityUnavailable,
                Retry::Soon,
            ),
            (
                "an expired manager session",
                Work::Manage,
                Kind::BaseIdentity,
                "GetRole",
                SETTLED,
                Reason::Progressing,
                Retry::Soon,
            ),
            (
                "a disabled region",
                Work::Assume,
                Kind::RegionDisabled,
                "AssumeRole",
                SETTLED,
                Reason::RegionDisabled,
                Retry::Slow,
            ),
            (
                "a service-linked role",
                Work::Manage,
                Kind::Unmodifiable,
                "UpdateRole",
                SETTLED,
                Reason::NotSupported,
                Retry::OnChange,
            ),
        ] {
            let verdict = verdict(work, &failure(kind, operation), circumstances);
            assert_eq!((verdict.reason, verdict.retry), (reason, retry), "{what}");
        }
    }

    #[test]
    fn every_failure_of_every_work_says_what_aws_said() {
        for work in Work::iter() {
            for kind in FailureKind::iter() {
                let verdict = verdict(work, &failure(kind, "Operation"), SETTLED);
                assert!(verdict.message.contains("iam:Operation failed: Code: message"), "{work:?} {kind:?}");
            }
        }
    }

    #[test]
    fn a_denied_manager_is_told_which_permission_is_missing() {
        let verdict = verdict(Work::Manage, &failure(FailureKind::Denied, "PutRolePolicy"), SETTLED);
        assert!(verdict.message.contains("Allow iam:PutRolePolicy"), "{}", verdict.message);
    }
}
