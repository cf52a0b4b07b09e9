//! How far tenants may go in an account.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use super::{DeletionPolicy, Lifecycle, schema};

/// Namespaces that may use an account; with both fields given a namespace must match both, with none it always matches.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AllowedNamespaces {
    /// Names of namespaces. Absent: names do not matter. An empty list matches no namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::namespace_names")]
    pub names: Option<Vec<String>>,

    /// Selects namespaces by their labels. Absent, or an empty selector: labels do not matter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::label_selector")]
    pub selector: Option<LabelSelector>,
}

/// What tenants may do in an account. An absent list and an empty list differ: see each field.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Guardrails {
    /// IAM path of every role the operator creates in the account; begins and ends with `/`, at most 512 characters.
    /// Existing roles keep their path, since IAM cannot move a role. Default `/crossaccount/`.
    #[serde(default = "default_role_path")]
    #[schemars(schema_with = "schema::role_path")]
    pub role_path: String,

    /// ARN of the policy that is put on every created role as its permissions boundary. Required unless
    /// `allowUnbounded` is true or `lifecycles` has neither `Create` nor `Adopt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::policy_arn")]
    pub permissions_boundary: Option<String>,

    /// Whether roles may be created without a permissions boundary. Default false.
    #[serde(default)]
    pub allow_unbounded: bool,

    /// ARN globs (`*`, `?`) of the managed policies that tenants may attach to roles. Absent: any. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::arn_globs")]
    pub managed_policies: Option<Vec<String>>,

    /// Globs (`*`, `?`) of the actions that `Allow` statements of inline policies may contain, such as `s3:Get*`.
    /// Absent: any. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::action_globs")]
    pub actions: Option<Vec<String>>,

    /// ARN globs (`*`, `?`) of the principals that tenants may add to a trust policy. An account id as principal is
    /// matched as the ARN of its root, such as `arn:aws:iam::<id>:root`. Absent or empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::arn_globs")]
    pub principals: Vec<String>,

    /// ARN globs (`*`, `?`) of the users, groups and roles of this account that tenants may name in `sourceGrants`.
    /// Absent: any that the operator may write to. Empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::arn_globs")]
    pub grantees: Option<Vec<String>>,

    /// Globs (`*`, `?`) of the names that roles of tenants may have, whatever their lifecycle, compared without case.
    /// `{namespace}` stands for the namespace of the object. The default name of an object is always allowed. Default
    /// `["{namespace}-*"]`.
    #[serde(default = "default_role_names")]
    #[schemars(schema_with = "schema::role_name_globs")]
    pub role_names: Vec<String>,

    /// Keys that tenants may use in `role.tags` and `session.tags`; policies see both as `aws:PrincipalTag`. Compared
    /// without case. Absent or empty: none. The tags of `session.kubernetesTags` need no entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tag_keys")]
    pub principal_tag_keys: Vec<String>,

    /// Globs (`*`, `?`) of the values that tenants may use in `session.sourceIdentity`. `{namespace}` stands for the
    /// namespace of the object. Absent or empty: none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::source_identity_globs")]
    pub source_identities: Vec<String>,

    /// Which values of `role.deletionPolicy` tenants may use. Absent: only the account's own `deletionPolicy`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::deletion_policies")]
    pub deletion_policies: Option<Vec<DeletionPolicy>>,

    /// Which values of `role.lifecycle` tenants may use: `Create`, `Adopt`, `Observe`. Empty: no role in this account,
    /// which suits an account that is only named in `sourceGrants`. Default `[Create]`.
    #[serde(default = "default_lifecycles")]
    #[schemars(length(max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub lifecycles: Vec<Lifecycle>,

    /// Upper limit for `role.maxSessionDurationSeconds` and `session.durationSeconds` of tenants, in seconds, 3600 to
    /// 43200. Absent: only the limit of AWS, 43200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::integer::<3600, 43_200>")]
    pub max_session_duration_seconds: Option<u32>,
}

impl Default for Guardrails {
    fn default() -> Self {
        Self {
            role_path: default_role_path(),
            permissions_boundary: None,
            allow_unbounded: false,
            managed_policies: None,
            actions: None,
            principals: Vec::new(),
            grantees: None,
            role_names: default_role_names(),
            principal_tag_keys: Vec::new(),
            source_identities: Vec::new(),
            deletion_policies: None,
            lifecycles: default_lifecycles(),
            max_session_duration_seconds: None,
        }
    }
}

fn default_role_path() -> String {
    "/crossaccount/".into()
}

fn default_lifecycles() -> Vec<Lifecycle> {
    vec![Lifecycle::Create]
}

fn default_role_names() -> Vec<String> {
    vec!["{namespace}-*".into()]
}
