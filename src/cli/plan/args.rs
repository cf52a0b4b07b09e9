//! The flags of `plan`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use std::path::PathBuf;

use clap::Args;

use crate::cli::cluster::args::NamespaceArgs;

/// The long help of the command.
pub const ABOUT: &str = "\
Shows what a declaration would change in AWS, before it is applied.

With -f the API server checks the declaration by a dry run, and the command checks permission and guardrails by the
operator's own rules. It then compares the declaration with the present object: the operator keeps the role as that
object declares it. Without --live the command makes no call to AWS and needs no AWS credentials, so it does not see what
somebody changed in AWS since the operator looked.

With NAME it says whether AWS is as the present object declares, by what the operator reports. For an object with
lifecycle Observe, it lists what Create or Adopt would change; the operator has read that from AWS.

With --live the command reads the role itself, with the AWS credentials at hand, and plans as the operator does. They must be
of the account of the role, with iam:GetRole, iam:ListRolePolicies, iam:GetRolePolicy and
iam:ListAttachedRolePolicies. It also needs the name of the cluster, as `--cluster-name` or by reading the namespace
kube-system.

You need the rights to get the object and its AWSAccount, and with -f those to create or update the object.

The exit code is 0 if nothing would change, 2 if something would, and 1 if the declaration is refused or the command
fails.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount plan -f role.yaml
  git show HEAD:role.yaml | kubectl crossaccount plan -f -
  kubectl crossaccount plan reports-reader
  kubectl crossaccount plan reports-reader --live   # what somebody changed in AWS since the operator looked";

/// The arguments of `plan`.
#[derive(Debug, Args)]
pub struct PlanArgs {
    /// Name of a CrossAccountRole that is there
    #[arg(required_unless_present = "filename")]
    pub name: Option<String>,

    /// File with one CrossAccountRole in YAML or JSON; - is standard input
    #[arg(short, long, value_name = "FILE", conflicts_with = "name")]
    pub filename: Option<PathBuf>,

    /// Compare with the role in AWS, read with the AWS credentials at hand
    #[arg(long)]
    pub live: bool,

    /// Name of the cluster in the tags of its roles, as the operator has it [default: the UID of namespace kube-system]
    #[arg(long, value_name = "NAME", requires = "live")]
    pub cluster_name: Option<String>,

    /// Where the object is.
    #[command(flatten)]
    pub place: NamespaceArgs,
}
