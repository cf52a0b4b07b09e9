//! What the operator remembers of source grants, so that it can take each of them back.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::SourceGrant;
use crate::api::AccountRef;

/// A source grant that is in place, being added, or being removed. The entry is written before AWS is changed, and
/// removed after AWS is cleaned up.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SourceGrantStatus {
    /// Name of the `AWSAccount` that the principal is in.
    pub account: String,

    /// Name of the IAM user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,

    /// Name of the IAM group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,

    /// Name of the IAM role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,

    /// ARN of the principal, with its path, as IAM reports it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub principal_arn: Option<String>,

    /// Name of the principal's inline policy that holds the permission.
    #[serde(default)]
    pub policy: String,

    /// ARN of the role that the principal may assume. Absent while the permission is being taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,

    /// When the operator first recorded the grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
}

impl SourceGrantStatus {
    /// The entry of a grant that may stand in AWS although status does not report it.
    #[must_use]
    pub fn of(grant: &SourceGrant, policy: &str) -> Self {
        let SourceGrant { account_ref, user, group, role } = grant.clone();
        Self { account: account_ref.name, user, group, role, policy: policy.to_owned(), ..Self::default() }
    }

    /// The entry of the declaration that it was made for.
    #[must_use]
    pub fn grant(&self) -> SourceGrant {
        let Self { account, user, group, role, principal_arn: _, policy: _, role_arn: _, since: _ } = self;
        let account_ref = AccountRef { name: account.clone() };
        SourceGrant { account_ref, user: user.clone(), group: group.clone(), role: role.clone() }
    }
}
