//! The table, row by row.

use strum::IntoEnumIterator as _;

use super::*;
use crate::decide::Refusal;

fn failure(kind: FailureKind, operation: &'static str) -> AwsFailure {
    AwsFailure { service: "iam", operation, kind, code: "Code".into(), message: "message".into() }
}

const SETTLED: FailureContext = FailureContext { propagating: false, trust_verified: false, repair_comes: false };
const NEW: FailureContext = FailureContext { propagating: true, trust_verified: true, repair_comes: false };
const VERIFIED: FailureContext = FailureContext { propagating: false, trust_verified: true, repair_comes: false };

#[test]
fn each_failure_has_its_reason_and_its_retry() {
    use FailureKind as Kind;
    for (what, work, kind, operation, context, reason, retry) in [
        ("throttling", Phase::Manage, Kind::Throttled, "GetRole", SETTLED, Reason::Throttled, Retry::Soon),
        ("an outage", Phase::Assume, Kind::Unavailable, "AssumeRole", SETTLED, Reason::Progressing, Retry::Soon),
        ("a denied hop", Phase::Enter, Kind::Denied, "AssumeRole", SETTLED, Reason::TrustDenied, Retry::Slow),
        (
            "a missing manager permission",
            Phase::Manage,
            Kind::Denied,
            "CreateRole",
            SETTLED,
            Reason::ManagerDenied,
            Retry::Slow,
        ),
        (
            "a new role that is not assumable yet",
            Phase::Assume,
            Kind::Denied,
            "AssumeRole",
            NEW,
            Reason::Propagating,
            Retry::Soon,
        ),
        (
            "a trusted operator that is denied",
            Phase::Assume,
            Kind::Denied,
            "AssumeRole",
            VERIFIED,
            Reason::IdentityDenied,
            Retry::Slow,
        ),
        ("a trust that refuses", Phase::Assume, Kind::Denied, "AssumeRole", SETTLED, Reason::TrustDenied, Retry::Slow),
        ("a new principal", Phase::Manage, Kind::InvalidPrincipal, "CreateRole", NEW, Reason::Propagating, Retry::Soon),
        (
            "a missing principal",
            Phase::Manage,
            Kind::InvalidPrincipal,
            "CreateRole",
            SETTLED,
            Reason::PrincipalNotFound,
            Retry::Slow,
        ),
        (
            "a malformed policy",
            Phase::Manage,
            Kind::MalformedPolicy,
            "PutRolePolicy",
            SETTLED,
            Reason::InvalidSpec,
            Retry::OnChange,
        ),
        ("a quota", Phase::Manage, Kind::LimitExceeded, "CreateRole", SETTLED, Reason::LimitExceeded, Retry::Rarely),
        (
            "a missing policy",
            Phase::Manage,
            Kind::NotFound,
            "AttachRolePolicy",
            SETTLED,
            Reason::PolicyNotFound,
            Retry::Slow,
        ),
        (
            "a role whose creation was not answered",
            Phase::Manage,
            Kind::AlreadyExists,
            "CreateRole",
            NEW,
            Reason::Progressing,
            Retry::Soon,
        ),
        (
            "a role in another case of letters",
            Phase::Manage,
            Kind::AlreadyExists,
            "CreateRole",
            SETTLED,
            Reason::RoleNotOwned,
            Retry::Slow,
        ),
        (
            "a role that went away",
            Phase::Manage,
            Kind::NotFound,
            "PutRolePolicy",
            SETTLED,
            Reason::Progressing,
            Retry::Soon,
        ),
        (
            "a chained session",
            Phase::Assume,
            Kind::ChainingLimit,
            "AssumeRole",
            SETTLED,
            Reason::RoleChainingLimit,
            Retry::OnChange,
        ),
        (
            "our own expired token",
            Phase::Assume,
            Kind::Expired,
            "AssumeRole",
            SETTLED,
            Reason::BaseIdentityUnavailable,
            Retry::Soon,
        ),
        (
            "an expired manager session",
            Phase::Manage,
            Kind::Expired,
            "GetRole",
            SETTLED,
            Reason::Progressing,
            Retry::Soon,
        ),
        (
            "a disabled region",
            Phase::Assume,
            Kind::RegionDisabled,
            "AssumeRole",
            SETTLED,
            Reason::RegionDisabled,
            Retry::Slow,
        ),
        (
            "a service-linked role",
            Phase::Manage,
            Kind::Unmodifiable,
            "UpdateRole",
            SETTLED,
            Reason::NotSupported,
            Retry::OnChange,
        ),
    ] {
        let verdict = verdict(work, &failure(kind, operation), context);
        assert_eq!((verdict.reason, verdict.retry), (reason, retry), "{what}");
    }
}

#[test]
fn every_failure_of_every_work_says_what_aws_said() {
    for work in Phase::iter() {
        for kind in FailureKind::iter() {
            let verdict = verdict(work, &failure(kind, "Operation"), SETTLED);
            assert!(verdict.message.contains("iam:Operation failed: Code: message"), "{work:?} {kind:?}");
        }
    }
}

#[test]
fn a_denied_manager_is_told_which_permission_is_missing() {
    let verdict = verdict(Phase::Manage, &failure(FailureKind::Denied, "PutRolePolicy"), SETTLED);
    assert!(verdict.message.contains("Allow iam:PutRolePolicy"), "{}", verdict.message);
}

#[test]
fn a_refusal_of_ours_is_looked_at_again_by_itself_where_nothing_tells_that_it_was_mended() {
    for (reason, retry) in [
        (Reason::InvalidSpec, Retry::OnChange),
        (Reason::NotAllowed, Retry::OnChange),
        (Reason::Conflict, Retry::Slow),
        (Reason::RoleNotOwned, Retry::Slow),
        (Reason::RoleNotFound, Retry::Slow),
        (Reason::BaseIdentityUnavailable, Retry::Slow),
        (Reason::SecretNotOwned, Retry::Soon),
    ] {
        assert_eq!(Verdict::from(Refusal::new(reason, "no")).retry, retry, "{reason}");
    }
}

#[test]
fn only_a_refusal_of_the_request_itself_says_that_no_role_was_created() {
    for (kind, certain) in [
        (FailureKind::Denied, true),
        (FailureKind::MalformedPolicy, true),
        (FailureKind::LimitExceeded, true),
        (FailureKind::AlreadyExists, false),
        (FailureKind::Throttled, false),
        (FailureKind::Unavailable, false),
        (FailureKind::Unknown, false),
    ] {
        assert_eq!(says_not_created(kind), certain, "{kind:?}");
    }
}
