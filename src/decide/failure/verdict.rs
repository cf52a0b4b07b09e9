//! The words of the table.

use super::retry::Retry;
use crate::api::Reason;
use crate::decide::Refusal;

/// What was being done when a call failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::EnumIter)]
pub enum Phase {
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
pub struct FailureContext {
    /// The role, its trust or its principal is so new that AWS may not know it everywhere yet.
    pub propagating: bool,
    /// The trust policy was read in this reconcile and is as we want it, so a denial cannot be its doing.
    pub trust_verified: bool,
    /// The role was not read in this reconcile. The next one reads it and repairs what it can.
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
            // The end is in AWS, and no event announces it.
            Reason::BaseIdentityUnavailable | Reason::RoleNotOwned | Reason::RoleNotFound => Retry::Slow,
            _ => Retry::OnChange,
        };
        Self { reason, message, retry }
    }
}
