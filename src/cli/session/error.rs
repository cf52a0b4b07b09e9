//! Why the credentials of an object cannot be used. No message shows any of them.

use std::io;

use jiff::Timestamp;

use super::object::Object;
use super::profile::ProfileError;
use crate::cli::cluster::{ClusterError, RequestError};

/// Why the credentials of an object cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The cluster gives no answer.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// There is no Secret yet.
    #[error("CrossAccountRole {0} has no credentials yet; {status} shows why", status = status(.0))]
    NoCredentials(Object),
    /// The Secret holds something else.
    #[error(
        "Secret {secret} does not hold the credentials of CrossAccountRole {object} as the operator wrote them; the operator \
         replaces what others write into it, and {status} shows why it does not",
        status = status(.object)
    )]
    Foreign {
        /// The object.
        object: Object,
        /// Name of the Secret.
        secret: String,
    },
    /// AWS does not accept the credentials any more.
    #[error("the credentials of CrossAccountRole {object} expired at {at}; {status} shows why the operator did not renew them", status = status(.object))]
    Expired {
        /// The object.
        object: Object,
        /// When.
        at: Timestamp,
    },
    /// The result could not be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// The command cannot be run.
    #[error("cannot run {program}; check that it is in PATH and that you may execute it")]
    Run {
        /// The command.
        program: String,
        /// What the system says.
        source: io::Error,
    },
    /// The profile cannot be written.
    #[error(transparent)]
    Profile(#[from] ProfileError),
}

impl From<RequestError> for SessionError {
    fn from(error: RequestError) -> Self {
        Self::Cluster(error.into())
    }
}

fn status(object: &Object) -> String {
    format!("`kubectl crossaccount status {} -n {}`", object.name, object.namespace)
}
