//! What the operator found out and did.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::SourceGrantStatus;
use crate::api::schema;

/// What the operator found out and did.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CrossAccountRoleStatus {
    /// `metadata.generation` that this status is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// `Ready` sums up; `RoleReady`, `CredentialsReady` and `SourceGrantsReady` tell which part. `RolloutsReady` and
    /// `ConsumersStale` tell of those who use the credentials. `Stalled`: nothing will change without someone.
    /// `Reconciling`: it will.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,

    /// The IAM role as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleStatus>,

    /// External id that the trust policy asks of the operator. Made by the operator; AWS does not treat it as a secret.
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

    /// When the role was last used, as far as AWS tells; it looks back 400 days and lags some hours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,

    /// Sessions issued before this moment are denied, because access was withdrawn or it was asked for.
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

    /// Who the credentials are, as GetCallerIdentity answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller_arn: Option<String>,

    /// How much of the room for session policies and tags is used, in percent; AWS refuses more than 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::count")]
    pub packed_policy_size_percent: Option<u32>,
}
