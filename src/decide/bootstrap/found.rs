//! What was read of an account.

use crate::domain::policy::PolicyDocument;

/// A policy of an account.
#[derive(Clone, Debug)]
pub struct FoundPolicy {
    /// What and whose it is, as the subject of a sentence: `inline policy x of role y`.
    pub what: String,
    /// What it says.
    pub document: PolicyDocument,
}

/// The role or user that an account has under the name that is expected.
#[derive(Clone, Debug)]
pub struct FoundIdentity {
    /// Its ARN, with its path.
    pub arn: String,
    /// The trust policy of a role; none for a user.
    pub trust: Option<PolicyDocument>,
    /// Its inline and managed policies; none where not all could be read.
    pub policies: Option<Vec<FoundPolicy>>,
    /// The groups that a user is in.
    pub groups: Vec<String>,
}

/// What was read of an account. The outer option is none for what could not be read, and is not judged then.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The identity; the inner option is none if there is no such role or user.
    pub identity: Option<Option<FoundIdentity>>,
    /// What the boundary says; the inner option is none if there is no such policy.
    pub boundary: Option<Option<PolicyDocument>>,
    /// ARNs of the roles under the path of the manager that have no permissions boundary.
    pub unbounded_roles: Vec<String>,
}
