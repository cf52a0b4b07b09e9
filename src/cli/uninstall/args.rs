//! The flags of `uninstall`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use std::time::Duration;

use clap::Args;

use crate::api::OPERATOR_NAMESPACE;
use crate::cli::cluster::args::{ConnectionArgs, duration};

/// Examples, for the long help.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount uninstall                   # what there is, and what would become of it; changes nothing
  kubectl crossaccount uninstall --delete          # deletes the objects and waits until the operator cleaned up in AWS
  kubectl crossaccount uninstall --leave-in-aws    # after the operator is gone: nothing waits for it any more";

/// What becomes of the objects.
#[derive(Debug, Args)]
pub struct UninstallArgs {
    /// The cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,

    /// Delete all CrossAccountRoles, then all AWSAccounts, and wait until the operator has cleaned up
    #[arg(long, conflicts_with = "leave_in_aws")]
    pub delete: bool,

    /// Remove the finalizers of all objects, so that they can be deleted without an operator
    ///
    /// What the operator made in AWS stays there. The command lists it. It refuses while an operator runs, which would
    /// put the finalizers back.
    #[arg(long)]
    pub leave_in_aws: bool,

    /// How long --delete waits, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = duration)]
    pub timeout: Duration,

    /// Namespace of the operator, where its lease is
    #[arg(long, value_name = "NAMESPACE", default_value = OPERATOR_NAMESPACE)]
    pub operator_namespace: String,
}
