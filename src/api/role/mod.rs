//! `CrossAccountRole`: the access a tenant declares.

mod granted;
mod iam;
mod secret;
mod session;
mod status;
mod trust;
mod usage;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

pub use granted::SourceGrantStatus;
pub use iam::RoleSpec;
pub use secret::{OnExpiry, Output, ProcessCommand, RolloutRestart, SecretSpec, WorkloadKind};
pub use session::SessionSpec;
pub use status::{CredentialsStatus, CrossAccountRoleStatus, RoleStatus};
pub use trust::{SourceGrant, TrustSpec};
pub use usage::{ServiceUsage, UsageStatus};

use super::AccountRef;

/// Access to one AWS account: a role, who may assume it, and credentials for it. Only `accountRef` is required.
#[expect(clippy::duplicated_attributes, reason = "each printer column has a name and a type")]
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "iam.crossaccount.dev",
    version = "v1alpha1",
    kind = "CrossAccountRole",
    plural = "crossaccountroles",
    shortname = "car",
    category = "crossaccount",
    namespaced,
    status = "CrossAccountRoleStatus",
    derive = "PartialEq",
    doc = "An IAM role in another AWS account, the permission to assume it, and fresh temporary credentials for it in \
           a Secret of this namespace.",
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountRef.name"),
    printcolumn(name = "Role ARN", type_ = "string", json_path = ".status.role.arn", priority = 1),
    printcolumn(name = "Ready", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].status"#),
    printcolumn(name = "Reason", type_ = "string", json_path = r#".status.conditions[?(@.type=="Ready")].reason"#),
    printcolumn(name = "Expires", type_ = "string", json_path = ".status.credentials.expiresAt"),
    printcolumn(name = "Renews", type_ = "string", json_path = ".status.credentials.renewAt", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
pub struct CrossAccountRoleSpec {
    /// The `AWSAccount` that the role is in. It must allow this namespace. Cannot be changed.
    #[x_kube(validation = Rule::new("self == oldSelf").message(
        "accountRef cannot be changed: create another CrossAccountRole for the other account"
    ))]
    pub account_ref: AccountRef,

    /// The IAM role.
    #[serde(default)]
    pub role: RoleSpec,

    /// Who else may assume the role, beside the operator.
    #[serde(default)]
    pub trust: TrustSpec,

    /// Users, groups and roles of other accounts that get permission to assume this role, by an inline policy on their
    /// side. At most 20. The role must trust them too: name them, or their account, in `trust.principals`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    pub source_grants: Vec<SourceGrant>,

    /// The session whose credentials the Secret holds.
    #[serde(default)]
    pub session: SessionSpec,

    /// The Secret that pods mount.
    #[serde(default)]
    pub secret: SecretSpec,

    /// Workloads of this namespace to restart after each renewal, because they read credentials only when they start
    /// (environment variables, `subPath` mounts). At most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["kind".into(), "name".into()]))]
    pub rollout_restarts: Vec<RolloutRestart>,

    /// Stops all writes to AWS and all renewals; credentials that exist stay until they expire. Default false.
    #[serde(default)]
    pub suspend: bool,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_with_nothing_but_an_account_means_what_the_contract_says() {
        let spec: CrossAccountRoleSpec =
            serde_json::from_value(json!({ "accountRef": { "name": "analytics-prod" } })).unwrap();
        assert_eq!(
            serde_json::to_value(&spec).unwrap(),
            json!({
                "accountRef": { "name": "analytics-prod" },
                "role": { "lifecycle": "Create", "maxSessionDurationSeconds": 3600 },
                "trust": {},
                "session": { "durationSeconds": 3600, "kubernetesTags": false },
                "secret": {
                    "outputs": ["Process", "File"],
                    "profile": "default",
                    "mountPath": "/var/run/secrets/aws",
                    "processCommand": "Cat",
                    "onExpiry": "Keep",
                },
                "suspend": false,
            }),
        );
        let account_ref = AccountRef { name: "analytics-prod".into() };
        assert_eq!(spec, CrossAccountRoleSpec { account_ref, ..CrossAccountRoleSpec::default() });
    }
}
