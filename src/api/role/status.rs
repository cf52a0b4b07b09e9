//! What the operator found out and did.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{SourceGrantStatus, UsageStatus};
use crate::api::schema;

/// What the operator found out and did.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossAccountRoleStatus {
    /// `metadata.generation` that this status is about; -1 until the operator has seen the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// `Ready` is the summary. `RoleReady`, `CredentialsReady` and `SourceGrantsReady` report its parts. `RolloutsReady`
    /// and `ConsumersStale` report on workloads and pods that use the credentials. `Stalled`: someone must act.
    /// `Reconciling`: the operator is still working.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The IAM role as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleStatus>,

    /// External id that the trust policy requires from the operator. The operator computes it; AWS does not treat it as
    /// a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,

    /// The credentials in the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<CredentialsStatus>,

    /// Issue time of the credentials that all workloads in `rolloutRestarts` have been restarted for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarted_for: Option<Time>,

    /// The source grants that were given and not yet taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_grants: Vec<SourceGrantStatus>,

    /// With `Observe`: what `Create` or `Adopt` would change, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub planned_changes: Vec<String>,

    /// IAM's answer to the last request for a report on the use of the role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<UsageStatus>,
}

/// The IAM role as it is.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoleStatus {
    /// ARN of the role, with its path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,

    /// Unique id of the role (`AROA…`); a role that is deleted and made again under the same name gets another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,

    /// Whether the operator created the role. It deletes no others.
    #[serde(default)]
    pub created: bool,

    /// When the role was last used. AWS tracks 400 days, with a delay of some hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,

    /// Sessions issued before this time are denied: access was withdrawn, or a revocation was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied_before: Option<Time>,

    /// With `Adopt`: what the operator changed when it took the role over, one line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed_on_adoption: Vec<String>,

    /// Names of the inline policies that this object declared. One of these that is no longer declared is deleted, even if
    /// it only denies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inline_policies: Vec<String>,

    /// Keys of the tags that this object declared. One of these that is no longer declared is removed; other tags are left
    /// alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tag_keys: Vec<String>,

    /// Hash of the desired role at the last successful comparison with IAM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declaration_hash: Option<String>,
}

/// The credentials in the Secret.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CredentialsStatus {
    /// Name of the Secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_name: Option<String>,

    /// When AWS issued the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issued_at: Option<Time>,

    /// When the credentials expire.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Time>,

    /// When the operator will renew the credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renew_at: Option<Time>,

    /// ARN of the credentials' identity, as GetCallerIdentity returns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_arn: Option<String>,

    /// Share of AWS's size limit for session policies and tags that is used, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::count")]
    pub packed_policy_size_percent: Option<u32>,
}
