//! Why a change of an object fails.

use std::io;
use std::time::Duration;

use crate::cli::cluster::{ClusterError, RequestError};

/// Why a change of an object fails.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The cluster gives no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The change cannot be made while the object is so.
    #[error("{0}")]
    NotNow(String),
    /// Nobody is there to be asked.
    #[error("standard input is no terminal, so nobody can confirm this; repeat it with --yes")]
    NobodyToAsk,
    /// The answer could not be read.
    #[error("cannot read the answer")]
    Answer(#[source] io::Error),
    /// The caller does not want it.
    #[error("nothing was changed")]
    NotConfirmed,
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
