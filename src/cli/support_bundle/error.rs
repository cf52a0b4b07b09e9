//! Why there is no bundle.

use std::io;

use super::file::FileError;
use super::redaction::RedactionError;
use crate::cli::cluster::ClusterError;

/// Why `support-bundle` fails.
#[derive(Debug, thiserror::Error)]
pub enum SupportBundleError {
    /// There is no way to the cluster.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The API server does not answer, or does not know the caller.
    #[error("the API server does not answer, or does not accept your credentials; check both with `kubectl version`")]
    Unreachable(#[source] Box<kube::Error>),
    /// Secrets cannot be removed.
    #[error(transparent)]
    Redaction(#[from] RedactionError),
    /// The archive cannot be made.
    #[error("cannot make the archive; no file was written")]
    Archive(#[source] io::Error),
    /// The file cannot be written.
    #[error(transparent)]
    File(#[from] FileError),
}
