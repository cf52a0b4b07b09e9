//! The flags of `bootstrap`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use clap::{Args, Subcommand, ValueEnum};

use super::value;
use crate::decide::bootstrap::ServiceAccount;
use crate::domain::Partition;

/// The long help of the command.
pub const ABOUT: &str = "\
Prints what an AWS account needs before the operator can work in it, or checks that it has it.

Three kinds of account take part:
  target    owns resources; the operator manages roles in it under one path
  source    has users, groups and roles that are given permission to assume those roles (spec.sourceGrants)
  operator  has the operator's own identity

Nothing is changed in AWS: apply what is printed, then run bootstrap check with the same flags as an administrator of
the account.";

/// Examples of its use.
pub const EXAMPLES: &str = "\
Examples:
  # For a CloudFormation stack, or a StackSet over many accounts
  kubectl crossaccount bootstrap target --operator-arn arn:aws:iam::111111111111:role/crossaccount-operator \\
      --external-id 7d1f0a > target.yaml

  # For Terraform
  kubectl crossaccount bootstrap source --operator-arn arn:aws:iam::111111111111:role/crossaccount-operator \\
      --external-id 7d1f0a --grantee arn:aws:iam::333333333333:user/deployer --format terraform > source.tf

  # The operator's own role, by IAM roles for service accounts
  kubectl crossaccount bootstrap operator --account 222222222222 --account 333333333333 --oidc-provider-arn \\
      arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE

  # What differs in the account of the AWS credentials at hand
  kubectl crossaccount bootstrap check target --operator-arn arn:aws:iam::111111111111:role/crossaccount-operator \\
      --external-id 7d1f0a";

const TARGET_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount bootstrap target --operator-arn arn:aws:iam::111111111111:role/crossaccount-operator \\
      --external-id 7d1f0a > target.yaml
  aws cloudformation deploy --stack-name crossaccount --template-file target.yaml --capabilities CAPABILITY_NAMED_IAM";

const SOURCE_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount bootstrap source --operator-arn arn:aws:iam::111111111111:role/crossaccount-operator \\
      --external-id 7d1f0a --grantee arn:aws:iam::333333333333:user/deployer --format terraform > source.tf";

const OPERATOR_EXAMPLES: &str = "\
Examples:
  # By EKS Pod Identity
  kubectl crossaccount bootstrap operator --account 222222222222 --pod-identity > operator.yaml

  # By IAM roles for service accounts
  kubectl crossaccount bootstrap operator --account 222222222222 --oidc-provider-arn \\
      arn:aws:iam::111111111111:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE";

const CHECK_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount bootstrap check target --operator-arn arn:aws:iam::111111111111:role/crossaccount-operator \\
      --external-id 7d1f0a
  kubectl crossaccount bootstrap check source --operator-arn arn:aws:iam::111111111111:role/crossaccount-operator \\
      --external-id 7d1f0a --grantee arn:aws:iam::333333333333:user/deployer
  kubectl crossaccount bootstrap check operator --account 222222222222 --pod-identity";

const CHECK_ABOUT: &str = "\
Compares the account of the AWS credentials at hand with what bootstrap prints for the same flags.

Prints one line for everything that is missing, too wide or different, and for everything that could not be read. The
exit code is 0 if there is nothing, and 1 otherwise. Policies are compared by what they allow and deny, however it is
spread over statements and policies. Nothing is changed in AWS.";

/// The arguments of `bootstrap`.
#[derive(Debug, Args)]
pub struct BootstrapArgs {
    /// What to print or check.
    #[command(subcommand)]
    pub command: BootstrapCommand,
}

/// The subcommands of `bootstrap`.
#[derive(Debug, Subcommand)]
pub enum BootstrapCommand {
    /// Prints the manager role and the permissions boundary of an account that owns resources
    #[command(after_long_help = TARGET_EXAMPLES)]
    Target(Print<TargetArgs>),
    /// Prints the manager role of an account whose users, groups and roles are given permission to assume roles
    #[command(after_long_help = SOURCE_EXAMPLES)]
    Source(Print<SourceArgs>),
    /// Prints the operator's own role or user
    #[command(after_long_help = OPERATOR_EXAMPLES)]
    Operator(Print<OperatorArgs>),
    /// Compares an account with what is printed, by the AWS credentials at hand
    #[command(long_about = CHECK_ABOUT, after_long_help = CHECK_EXAMPLES)]
    Check {
        /// What to check.
        #[command(subcommand)]
        command: CheckCommand,
    },
}

/// The subcommands of `bootstrap check`.
#[derive(Debug, Subcommand)]
pub enum CheckCommand {
    /// Checks an account that owns resources
    #[command(after_long_help = CHECK_EXAMPLES)]
    Target(Check<TargetArgs>),
    /// Checks an account whose users, groups and roles are given permission to assume roles
    #[command(after_long_help = CHECK_EXAMPLES)]
    Source(Check<SourceArgs>),
    /// Checks the operator's own role or user
    #[command(after_long_help = CHECK_EXAMPLES)]
    Operator(Check<OperatorArgs>),
}

/// The flags of a setup that is printed.
#[derive(Debug, Args)]
pub struct Print<T: Args> {
    /// The setup.
    #[command(flatten)]
    pub setup: T,

    /// Form of what is printed
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Cloudformation)]
    pub format: Format,

    /// Id of the account; json needs it [default: found out by CloudFormation, Terraform or the script]
    #[arg(long, value_name = "ID", value_parser = value::account)]
    pub account_id: Option<String>,
}

/// The flags of a setup that is checked.
#[derive(Debug, Args)]
pub struct Check<T: Args> {
    /// The setup.
    #[command(flatten)]
    pub setup: T,

    /// Id of the account: fail if the AWS credentials are of another one
    #[arg(long, value_name = "ID", value_parser = value::account)]
    pub account_id: Option<String>,
}

/// In which form a setup is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A template in YAML; fit for StackSets
    Cloudformation,
    /// Resources in HCL
    Terraform,
    /// A script for bash and the AWS CLI, which may be run again
    Cli,
    /// The policy documents alone
    Json,
}

/// Who may become a manager.
#[derive(Debug, Args)]
pub struct ManagerArgs {
    /// ARN of the user or role that the operator is
    #[arg(long, value_name = "ARN", value_parser = value::operator_arn)]
    pub operator_arn: String,

    /// What the operator presents when it assumes the manager role: spec.access.chain[].externalId of the AWSAccount
    #[arg(long, value_name = "ID", value_parser = value::external_id)]
    pub external_id: String,

    /// Name of the manager role
    #[arg(long, value_name = "NAME", value_parser = value::role_name, default_value = "crossaccount-manager")]
    pub manager_name: String,
}

/// The flags of an account that owns resources.
#[derive(Debug, Args)]
pub struct TargetArgs {
    /// Who may become the manager.
    #[command(flatten)]
    pub manager: ManagerArgs,

    /// Name of the permissions boundary, a managed policy
    #[arg(long, value_name = "NAME", value_parser = value::policy_name, default_value = "crossaccount-boundary")]
    pub boundary_name: String,

    /// Path of the roles that the operator manages: spec.guardrails.rolePath of the AWSAccount
    #[arg(long, value_name = "PATH", value_parser = value::role_path, default_value = "/crossaccount/")]
    pub role_path: String,

    /// Limit the manager to the roles of this cluster, as named by --cluster-name of the operator [default: no limit]
    ///
    /// It can then make roles with the tag crossaccount.dev/cluster of this value only, and change roles that have it.
    /// A role without the tag can be adopted; one that has the tag of another cluster cannot.
    #[arg(long, value_name = "NAME", value_parser = value::cluster)]
    pub cluster: Option<String>,

    /// Let the manager make roles without a boundary, and take boundaries off: for spec.guardrails.allowUnbounded
    #[arg(long)]
    pub allow_unbounded: bool,
}

/// The flags of an account whose users, groups and roles are given permission.
#[derive(Debug, Args)]
pub struct SourceArgs {
    /// Who may become the manager.
    #[command(flatten)]
    pub manager: ManagerArgs,

    /// ARN of a user, group or role that may be given permission; repeat it for more
    ///
    /// IAM has no condition on what an inline policy allows. An attacker who takes over the operator can give these
    /// principals any permission within their permissions boundary: leave administrators out.
    #[arg(long = "grantee", value_name = "ARN", value_parser = value::grantee, required = true)]
    pub grantees: Vec<String>,
}

/// The flags of the operator's own identity.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("login").required(true).args(["oidc_provider_arn", "pod_identity", "user"])))]
pub struct OperatorArgs {
    /// Id of an account that the operator works in, as target or source; repeat it for more
    #[arg(long = "account", value_name = "ID", value_parser = value::account, required = true)]
    pub accounts: Vec<String>,

    /// ARN of another role that the operator may assume; repeat it for more
    ///
    /// Give it for each role outside of the path that is observed or adopted, and for the first role of a chain that does
    /// not begin with a manager.
    #[arg(long = "also-assume", value_name = "ARN", value_parser = value::role_arn)]
    pub also_assume: Vec<String>,

    /// ARN of the cluster's OIDC provider in IAM: a role for IAM roles for service accounts
    #[arg(long, value_name = "ARN", value_parser = value::oidc_provider)]
    pub oidc_provider_arn: Option<String>,

    /// A role for EKS Pod Identity
    #[arg(long)]
    pub pod_identity: bool,

    /// A user, for clusters outside of AWS; make its access key by hand
    #[arg(long)]
    pub user: bool,

    /// Service account of the operator's pod
    #[arg(
        long,
        value_name = "NAMESPACE/NAME",
        value_parser = value::service_account,
        default_value = "crossaccount-system/crossaccount-operator"
    )]
    pub service_account: ServiceAccount,

    /// Name of the operator's role or user
    #[arg(long, value_name = "NAME", value_parser = value::role_name, default_value = "crossaccount-operator")]
    pub operator_name: String,

    /// Name of the manager role in those accounts
    #[arg(long, value_name = "NAME", value_parser = value::role_name, default_value = "crossaccount-manager")]
    pub manager_name: String,

    /// Path of the roles that the operator manages in those accounts
    #[arg(long, value_name = "PATH", value_parser = value::role_path, default_value = "/crossaccount/")]
    pub role_path: String,

    /// AWS partition of all accounts
    #[arg(long, value_name = "PARTITION", value_parser = value::partition, default_value = "aws")]
    pub partition: Partition,
}
