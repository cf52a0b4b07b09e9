//! Which services a role used, as IAM reports it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// IAM's report on the services that the role may use and on those that it used.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageStatus {
    /// Value of the annotation `iam.crossaccount.dev/usage-requested-at` that this answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<Time>,

    /// When IAM completed the report. Activity of the last hours may be missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reported_at: Option<Time>,

    /// Unique id of the role that the report is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,

    /// The services that the policies of the role allow, at most 500.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["service".into()]))]
    pub services: Vec<ServiceUsage>,

    /// Why there is no report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// One service that the policies of the role allow.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServiceUsage {
    /// Namespace of the service, as in actions: `s3`.
    pub service: String,

    /// When the role last called the service; absent if it did not in the time that IAM keeps, up to 400 days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<Time>,
}
