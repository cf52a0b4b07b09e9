//! The Secret that pods mount, and the workloads to restart after a renewal.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::schema;

/// Name, content and end of the Secret.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretSpec {
    /// Name of the Secret. Default: the name of this object. A Secret of that name that this object does not own is
    /// left untouched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "schema::dns_subdomain")]
    pub name: Option<String>,

    /// What the Secret holds. `Process`: `config` and `credentials.json`, which every SDK reads again by itself; set
    /// `AWS_CONFIG_FILE` to `<mountPath>/config`. `File`: `credentials`, an INI file with static keys. `Env`: variables
    /// for `envFrom`, which a running pod never sees renewed. Default `[Process, File]`.
    #[serde(default = "default_outputs")]
    #[schemars(length(min = 1, max = 3))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub outputs: Vec<Output>,

    /// Name of the profile in `config` and `credentials`, 1 to 64 letters, digits and `_.-`. Default `default`.
    #[serde(default = "default_profile")]
    #[schemars(schema_with = "schema::profile")]
    pub profile: String,

    /// Path where pods mount the Secret; `config` refers to files under it. An absolute path of letters, digits and
    /// `_.-`. Default
    /// `/var/run/secrets/aws`.
    #[serde(default = "default_mount_path")]
    #[schemars(schema_with = "schema::mount_path")]
    pub mount_path: String,

    /// Command in `config` that prints `credentials.json`. `Cat`: the image has `cat`. `Agent`: it has
    /// `crossaccount-agent` instead. Default `Cat`.
    #[serde(default)]
    pub process_command: ProcessCommand,

    /// Labels for the Secret, at most 50, beside the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::secret_labels")]
    pub labels: BTreeMap<String, String>,

    /// Annotations for the Secret, at most 50, beside the operator's own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(schema_with = "schema::secret_annotations")]
    pub annotations: BTreeMap<String, String>,

    /// What happens to the Secret when its credentials expire because no renewal succeeded. `Keep`: it stays, so that
    /// pods still start. `Delete`: it goes. Default `Keep`.
    #[serde(default)]
    pub on_expiry: OnExpiry,
}

impl Default for SecretSpec {
    fn default() -> Self {
        Self {
            name: None,
            outputs: default_outputs(),
            profile: default_profile(),
            mount_path: default_mount_path(),
            process_command: ProcessCommand::default(),
            labels: BTreeMap::new(),
            annotations: BTreeMap::new(),
            on_expiry: OnExpiry::default(),
        }
    }
}

fn default_outputs() -> Vec<Output> {
    vec![Output::Process, Output::File]
}

fn default_profile() -> String {
    "default".into()
}

fn default_mount_path() -> String {
    "/var/run/secrets/aws".into()
}

/// One way to present credentials.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
pub enum Output {
    /// `config` with `credential_process`, and `credentials.json`.
    Process,
    /// `credentials`: an INI file with static keys.
    File,
    /// Environment variables.
    Env,
}

/// What `credential_process` runs.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
pub enum ProcessCommand {
    /// `cat`.
    #[default]
    Cat,
    /// `crossaccount-agent credential-process`.
    Agent,
}

/// What happens to a Secret whose credentials expired.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
pub enum OnExpiry {
    /// It stays.
    #[default]
    Keep,
    /// It is deleted.
    Delete,
}

/// A workload to restart after each renewal.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RolloutRestart {
    /// `Deployment`, `StatefulSet` or `DaemonSet`.
    pub kind: WorkloadKind,

    /// Name of the workload, in this namespace.
    #[schemars(schema_with = "schema::dns_subdomain")]
    pub name: String,
}

/// Workloads that can be restarted by their pod template.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
pub enum WorkloadKind {
    /// apps/v1 Deployment.
    Deployment,
    /// apps/v1 `StatefulSet`.
    StatefulSet,
    /// apps/v1 `DaemonSet`.
    DaemonSet,
}
