//! The flags of `import`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use clap::{Args, ValueEnum};

use crate::api::Lifecycle;
use crate::cli::cluster::args::NamespaceArgs;
use crate::domain::RoleArn;
use crate::domain::kubernetes::is_object_name;

/// The long help of the command.
pub const ABOUT: &str = "\
Prints a CrossAccountRole for an IAM role that exists.

The command reads the role with the AWS credentials at hand, which must be of the account of the role, and changes
nothing. The manifest has the role's description, longest session, policies, tags, and its trust policy as far as spec.trust
can say it. Comments at its top, and lines on standard error, name everything that it does not say, and every guardrail of
the AWSAccount that refuses it.

Begin with the lifecycle observe. The operator then only reads, and lists in status.plannedChanges what Adopt would change.

The AWS credentials need iam:GetRole, iam:ListRolePolicies, iam:GetRolePolicy and iam:ListAttachedRolePolicies on the role.
In the cluster you need the right to list AWSAccounts, or with --account to get one. Without --account the command takes the
AWSAccount whose accountId is that of the role. With --account it works without a cluster, and then does not judge
guardrails.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount import arn:aws:iam::222222222222:role/reports-legacy > role.yaml
  kubectl crossaccount import arn:aws:iam::222222222222:role/reports-legacy -n analytics --name reports | kubectl apply -f -
  kubectl crossaccount import arn:aws:iam::222222222222:role/reports-legacy --account analytics-prod --lifecycle adopt";

/// The arguments of `import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// ARN of the role, with its path
    #[arg(value_name = "ROLE-ARN", value_parser = role_arn)]
    pub role: RoleArn,

    /// Name of the CrossAccountRole [default: the name of the role, as Kubernetes takes it]
    #[arg(long, value_name = "NAME", value_parser = object_name)]
    pub name: Option<String>,

    /// Name of the AWSAccount [default: the one whose accountId is that of the role]
    #[arg(long, value_name = "NAME", value_parser = object_name)]
    pub account: Option<String>,

    /// Lifecycle of the CrossAccountRole
    #[arg(long, value_name = "LIFECYCLE", value_enum, default_value_t = ImportLifecycle::Observe)]
    pub lifecycle: ImportLifecycle,

    /// Name of the cluster, as the operator has it in --cluster-name [default: the UID of namespace kube-system]
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// Where the object is to be.
    #[command(flatten)]
    pub place: NamespaceArgs,
}

/// What the operator may do with the role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ImportLifecycle {
    /// It reads and assumes the role, and never writes
    Observe,
    /// It makes the role as declared, and never deletes it
    Adopt,
}

impl From<ImportLifecycle> for Lifecycle {
    fn from(lifecycle: ImportLifecycle) -> Self {
        match lifecycle {
            ImportLifecycle::Observe => Self::Observe,
            ImportLifecycle::Adopt => Self::Adopt,
        }
    }
}

fn role_arn(text: &str) -> Result<RoleArn, String> {
    RoleArn::parse(text).map_err(|error| error.to_string())
}

fn object_name(text: &str) -> Result<String, String> {
    let wrong = || "write lowercase letters, digits, - and ., beginning and ending with a letter or digit".to_owned();
    is_object_name(text).then(|| text.to_owned()).ok_or_else(wrong)
}
