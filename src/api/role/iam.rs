//! The IAM role itself.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::api::{DeletionPolicy, Lifecycle, PolicyDocumentSource, schema};

/// The IAM role and its permissions.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(
    "has(self.name) == has(oldSelf.name) && (!has(self.name) || self.name == oldSelf.name)"
).message("role.name cannot be changed, set or removed later: create another CrossAccountRole for the other name"))]
pub struct RoleSpec {
    /// Name of the role, 1 to 64 letters, digits and `_+=,.@-`. IAM compares names without case. Default
    /// `<namespace>-<name>` of this object, cut with a hash to 64 characters. Cannot be changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::role_name")]
    pub name: Option<String>,

    /// `Create`: the operator makes the role, keeps it as declared and deletes it. `Adopt`: the role exists; the
    /// operator takes it over by name and keeps it as declared, but never deletes it. `Observe`: the operator reads and
    /// assumes the role but never writes to IAM, and lists in `status.plannedChanges` what it would change. Default
    /// `Create`.
    #[serde(default)]
    pub lifecycle: Lifecycle,

    /// Description of the role, up to 1000 characters of Latin-1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::description")]
    pub description: Option<String>,

    /// Longest session that the role grants to anyone, in seconds, 3600 to 43200. A longer
    /// `session.durationSeconds` raises it. Default 3600.
    #[serde(default = "default_max_session_duration_seconds")]
    #[schemars(schema_with = "schema::integer::<3600, 43_200>")]
    pub max_session_duration_seconds: u32,

    /// ARNs of the managed policies to attach, at most 20. AWS attaches 10 unless the account's quota is raised.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "schema::policy_arns::<20>")]
    pub managed_policy_arns: Vec<String>,

    /// Inline policies: name, and policy document written as YAML. All together at most 9728 characters as JSON without
    /// white space: IAM allows 10240, and the operator keeps 512 free to deny sessions. Names that begin with
    /// `crossaccount-` are reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::inline_policies")]
    pub inline_policies: BTreeMap<String, PolicyDocumentSource>,

    /// Tags of the role, at most 45; the operator needs the rest of the 50 that AWS allows. Keys that begin with `aws:`
    /// or `crossaccount.dev/` are reserved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::tags::<45>")]
    pub tags: BTreeMap<String, String>,

    /// What happens to the role when this object is deleted. `Delete`: it goes too, if the operator made it. `Retain`:
    /// role and trust policy stay. Default: `deletionPolicy` of the `AWSAccount`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::deletion_policy")]
    pub deletion_policy: Option<DeletionPolicy>,
}

impl Default for RoleSpec {
    fn default() -> Self {
        Self {
            name: None,
            lifecycle: Lifecycle::default(),
            description: None,
            max_session_duration_seconds: default_max_session_duration_seconds(),
            managed_policy_arns: Vec::new(),
            inline_policies: BTreeMap::new(),
            tags: BTreeMap::new(),
            deletion_policy: None,
        }
    }
}

fn default_max_session_duration_seconds() -> u32 {
    3600
}
