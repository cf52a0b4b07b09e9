//! The flags of `unused`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use std::time::Duration;

use clap::Args;

use crate::cli::cluster::args::{NamespaceArgs, duration};
use crate::cli::output::Output;

/// The long help of the command.
pub const ABOUT: &str = "\
Shows which services the role of an object may use and does not use, and the narrower policies to declare.

The command asks the operator for IAM's report on last accessed services. It needs no AWS credentials. The operator's
manager role needs iam:GenerateServiceLastAccessedDetails and iam:GetServiceLastAccessedDetails, which
`kubectl crossaccount bootstrap target` prints.

IAM counts every attempt to call a service, also one that was denied. It shows a call up to four hours late, and keeps 400
days. A policy that is narrower by this report may still be too narrow for work that is done once a year: read it before
you apply it.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount unused reports-reader
  kubectl crossaccount unused reports-reader --days 180   # keep what was used in the last 180 days
  kubectl crossaccount unused reports-reader -o json | jq '.services[] | select(.used | not)'";

/// A service counts as unused after this many days, if nothing else is asked for.
pub const DAYS: u16 = 90;

/// The arguments of `unused`.
#[derive(Debug, Args)]
pub struct UnusedArgs {
    /// Name of the CrossAccountRole
    pub name: String,

    /// Where it is.
    #[command(flatten)]
    pub place: NamespaceArgs,

    /// A service counts as unused if the role did not call it for this many days
    #[arg(long, value_name = "NUMBER", default_value_t = DAYS, value_parser = clap::value_parser!(u16).range(1..=400))]
    pub days: u16,

    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// How long to wait for the report, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub timeout: Duration,
}
