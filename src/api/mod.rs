//! Wire types: what users write and what they read back.
//!
//! [`CrossAccountRole`] is the tenant's wish, [`AWSAccount`] the platform team's boundary around it. Their fields are
//! plain strings and numbers, because an object that is stored once must stay readable for ever; the values that cannot
//! be wrong are parsed from them in [`crate::domain`]. Every rule that the API server can check is part of the schema
//! (module `schema`), and the reconciler checks the same rules again.

mod accessors;
mod account;
#[cfg(test)]
pub(crate) mod committed;
mod condition;
mod crds;
#[cfg(test)]
mod fields;
mod guardrails;
mod lifecycle;
mod policy;
mod reason;
mod role;
mod schema;

pub use accessors::condition;
pub use account::{AWSAccount, AWSAccountSpec, AWSAccountStatus, AccountAccess, AccountRef, Hop};
pub use condition::ConditionType;
pub use crds::{crd_yaml, crds, crds_yaml};
pub use guardrails::{AllowedNamespaces, Guardrails};
pub use lifecycle::{DeletionPolicy, Lifecycle};
pub use policy::PolicyDocumentSource;
pub use reason::{Outlook, Reason, reasons_markdown};
pub use role::{
    CredentialsStatus, CrossAccountRole, CrossAccountRoleSpec, CrossAccountRoleStatus, OnExpiry, Output,
    ProcessCommand, RoleSpec, RoleStatus, RolloutRestart, SecretSpec, ServiceUsage, SessionSpec, SourceGrant,
    SourceGrantStatus, TrustSpec, UsageStatus, WorkloadKind,
};

/// API group of both kinds.
pub const GROUP: &str = "iam.crossaccount.dev";

/// The one served and stored version.
pub const VERSION: &str = "v1alpha1";

/// Name of the operator wherever Kubernetes asks who did something: field manager, Event reporter, `managed-by`.
pub const FIELD_MANAGER: &str = "crossaccount-operator";

/// Namespace of the operator where nothing else says so.
pub const OPERATOR_NAMESPACE: &str = "crossaccount-system";

/// Finalizer that holds a `CrossAccountRole` until AWS is cleaned, and an `AWSAccount` while an object needs it for that.
pub const FINALIZER: &str = "iam.crossaccount.dev/cleanup";

/// `type` of every Secret the operator writes. Kubernetes never lets the type of a Secret change.
pub const SECRET_TYPE: &str = "iam.crossaccount.dev/credentials";

/// Label of every Secret the operator writes; its value is [`FIELD_MANAGER`].
pub const MANAGED_BY_LABEL: &str = "app.kubernetes.io/managed-by";

/// Annotations, on Secrets, on a `CrossAccountRole`, on pod templates and on pods.
pub mod annotation {
    /// How all of them begin.
    pub const PREFIX: &str = "iam.crossaccount.dev/";

    /// On a Secret: ARN of the role whose credentials it holds.
    pub const ROLE_ARN: &str = "iam.crossaccount.dev/role-arn";

    /// On a Secret: when its credentials were issued, RFC 3339.
    pub const ISSUED_AT: &str = "iam.crossaccount.dev/issued-at";

    /// On a Secret: when its credentials expire, RFC 3339.
    pub const EXPIRES_AT: &str = "iam.crossaccount.dev/expires-at";

    /// On a Secret: hash of everything the session was requested with; another value means that the set is stale.
    pub const INPUTS_HASH: &str = "iam.crossaccount.dev/inputs-hash";

    /// On a Secret: hash of its data; another value means that somebody edited it.
    pub const CONTENT_HASH: &str = "iam.crossaccount.dev/content-hash";

    /// On a `CrossAccountRole`, RFC 3339: issue new credentials now, once per value.
    pub const RENEW_REQUESTED_AT: &str = "iam.crossaccount.dev/renew-requested-at";

    /// On a `CrossAccountRole`, RFC 3339: deny all sessions issued before now and issue new credentials, once per value.
    pub const REVOKE_REQUESTED_AT: &str = "iam.crossaccount.dev/revoke-requested-at";

    /// On a `CrossAccountRole`, RFC 3339: ask IAM which services the role used, once per value. The answer is `status.usage`.
    pub const USAGE_REQUESTED_AT: &str = "iam.crossaccount.dev/usage-requested-at";

    /// On an object that is being deleted, `"true"`: let it go although AWS cannot be cleaned.
    pub const ABANDON: &str = "iam.crossaccount.dev/abandon";

    /// On the pod template of a workload in `rolloutRestarts`, RFC 3339 in whole seconds: when the credentials were
    /// issued that it was last restarted for.
    pub const RESTARTED_FOR: &str = "iam.crossaccount.dev/restarted-for";

    /// On a pod that mounts the Secret, RFC 3339: when the credentials were issued that its kubelet was last made to read.
    pub const CREDENTIALS_ISSUED_AT: &str = "iam.crossaccount.dev/credentials-issued-at";
}
