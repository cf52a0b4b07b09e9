//! Why there is no plan.

use std::io;
use std::path::PathBuf;

use crate::api::Reason;
use crate::cli::aws_account::AwsAccountError;
use crate::cli::cluster::{ClusterError, RequestError};
use crate::decide::Refusal;

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The cluster gives no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the file holds no CrossAccountRole: {0}")]
    NoRole(String),
    /// The AWS credentials at hand cannot be used for this.
    #[error(transparent)]
    Account(#[from] AwsAccountError),
    /// The operator would refuse it.
    #[error("the operator refuses this declaration, {reason}: {message}")]
    Refused {
        /// The reason that the object would show.
        reason: Reason,
        /// What is wrong.
        message: String,
    },
}

impl From<RequestError> for PlanError {
    fn from(error: RequestError) -> Self {
        Self::Cluster(error.into())
    }
}

impl From<Refusal> for PlanError {
    fn from(Refusal { reason, message }: Refusal) -> Self {
        Self::Refused { reason, message }
    }
}
