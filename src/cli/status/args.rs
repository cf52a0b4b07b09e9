//! The flags of `status`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use clap::Args;

use crate::cli::cluster::args::NamespaceArgs;
use crate::cli::output::Output;

/// The long help of the command.
pub const ABOUT: &str = "\
Shows AWS accounts, the roles in them, their Secrets, grants and consumers, and what is wrong.

The command reads CrossAccountRoles and the AWSAccounts that they name. It needs no right to read Secrets: what it shows
of them is in the status of the objects. Where you may not read an AWSAccount, it names the missing permission and shows
the rest.

The exit code is 0 if every object shown is Ready for its present declaration, and 1 otherwise.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount status                        # the namespace of the context
  kubectl crossaccount status reports-reader         # one object
  kubectl crossaccount status -A --watch             # the whole cluster, drawn again on every change
  kubectl crossaccount status -o json | jq '.accounts[].roles[] | select(.health != \"ready\")'";

/// The arguments of `status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Name of one CrossAccountRole [default: all of the namespace]
    pub name: Option<String>,

    /// Where the objects are.
    #[command(flatten)]
    pub place: NamespaceArgs,

    /// The objects of all namespaces
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "name"], help_heading = "Cluster")]
    pub all_namespaces: bool,

    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// Show the objects again on every change, until you press Ctrl-C
    #[arg(short, long)]
    pub watch: bool,
}
