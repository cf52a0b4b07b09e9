//! Why a change of an object fails.

use std::time::Duration;

use crate::cli::cluster::{ClusterError, RequestError};
use crate::cli::confirm::ConfirmError;

/// Why a change of an object fails.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The cluster gives no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The change cannot be made while the object is so.
    #[error("{0}")]
    NotNow(String),
    /// Nobody confirmed it.
    #[error(transparent)]
    Confirm(#[from] ConfirmError),
    /// The operator cannot do it.
    #[error("the operator cannot do this: {0}")]
    Stalled(String),
    /// The operator did not do it in time.
    #[error("after {} s the operator has not done this, and goes on with it; {said}", within.as_secs())]
    Waiting {
        /// How long the command waited.
        within: Duration,
        /// What the object says.
        said: String,
    },
    /// The object was deleted meanwhile.
    #[error("the object was deleted meanwhile")]
    Gone,
}

impl From<RequestError> for ChangeError {
    fn from(error: RequestError) -> Self {
        Self::Cluster(error.into())
    }
}
