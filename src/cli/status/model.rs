//! The answer of `status`. Its JSON form is stable: fields are added, and none is renamed or removed within a version.

use jiff::Timestamp;
use serde::Serialize;

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Tree {
    /// The version of this form.
    pub version: &'static str,
    /// Whether every object that the caller may see is Ready for its present declaration.
    pub ready: bool,
    /// The accounts by name, with the objects that use them.
    pub accounts: Vec<Account>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Health {
    /// As declared.
    Ready,
    /// Access works, and something needs attention.
    Attention,
    /// Not there, or not yet.
    NotReady,
    /// The caller may not see it.
    Unknown,
}

/// An `AWSAccount`.
#[expect(clippy::struct_field_names, reason = "the JSON form says accountId, as the AWSAccount does")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Its name.
    pub name: String,
    /// Its id in AWS, if the caller may read it.
    pub account_id: Option<String>,
    /// How it is.
    pub health: Health,
    /// Reason of its condition `Ready`.
    pub reason: Option<String>,
    /// The permission without which the caller cannot see it.
    pub missing_permission: Option<String>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// The objects that use it.
    pub roles: Vec<Role>,
}

/// A `CrossAccountRole`.
#[expect(clippy::struct_field_names, reason = "the JSON form says roleArn: the object itself has no ARN")]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Role {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Reason of its condition `Ready`.
    pub reason: Option<String>,
    /// ARN of the role in AWS, if there is one.
    pub role_arn: Option<String>,
    /// When the role was last used, as far as IAM shows it. The operator's own check of new credentials counts.
    pub last_used: Option<Timestamp>,
    /// Services that the role may use and did not use for 90 days, by the last report that was asked for.
    pub unused_services: Vec<String>,
    /// Sessions that were issued before this moment are denied.
    pub denied_before: Option<Timestamp>,
    /// The Secret with the credentials, if there is one.
    pub secret: Option<Secret>,
    /// ARNs of the principals that have permission to assume the role.
    pub grants: Vec<String>,
    /// Workloads that are restarted after each renewal: kind and name.
    pub restarts: Vec<String>,
    /// With `Observe`: what `Create` or `Adopt` would change.
    pub planned_changes: Vec<String>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// The Secret of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// When its credentials were issued.
    pub issued_at: Option<Timestamp>,
    /// When they expire.
    pub expires_at: Option<Timestamp>,
    /// When the operator renews them.
    pub renews_at: Option<Timestamp>,
    /// Whether they have expired.
    pub expired: bool,
}

/// Something that is wrong, in the operator's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Problem {
    /// Type of the condition that says it; none if no operator has looked at the object.
    pub condition: Option<String>,
    /// Its reason.
    pub reason: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What the reason means, and what to do.
    pub remedy: Option<String>,
}
