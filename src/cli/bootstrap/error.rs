//! Why `bootstrap` fails.

use std::io;

use crate::cli::aws_account::AwsAccountError;
use crate::decide::bootstrap::TooLarge;
use crate::domain::policy::PolicyError;

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
    /// The AWS credentials at hand cannot be used for this.
    #[error(transparent)]
    Account(#[from] AwsAccountError),
}
