//! The flags of `orphans`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use clap::{Args, Subcommand};

use crate::cli::cluster::args::ConnectionArgs;
use crate::cli::output::Output;
use crate::domain::RoleName;

/// The long help of the command.
pub const ABOUT: &str = "\
Lists roles in an AWS account whose CrossAccountRole is gone, takes them back, or deletes them.

An orphan is a role under spec.guardrails.rolePath of the AWSAccount whose tags name this cluster and a CrossAccountRole
that does not exist, for example because somebody removed a finalizer. The operator counts orphans and never changes them.

In the cluster you need the rights to get the AWSAccount, to list CrossAccountRoles in all namespaces, and to get namespace
kube-system, whose UID names the cluster in the tags (or give --cluster-name). The AWS credentials at hand must be of the
account. They need iam:ListRoles and iam:GetAccountAuthorizationDetails.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  kubectl crossaccount orphans list analytics-prod
  kubectl crossaccount orphans list analytics-prod -o json
  kubectl crossaccount orphans adopt analytics-prod analytics-reports-reader
  kubectl crossaccount orphans delete analytics-prod analytics-reports-reader analytics-writer";

const LIST_ABOUT: &str = "\
Lists the orphans of an account: ARN, the object that its tags name, when the role was created and last used, and whether
`orphans delete` may delete it. It may if the operator created the role; it never deletes one that was adopted.

Changes nothing. The exit code is 0 whether or not there are orphans.";

const ADOPT_ABOUT: &str = "\
Creates the CrossAccountRole of an orphan again, in the namespace and with the name of its tags, as the role is in AWS. The
operator takes the role back, because the tags say whose it is. The session, the Secret and source grants are not in AWS:
they get their defaults.

The command shows the manifest and asks on a terminal. Elsewhere it needs --yes. With --dry-run it prints the manifest and
changes nothing. Prefer the manifest in Git, if there is one: apply it instead.

You need the right to create CrossAccountRoles in that namespace. The namespace must exist.";

const DELETE_ABOUT: &str = "\
Deletes orphans that the operator created, with their policies, in the order in which the operator deletes a role.

The command reads role and object again just before, asks on a terminal, and needs --yes elsewhere. At the end it reads that
the role is gone. Permissions that source grants gave in other accounts are not touched. If one of several roles cannot be
deleted, the others are deleted all the same, and the exit code is 1.

The AWS credentials also need iam:GetRole, ListRolePolicies, GetRolePolicy, ListAttachedRolePolicies,
ListInstanceProfilesForRole, RemoveRoleFromInstanceProfile, DeleteRolePolicy, DetachRolePolicy and DeleteRole; and
PutRolePolicy and UpdateAssumeRolePolicy where a policy of the role denies something, since such a role is closed first. You
need the right to get CrossAccountRoles in the namespace of the tags.";

const LIST_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount orphans list analytics-prod
  kubectl crossaccount orphans list analytics-prod -o json | jq -r '.orphans[] | select(.deletable).roleName'";

const ADOPT_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount orphans adopt analytics-prod analytics-reports-reader --dry-run > role.yaml
  kubectl crossaccount orphans adopt analytics-prod analytics-reports-reader";

const DELETE_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount orphans delete analytics-prod analytics-reports-reader analytics-writer
  kubectl crossaccount orphans delete analytics-prod analytics-writer --yes   # in a script";

/// The arguments of `orphans`.
#[derive(Debug, Args)]
pub struct OrphansArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: OrphansCommand,
}

/// The subcommands of `orphans`.
#[derive(Debug, Subcommand)]
pub enum OrphansCommand {
    /// Lists roles whose CrossAccountRole is gone
    #[command(long_about = LIST_ABOUT, after_long_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Creates the CrossAccountRole of a role again
    #[command(long_about = ADOPT_ABOUT, after_long_help = ADOPT_EXAMPLES)]
    Adopt(AdoptArgs),
    /// Deletes roles that the operator created and whose CrossAccountRole is gone
    #[command(long_about = DELETE_ABOUT, after_long_help = DELETE_EXAMPLES)]
    Delete(DeleteArgs),
}

/// Where to look.
#[derive(Debug, Args)]
pub struct PlaceArgs {
    /// Name of the AWSAccount
    #[arg(value_name = "ACCOUNT")]
    pub account: String,

    /// Name of the cluster, as the operator has it in --cluster-name [default: the UID of namespace kube-system]
    #[arg(long, value_name = "NAME")]
    pub cluster_name: Option<String>,

    /// The cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// The arguments of `orphans list`.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Where to look.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Form of the output
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value_t = Output::Text)]
    pub output: Output,
}

/// The arguments of `orphans adopt`.
#[derive(Debug, Args)]
pub struct AdoptArgs {
    /// Where to look.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Name of the role
    #[arg(value_name = "ROLE-NAME", value_parser = role_name)]
    pub role: RoleName,

    /// Print the manifest, and create nothing
    #[arg(long)]
    pub dry_run: bool,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

/// The arguments of `orphans delete`.
#[derive(Debug, Args)]
pub struct DeleteArgs {
    /// Where to look.
    #[command(flatten)]
    pub place: PlaceArgs,

    /// Names of the roles
    #[arg(value_name = "ROLE-NAME", value_parser = role_name, required = true)]
    pub roles: Vec<RoleName>,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}

fn role_name(text: &str) -> Result<RoleName, String> {
    RoleName::parse(text).map_err(|error| error.to_string())
}
