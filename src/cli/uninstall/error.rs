//! What can go wrong at the end of an installation.

use std::borrow::Cow;
use std::io;
use std::time::Duration;

/// Why `uninstall` fails.
#[derive(Debug, thiserror::Error)]
pub enum UninstallError {
    /// The async runtime could not be set up.
    #[error("cannot set up the process")]
    Setup(#[source] io::Error),
    /// There is no usable kubeconfig.
    #[error("cannot connect to the cluster; set KUBECONFIG")]
    Connect(#[source] kube::Error),
    /// The API server refuses or does not answer.
    #[error("cannot {verb} {what}")]
    Request {
        /// Of the request.
        verb: &'static str,
        /// The resource.
        what: Cow<'static, str>,
        /// What the API server says. A missing permission is named there.
        source: kube::Error,
    },
    /// The end of an object could not be watched.
    #[error("cannot watch the objects")]
    Watch(#[source] kube::runtime::wait::Error),
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

impl UninstallError {
    /// The API server refuses a request, or does not answer.
    #[must_use]
    pub fn request(verb: &'static str, what: Cow<'static, str>, source: kube::Error) -> Self {
        Self::Request { verb, what, source }
    }
}
