//! The flags of `explain`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use clap::Args;

use crate::cli::cluster::args::NamespaceArgs;
use crate::cli::output::Output;

/// The long help of the command.
pub const ABOUT: &str = "\
Goes through every step from the declaration to the pods, and says which side is wrong.

The command reads the object, its AWSAccount, its namespace, the metadata of its Secret, and its Events, each with your
own rights. It judges permission and guardrails itself, and takes what happens in AWS from the operator's conditions. It
makes no call to AWS. A step that you may not see is marked with ?, and the missing permission is named.

The exit code is 1 if a step fails or waits for the operator, and 0 otherwise.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount explain reports-reader
  kubectl crossaccount explain reports-reader -n analytics -o json";

/// The arguments of `explain`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Name of the CrossAccountRole
    pub name: String,

    /// Where it is.
    #[command(flatten)]
    pub place: NamespaceArgs,

    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,
}
