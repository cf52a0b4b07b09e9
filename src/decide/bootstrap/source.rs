//! An account whose users, groups and roles are given permission to assume roles.

use serde_json::Value;

use super::setup::{Identity, Place, Policy, Setup};
use super::trust::{Manager, manager_trust};
use super::{allow, document};
use crate::domain::{Arn, GranteeKind};

/// An account whose principals are named by `spec.sourceGrants`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The account.
    pub place: Place,
    /// The manager role.
    pub manager: Manager,
    /// ARNs of the users, groups and roles.
    pub grantees: Vec<String>,
}

impl Source {
    /// All that is made in the account.
    #[must_use]
    pub fn setup(&self) -> Setup {
        let name = self.manager.name.clone();
        Setup {
            place: self.place.clone(),
            purpose: "an account whose users, groups and roles are given permission to assume roles",
            boundary: None,
            identity: Identity::Role {
                name: name.clone(),
                description: "The CrossAccountRole operator grants permission to assume roles through this role",
                trust: manager_trust(&self.manager),
            },
            policy: Policy {
                name,
                description: "What the CrossAccountRole operator may do in this account",
                document: grants_policy(self),
            },
            bounded_path: None,
        }
    }
}

/// What the manager may do: read and write the inline policies of exactly these principals. IAM has no condition on the name
/// or the content of an inline policy.
#[must_use]
pub fn grants_policy(source: &Source) -> Value {
    let of = |kind: GranteeKind| {
        let prefix = format!("{kind}/");
        let is = |arn: &&String| Arn::of_iam(arn).is_some_and(|arn| arn.resource.starts_with(&prefix));
        source.grantees.iter().filter(is).cloned().collect::<Vec<_>>()
    };
    let users = ["iam:DeleteUserPolicy", "iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy"];
    let groups = ["iam:DeleteGroupPolicy", "iam:GetGroup", "iam:GetGroupPolicy", "iam:PutGroupPolicy"];
    let roles = ["iam:DeleteRolePolicy", "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy"];
    let statements: Vec<Value> = [
        ("GrantToUsers", users, of(GranteeKind::User)),
        ("GrantToGroups", groups, of(GranteeKind::Group)),
        ("GrantToRoles", roles, of(GranteeKind::Role)),
    ]
    .into_iter()
    .filter(|(_, _, arns)| !arns.is_empty())
    .map(|(id, actions, arns)| allow(id, &actions, &arns))
    .collect();
    document(&statements)
}
