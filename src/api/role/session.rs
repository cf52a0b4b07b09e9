//! The STS session whose credentials are published.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::{PolicyDocumentSource, schema};

/// How the role is assumed. Ranges and character sets: AWS API reference, AssumeRole.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = Rule::new("!has(self.renewBeforeSeconds) || self.renewBeforeSeconds < self.durationSeconds").message(
        "session.renewBeforeSeconds must be less than session.durationSeconds"
    ),
    validation = Rule::new(
        "!has(self.transitiveTagKeys) || self.transitiveTagKeys.all(key, \
         (has(self.tags) && key in self.tags) || (self.kubernetesTags && \
         key in ['crossaccount.dev/cluster', 'crossaccount.dev/namespace', 'crossaccount.dev/name']))"
    ).message("every key in session.transitiveTagKeys must be a key of session.tags or, \
               with kubernetesTags, crossaccount.dev/cluster, /namespace or /name"),
    validation = Rule::new("!self.kubernetesTags || !has(self.tags) || self.tags.size() <= 47").message(
        "session.tags has at most 47 entries with kubernetesTags, which adds 3 to the 50 that AWS allows"
    ),
)]
pub struct SessionSpec {
    /// How long credentials live, in seconds, 900 to 43200. Where that is longer than the role's
    /// `maxSessionDurationSeconds`, the role is raised first. No more than 3600 where the operator's own identity is a
    /// role session. Default 3600.
    #[serde(default = "default_duration_seconds")]
    #[schemars(schema_with = "schema::integer::<900, 43_200>")]
    pub duration_seconds: u32,

    /// How many seconds before expiry credentials are renewed, at least 300 and less than `durationSeconds`. Default:
    /// half of their lifetime. The actual time is up to a tenth of the lifetime earlier, to spread renewals; at least 20
    /// minutes before expiry for lifetimes of 40 minutes or more; and never in the first tenth of the lifetime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::integer::<300, 43_199>")]
    pub renew_before_seconds: Option<u32>,

    /// Session tags, at most 50. Keys that begin with `aws:` or `crossaccount.dev/` are reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::tags::<50>")]
    pub tags: BTreeMap<String, String>,

    /// Keys of session tags that stay set when the session assumes another role.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::tag_keys")]
    pub transitive_tag_keys: Vec<String>,

    /// Adds cluster, namespace and name of this object as session tags `crossaccount.dev/cluster`, `/namespace` and
    /// `/name`, for policies with `aws:PrincipalTag`. Default false.
    #[serde(default)]
    pub kubernetes_tags: bool,

    /// Source identity of the session, 2 to 64 letters, digits and `_+=,.@-`. CloudTrail shows it, and it stays set
    /// when the session assumes another role.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::source_identity")]
    pub source_identity: Option<String>,

    /// Session policy, written as YAML: the session may do only what the role and this policy both allow. Together with
    /// `policyArns` at most 2048 characters as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyDocumentSource>,

    /// ARNs of managed policies that serve as session policies, at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::policy_arns::<10>")]
    pub policy_arns: Vec<String>,
}

impl Default for SessionSpec {
    fn default() -> Self {
        Self {
            duration_seconds: default_duration_seconds(),
            renew_before_seconds: None,
            tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
            kubernetes_tags: false,
            source_identity: None,
            policy: None,
            policy_arns: Vec::new(),
        }
    }
}

fn default_duration_seconds() -> u32 {
    3600
}
