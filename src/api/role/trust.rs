//! Who may assume the role: the trust policy here, grants on the other side.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api::{AccountRef, schema};

/// Who may assume the role, beside the operator.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "!has(self.conditions) || self.conditions.size() == 0 || (has(self.principals) && self.principals.size() > 0)"
).message("trust.conditions apply to trust.principals only: name at least one principal, or remove the conditions"))]
pub struct TrustSpec {
    /// Account ids (12 digits, in quotes) and ARNs of account roots, users and roles, at most 50; no wildcards. The
    /// `AWSAccount`'s `guardrails.principals` must allow each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::principals")]
    pub principals: Vec<String>,

    /// Conditions that `principals` must meet, as in an IAM policy: operator, condition key, then a value or a list of
    /// values. They do not apply to the operator.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: BTreeMap<String, BTreeMap<String, Value>>,
}

/// Permission for one principal of another account to assume the role.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "[has(self.user), has(self.group), has(self.role)].filter(given, given).size() == 1"
).message("a source grant names exactly one of user, group and role"))]
pub struct SourceGrant {
    /// The `AWSAccount` that the principal is in. It must allow this namespace.
    pub account_ref: AccountRef,

    /// Name of an IAM user, without its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::user_name")]
    pub user: Option<String>,

    /// Name of an IAM group, without its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::group_name")]
    pub group: Option<String>,

    /// Name of an IAM role, without its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::role_name")]
    pub role: Option<String>,
}

impl SourceGrant {
    /// Whether both name one principal of one account object. IAM compares names without case.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        let lower = |name: &Option<String>| name.as_ref().map(|name| name.to_ascii_lowercase());
        let Self { account_ref, user, group, role } = self;
        *account_ref == other.account_ref
            && [user, group, role].map(lower) == [&other.user, &other.group, &other.role].map(lower)
    }
}
