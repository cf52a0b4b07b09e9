//! The AWS account of the credentials at hand, as every AWS program finds them: variables, profiles, single sign-on.

use crate::aws::{AwsClients, IamClient};
use crate::domain::{AwsFailure, CallerIdentity, FailureKind};
use crate::host::metrics::{Metrics, PerObject};
use crate::host::trust::BundleError;

/// Why the account cannot be worked in.
#[derive(Debug, thiserror::Error)]
pub enum AwsAccountError {
    /// The certificates that the environment names cannot be used.
    #[error(transparent)]
    Certificates(#[from] BundleError),
    /// AWS does not say whose credentials these are.
    #[error("cannot find out which account the AWS credentials are of; log in to the account that this is about")]
    Unknown(#[source] AwsFailure),
    /// The credentials are of another account or partition.
    #[error("the AWS credentials are of {arn}, and this is about {what} {expected}; use credentials of that {what}")]
    Another {
        /// Whose credentials these are.
        arn: String,
        /// `account` or `partition`.
        what: &'static str,
        /// Which one is meant.
        expected: String,
    },
    /// AWS refuses a call, or does not answer it.
    #[error("{0}")]
    Call(String),
}

/// The account of the credentials at hand.
pub struct OwnAccount {
    /// IAM, with the permissions of the caller.
    pub iam: IamClient,
    /// Who the caller is.
    pub caller: CallerIdentity,
}

impl OwnAccount {
    /// Asks AWS whose credentials these are.
    pub async fn enter() -> Result<Self, AwsAccountError> {
        let clients = AwsClients::load(Metrics::new(PerObject::Never), None).await?;
        let (sts, iam) = clients.own();
        let caller = sts.caller_identity().await.map_err(AwsAccountError::Unknown)?;
        Ok(Self { iam, caller })
    }

    /// Refuses to work in another account than the one that is meant.
    pub fn is_account(&self, account: &str) -> Result<(), AwsAccountError> {
        if self.caller.account.as_str() == account { Ok(()) } else { Err(self.another("account", account)) }
    }

    /// Refuses another partition.
    pub fn is_partition(&self, partition: &str) -> Result<(), AwsAccountError> {
        if self.caller.partition() == partition { Ok(()) } else { Err(self.another("partition", partition)) }
    }

    fn another(&self, what: &'static str, expected: &str) -> AwsAccountError {
        AwsAccountError::Another { arn: self.caller.arn.clone(), what, expected: expected.to_owned() }
    }

    /// A failed call, about something. Where the caller lacks a permission, it is named.
    #[must_use]
    pub fn failed(&self, what: &str, failure: &AwsFailure) -> AwsAccountError {
        AwsAccountError::Call(explained(&self.caller, what, failure))
    }
}

/// What a failed call means to the caller.
#[must_use]
pub fn explained(caller: &CallerIdentity, what: &str, failure: &AwsFailure) -> String {
    let AwsFailure { service, operation, kind, .. } = failure;
    if *kind != FailureKind::Denied {
        return format!("{what}: {failure}");
    }
    let arn = &caller.arn;
    format!("{what}: {arn} is not allowed {service}:{operation}; allow it, or use an administrator of the account")
}
