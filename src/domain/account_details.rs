//! An account's roles and inline policies, as one bulk read shows them.

use std::collections::BTreeMap;

use super::policy::PolicyDocument;
use super::{GranteeKind, IamRoleState};

/// The roles of an account, and the inline policies of everybody in it.
///
/// IAM collects it over several calls. A role or principal that is missing here may have been created meanwhile, or IAM has
/// not settled on its ARN yet: absence proves nothing, and a read of that one role does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AccountDetails {
    /// Every role, with its policies.
    pub roles: Vec<IamRoleState>,
    /// Every user, group and role, with its inline policies.
    pub grantees: Vec<GranteePolicies>,
    /// Number of calls that the read took.
    pub calls: u32,
}

/// A principal and its inline policies.
#[derive(Clone, Debug, PartialEq)]
pub struct GranteePolicies {
    /// User, group or role.
    pub kind: GranteeKind,
    /// Name without the path, in the case that IAM stores.
    pub name: String,
    /// ARN, with the path.
    pub arn: String,
    /// Inline policies by name; none where the text cannot be read as a policy document.
    pub inline: BTreeMap<String, Option<PolicyDocument>>,
}
