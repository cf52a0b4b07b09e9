//! Why `bootstrap` fails.

use std::io;

use crate::decide::bootstrap::TooLarge;
use crate::domain::AwsFailure;
use crate::domain::policy::PolicyError;
use crate::host::trust::BundleError;

/// Why `bootstrap` fails.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// Flags that do not go together.
    #[error("{0}")]
    Usage(String),
    /// A document that IAM would refuse.
    #[error(transparent)]
    TooLarge(#[from] TooLarge),
    /// The template could not be rendered.
    #[error("cannot render the template: {0}")]
    Render(String),
    /// A document of ours is not a policy.
    #[error("a document of this program {0}")]
    Document(#[from] PolicyError),
    /// The async runtime could not be set up.
    #[error("cannot set up the process")]
    Setup(#[source] io::Error),
    /// The certificates that the environment names cannot be used.
    #[error(transparent)]
    Certificates(#[from] BundleError),
    /// AWS does not say whose credentials these are.
    #[error("cannot find out which account the AWS credentials are of; log in to the account that is to be checked")]
    NoAccount(#[source] AwsFailure),
}
