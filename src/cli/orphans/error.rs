//! Why nothing can be said of orphans, or done about one.

use crate::cli::aws_account::AwsAccountError;
use crate::cli::cluster::{ClusterError, RequestError};
use crate::cli::confirm::ConfirmError;
use crate::domain::{RoleArn, RoleName};

/// Why nothing can be said of orphans, or done about one.
#[derive(Debug, thiserror::Error)]
pub enum OrphansError {
    /// The cluster gives no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The name of the cluster is not known.
    #[error(
        "cannot read the UID of namespace kube-system, which names this cluster in the tags of roles; give --cluster-name, or ask for this permission"
    )]
    ClusterName(#[source] RequestError),
    /// The AWS credentials at hand cannot be used for this.
    #[error(transparent)]
    Account(#[from] AwsAccountError),
    /// The `AWSAccount` is not valid.
    #[error("{0}")]
    Invalid(String),
    /// The roles of this cluster carry another name.
    #[error(
        "the operator of this cluster writes {written:?} into the tag crossaccount.dev/cluster (see role {role}), and this looked \
         for {given:?}; pass --cluster-name={written}"
    )]
    OtherCluster {
        /// A role of an object of this cluster.
        role: String,
        /// What its tag says.
        written: String,
        /// What was looked for.
        given: String,
    },
    /// The role is no orphan of the account.
    #[error("role {0} is not an orphan of AWSAccount {1}; `kubectl crossaccount orphans list {1}` lists them")]
    NoOrphan(RoleName, String),
    /// The tags name an object that Kubernetes cannot have.
    #[error(
        "the tags of role {role} name object {object}, which no object can be called; correct the tags crossaccount.dev/namespace \
         and crossaccount.dev/name, or delete the role in AWS"
    )]
    NoName {
        /// The role.
        role: String,
        /// What the tags say.
        object: String,
    },
    /// The object is there after all.
    #[error("role {role} belongs to CrossAccountRole {object}, which exists; delete that object instead")]
    HasObject {
        /// The role.
        role: String,
        /// Namespace and name.
        object: String,
    },
    /// Somebody else made the role.
    #[error(
        "the operator did not create role {0} (it has no tag crossaccount.dev/created), so this command does not delete it; delete \
         it in AWS, or take it back with `kubectl crossaccount orphans adopt`"
    )]
    NotCreated(RoleArn),
    /// The namespace of the object is gone.
    #[error("namespace {0} does not exist; create it first, and repeat this")]
    NoNamespace(String),
    /// The role is not as it was shown.
    #[error("role {0} was changed meanwhile, so it is not deleted; repeat this")]
    Changed(RoleArn),
    /// The role is there after the last step.
    #[error("IAM still shows role {0} after it accepted its deletion; list the orphans in a minute")]
    StillThere(RoleArn),
    /// A step failed.
    #[error("role {role} is not deleted: {why}. Still there: {left}. Repeat this to go on")]
    Unfinished {
        /// The role.
        role: String,
        /// Which call failed, and why.
        why: String,
        /// What of the role is still there.
        left: String,
    },
    /// Nobody confirmed it.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// The manifest could not be written.
    #[error("cannot write the manifest: {0}")]
    Render(String),
}

impl From<RequestError> for OrphansError {
    fn from(error: RequestError) -> Self {
        Self::Cluster(error.into())
    }
}
