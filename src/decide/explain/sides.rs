//! The sides of a refused `AssumeRole`: the cause, and the change on the side that refuses.

use std::collections::BTreeSet;

use super::attempt::Attempt;
use super::denial::{AccessDenied, PolicyKind};
use super::remedy;
use super::trusted::{Reading, reading};
use crate::decide::failure::Phase;

/// Who refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sides {
    /// The role's trust policy; with what it says, if it was read.
    Trust(Option<Reading>),
    /// A policy of the caller or one that limits the caller; with what the trust policy says, if it was read.
    Caller(Option<Reading>),
    /// A resource control policy over the role's account.
    RoleOrganization,
    /// Nobody knows. The trust policy depends on these conditions, if it was read.
    Either(BTreeSet<String>),
}

impl Sides {
    /// AWS's word decides; where it gives none, the text of the trust policy does, as far as that is certain.
    pub(super) fn of(attempt: &Attempt<'_>, denial: &AccessDenied, action: &str) -> Self {
        let reading = attempt.trust().map(|trust| reading(trust, action, &attempt.caller));
        match (denial.by, reading) {
            (Some(PolicyKind::Trust), reading) => Self::Trust(reading),
            (Some(PolicyKind::ResourceControl), _) => Self::RoleOrganization,
            (Some(_), reading) => Self::Caller(reading),
            (None, Some(Reading::Allows)) => Self::Caller(Some(Reading::Allows)),
            (None, Some(Reading::Depends(keys))) => Self::Either(keys),
            (None, Some(refuses)) => Self::Trust(Some(refuses)),
            (None, None) => Self::Either(BTreeSet::new()),
        }
    }

    pub(super) fn cause(&self, attempt: &Attempt<'_>, denial: &AccessDenied, action: &str) -> String {
        match self {
            Self::Trust(Some(Reading::RequiresExternalId(ids))) => {
                let asked = ids.iter().map(String::as_str).collect::<Vec<_>>().join(" or ");
                let sent = attempt.caller.external_id.as_deref().unwrap_or("none");
                format!("its trust policy asks for the external id {asked}, and {sent} is sent")
            }
            Self::Trust(Some(Reading::Denies)) => format!("a Deny in its trust policy forbids {action}"),
            Self::Trust(_) if denial.explicit => format!("a Deny in its trust policy forbids {action}"),
            Self::Trust(_) => format!("its trust policy does not allow {action} to the caller"),
            Self::Caller(Some(Reading::Allows)) => format!("the role trusts the caller, but {}", own(denial, action)),
            Self::Caller(Some(Reading::NotMentioned | Reading::RequiresExternalId(_) | Reading::Denies)) => {
                format!("{}, and its trust policy refuses as well", own(denial, action))
            }
            Self::Caller(Some(Reading::Depends(_)) | None) => own(denial, action),
            Self::RoleOrganization => {
                format!("a resource control policy over account {} forbids {action}", attempt.role.account)
            }
            Self::Either(keys) if keys.is_empty() => {
                format!("{action} is refused, and AWS does not say which side refuses")
            }
            Self::Either(keys) => {
                let keys = keys.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
                format!(
                    "{action} is refused, AWS does not say which side refuses, and the trust policy depends on {keys}"
                )
            }
        }
    }

    pub(super) fn remedies(&self, attempt: &Attempt<'_>, denial: &AccessDenied, action: &str) -> String {
        let (role, party) = (attempt.role, attempt.party());
        let account = &role.account;
        let at_caller = || remedy::for_caller(&party, denial, &attempt.needed(action), &role.to_string());
        let in_trust = || remedy::in_trust(role, &attempt.missing_in_trust(action));
        match self {
            Self::Trust(Some(Reading::Denies)) => no_deny_in_trust(attempt),
            Self::Trust(_) if denial.explicit => no_deny_in_trust(attempt),
            Self::Trust(Some(Reading::RequiresExternalId(_)) | None) if attempt.phase == Phase::Enter => format!(
                "Check the externalId of the hop in spec.access.chain, or correct the trust policy. {}",
                in_trust()
            ),
            Self::Trust(_) => in_trust(),
            Self::Caller(Some(Reading::Allows)) if denial.by.is_none() && !denial.explicit => format!(
                "If the following statement is already present, look for a service control policy or a permissions \
                 boundary that denies the call. {}",
                at_caller()
            ),
            Self::Caller(Some(Reading::NotMentioned | Reading::RequiresExternalId(_))) => {
                format!("{}. {}", in_trust(), at_caller())
            }
            Self::Caller(_) => at_caller(),
            Self::RoleOrganization => format!(
                "For account {account} (the role's), remove the Deny on {action} from the resource control policies of \
                 its organization"
            ),
            Self::Either(_) if denial.explicit => format!("{}; or: {}", no_deny_in_trust(attempt), at_caller()),
            Self::Either(_) => format!("Both must allow it. {}. {}", in_trust(), at_caller()),
        }
    }
}

fn no_deny_in_trust(attempt: &Attempt<'_>) -> String {
    let role = attempt.role;
    format!("In account {} (the role's), remove the Deny from the trust policy of role {}", role.account, role.name)
}

/// What is wrong on the caller's side.
fn own(denial: &AccessDenied, action: &str) -> String {
    let policy = match denial.by {
        Some(PolicyKind::Boundary) => "the permissions boundary of the caller",
        Some(PolicyKind::Session) => "the session policy of the caller's own session",
        Some(PolicyKind::ServiceControl) => "a service control policy over the caller's account",
        Some(PolicyKind::VpcEndpoint) => "the policy of the VPC endpoint to AWS",
        Some(PolicyKind::Identity | PolicyKind::Trust | PolicyKind::ResourceControl) | None if denial.explicit => {
            "a Deny on the caller's side"
        }
        Some(PolicyKind::Identity | PolicyKind::Trust | PolicyKind::ResourceControl) | None => {
            return format!("the caller's own policies do not allow {action}");
        }
    };
    let verb = if denial.explicit { "forbids" } else { "does not allow" };
    format!("{policy} {verb} {action}")
}
