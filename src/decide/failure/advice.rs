//! What to do about a failure of which nothing is known but the call and AWS's answer. Where more is known,
//! `decide::explain` says more.

use super::verdict::Phase;
use crate::api::Reason;
use crate::domain::{AwsFailure, FailureKind};

/// One sentence, if there is something that people can do.
pub(super) fn advice(phase: Phase, reason: Reason, failure: &AwsFailure) -> Option<String> {
    let permission = || format!("{}:{}", failure.service, failure.operation);
    Some(match (reason, phase) {
        (Reason::ManagerDenied, _) => format!("Allow {} to the role that manages the account", permission()),
        (Reason::TrustDenied, Phase::Enter) => {
            "Check that role's trust policy and external id, and that the identity that assumes it is allowed sts:AssumeRole"
                .into()
        }
        (Reason::TrustDenied, _) => "The role's trust policy does not allow the operator".into(),
        (Reason::IdentityDenied, _) => "The role trusts the operator, so the refusal is on the operator's side: allow \
            its own identity sts:AssumeRole on this role, and look for a service control policy that denies it"
            .into(),
        (Reason::RoleNotOwned, _) => "IAM has a role whose name differs only in upper or lower case, and GetRole does \
            not return it for this name; choose another spec.role.name, or delete that role"
            .into(),
        (Reason::PrincipalNotFound, _) => "Create the principal, or correct spec.trust.principals; if it is the \
            operator's own role, give its ARN with the path as --principal-arn"
            .into(),
        (Reason::PolicyNotFound, _) => "Create the policy, or correct its ARN".into(),
        (Reason::RegionDisabled, _) => {
            "Activate STS for the region in the account, or choose another spec.region".into()
        }
        (Reason::LimitExceeded, _) => "Shorten the declaration or raise the quota".into(),
        (Reason::BaseIdentityUnavailable, _) => base_identity(failure.kind)?.into(),
        _ => return None,
    })
}

/// Missing credentials come with advice of their own.
fn base_identity(kind: FailureKind) -> Option<&'static str> {
    Some(match kind {
        FailureKind::Expired => {
            "The operator's own session has expired: find out why it is not renewed (IRSA, Pod Identity, profile), or \
             restart the operator with a new one"
        }
        FailureKind::UnknownKey => {
            "AWS does not know the operator's access key: it was deleted or deactivated, the role behind the session is gone, \
             or AWS_REGION is in another partition; give the operator a key that exists there"
        }
        FailureKind::BadSignature => {
            "The secret key does not belong to the access key, or the clock is wrong; give the operator both from one source"
        }
        _ => return None,
    })
}
