//! Why a role is not imported.

use crate::cli::aws_account::AwsAccountError;
use crate::cli::cluster::ClusterError;
use crate::decide::Refusal;
use crate::domain::RoleArn;

/// Why a role is not imported.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The process cannot be set up.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// The AWS credentials at hand cannot be used for this.
    #[error(transparent)]
    Account(#[from] AwsAccountError),
    /// No object can declare this role.
    #[error("{0}")]
    Refused(String),
    /// It is not known which `AWSAccount` is meant.
    #[error("{0}; pass --account with the name of the AWSAccount")]
    WhichAccount(String),
    /// The `AWSAccount` is of another AWS account.
    #[error(
        "AWSAccount {name} is {found}, and the role {role} is not in it; pass --account with the name of another one"
    )]
    OtherAccount {
        /// Its name.
        name: String,
        /// Account and partition.
        found: String,
        /// The role.
        role: String,
    },
    /// There is no such role.
    #[error("there is no role {0} in the account; `aws iam list-roles --query Roles[].Arn` lists the ARNs")]
    NoRole(RoleArn),
    /// The name is that of another path.
    #[error("the ARN of the role of that name is {0}; pass this one")]
    OtherArn(RoleArn),
    /// The name of the role says nothing that Kubernetes takes.
    #[error("no name for the object can be made of the name of the role; pass --name")]
    Name,
    /// The manifest could not be written.
    #[error("cannot write the manifest: {0}")]
    Render(String),
}

impl From<Refusal> for ImportError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal.message)
    }
}
