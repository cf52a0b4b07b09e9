//! What can go wrong at the end of an installation.

use std::time::Duration;

use crate::cli::cluster::{ClusterError, RequestError};

/// Why `uninstall` fails.
#[derive(Debug, thiserror::Error)]
pub enum UninstallError {
    /// The cluster gives no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// An operator would put the finalizers back.
    #[error(
        "{holder} holds the operator's lease in namespace {namespace}: use --delete while an operator runs, or scale its \
         Deployment to zero, wait 15 seconds, and repeat this"
    )]
    Running {
        /// Name of its pod.
        holder: String,
        /// Where its lease is.
        namespace: String,
    },
    /// Some objects still have something to clean up.
    #[error("after {} s these objects are not gone; `kubectl describe` says more:\n{left}", within.as_secs())]
    Waiting {
        /// How long it waited.
        within: Duration,
        /// The objects, a line each.
        left: String,
    },
}

impl From<RequestError> for UninstallError {
    fn from(error: RequestError) -> Self {
        Self::Cluster(error.into())
    }
}
