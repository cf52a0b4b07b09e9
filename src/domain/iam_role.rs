//! A role as it is declared, and as IAM reports it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::policy::PolicyDocument;
use super::{AccountId, Partition, PolicyArn, RoleArn, RoleName, RolePath, RoleTags};

/// All inline policies of a role together, in characters without white space. AWS does not raise it (IAM user guide, "IAM and
/// STS quotas").
pub const INLINE_QUOTA_OF_ROLE: usize = 10_240;

/// A role as it is declared, with everything `CreateRole` takes, so that a role is never seen without its trust,
/// boundary or tags; and its policies, which IAM takes one by one.
#[derive(Clone, Debug, PartialEq)]
pub struct DesiredRole {
    /// Account of the role.
    pub account: AccountId,
    /// Partition of the account.
    pub partition: Partition,
    /// Path of a new role. An existing one keeps its path: IAM cannot move a role.
    pub path: RolePath,
    /// Name.
    pub name: RoleName,
    /// Trust policy.
    pub trust: PolicyDocument,
    /// Description and longest session.
    pub settings: RoleSettings,
    /// Permissions boundary.
    pub boundary: Option<PolicyArn>,
    /// All tags, ours and the user's.
    pub tags: RoleTags,
    /// Managed policies.
    pub managed: BTreeSet<PolicyArn>,
    /// Inline policies by name.
    pub inline: BTreeMap<String, PolicyDocument>,
}

/// What `UpdateRole` sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleSettings {
    /// Description; none clears it.
    pub description: Option<String>,
    /// Longest session, 3,600 to 43,200 seconds.
    pub max_session_seconds: i32,
}

/// The answer of `GetRole`. It carries tags and boundary, so no further read is needed for them.
#[derive(Clone, Debug, PartialEq)]
pub struct IamRole {
    /// ARN, with the path.
    pub arn: RoleArn,
    /// Unique id (`AROA…`): another one for a role created again under the same name.
    pub id: String,
    /// When IAM created it.
    pub created_at: Timestamp,
    /// Description and longest session.
    pub settings: RoleSettings,
    /// ARN of the permissions boundary, if any.
    pub boundary: Option<PolicyArn>,
    /// Trust policy; none if it cannot be read as a policy document, which then differs from every declared one.
    pub trust: Option<PolicyDocument>,
    /// All tags.
    pub tags: RoleTags,
    /// When a session of the role last made a call, as far as IAM tracks it (400 days, with hours of delay).
    pub last_used: Option<Timestamp>,
}

/// A role with its policies.
#[derive(Clone, Debug, PartialEq)]
pub struct IamRoleState {
    /// The role itself.
    pub role: IamRole,
    /// Managed policies attached to it.
    pub attached: BTreeSet<PolicyArn>,
    /// Inline policies by name; none where the text cannot be read as a policy document.
    pub inline: BTreeMap<String, Option<PolicyDocument>>,
}
