//! The flags of `graph`.

use clap::{Args, ValueEnum};

use crate::cli::cluster::args::NamespaceArgs;

/// The long help of the command.
pub const ABOUT: &str = "\
Draws who can reach what: namespaces, workloads and their Secrets, principals that are trusted or granted, the roles, and
what their policies allow.

It is drawn from what the objects declare and what their status reports. What a policy allows may still be limited by a
permissions boundary, a session policy, a policy of the resource or of the organization. Wildcards and rights over rights
(such as changes of IAM) are marked.

The page of `-o html` is one file that needs no network and no server.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount graph -A -o html > access.html            # a page to click through
  kubectl crossaccount graph -n analytics -o mermaid             # for Markdown
  kubectl crossaccount graph -A | dot -Tsvg > access.svg         # with Graphviz
  kubectl crossaccount graph -A -o json | jq -r '.nodes | to_entries[] | select(.value.marks | index(\"Admin\")) | .key'";

/// What a graph is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Form {
    /// For Graphviz
    Dot,
    /// For Markdown on a forge
    Mermaid,
    /// For programs
    Json,
    /// A page to click through
    Html,
}

/// The arguments of `graph`.
#[derive(Debug, Args)]
pub struct GraphArgs {
    /// Where the objects are.
    #[command(flatten)]
    pub place: NamespaceArgs,

    /// The objects of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace", help_heading = "Cluster")]
    pub all_namespaces: bool,

    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Form::Dot)]
    pub output: Form,
}
