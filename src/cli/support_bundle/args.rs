//! The flags of `support-bundle`.

use std::path::PathBuf;

use clap::Args;

use crate::api::OPERATOR_NAMESPACE;
use crate::cli::cluster::args::NamespaceArgs;

/// The long help of the command.
pub const ABOUT: &str = "\
Writes a file for a bug report: objects, Events, and the operator with its logs, without secrets.

The file has the CrossAccountRoles of one namespace or of all, the AWSAccounts that they name, their Events, what `status`
and `explain` say of them, and the operator's Deployments, pods, logs, leases, rights and admission policies.

Secrets are never read: only what surrounds them, such as names and annotations. Values of environment variables, of
annotations and of other fields are removed unless they are known to hold nothing secret, and so are external ids. Texts
and logs lose what looks like a key, a token or a password. Account ids, ARNs and names stay. README.txt in the file says
what each part is. Look through all of them before you send the file to anybody.

The command works with your own rights. What you may not read is named in MISSING.txt with the missing permission, and
the exit code is 0 all the same.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount support-bundle                              # the namespace of the context, and the operator
  kubectl crossaccount support-bundle -A --output bundle.tar.gz    # all namespaces
  kubectl crossaccount support-bundle -n analytics --operator-namespace aws";

/// The arguments of `support-bundle`.
#[derive(Debug, Args)]
pub struct SupportBundleArgs {
    /// Where the objects are.
    #[command(flatten)]
    pub place: NamespaceArgs,

    /// The objects of all namespaces
    #[arg(short = 'A', long, conflicts_with = "namespace", help_heading = "Cluster")]
    pub all_namespaces: bool,

    /// Namespace of the operator
    #[arg(long, value_name = "NAMESPACE", default_value = OPERATOR_NAMESPACE, help_heading = "Cluster")]
    pub operator_namespace: String,

    /// The file to write [default: crossaccount-support-<time>.tar.gz]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Replace the file if there is one
    #[arg(long)]
    pub force: bool,
}
