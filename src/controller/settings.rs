//! The settings of the controllers, and the flags that give them.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

mod shard;
mod value;

use std::time::Duration;

use clap::ArgAction;

pub use self::shard::Shard;
pub use self::value::Namespaces;
pub(crate) use self::value::namespace;

/// The settings of the controllers: part of the command line of `run`.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Controllers")]
pub struct ControllerSettings {
    /// Name of this cluster in role tags, trust and session tags [default: the UID of namespace kube-system]
    ///
    /// Ownership of IAM roles depends on it: two clusters must not share a name, and a changed name makes the operator
    /// treat its roles as somebody else's. 1 to 256 letters, digits and _.:/=+-@, as in a tag value of IAM.
    #[arg(
        long,
        env = "CROSSACCOUNT_CLUSTER_NAME",
        value_name = "NAME",
        value_parser = value::cluster_name
    )]
    pub cluster_name: Option<String>,

    /// Namespaces to reconcile, separated by commas; * for all
    #[arg(long, env = "CROSSACCOUNT_WATCH_NAMESPACES", value_name = "NAMESPACES", default_value_t = Namespaces::All)]
    pub watch_namespaces: Namespaces,

    /// The part of the objects that this process reconciles: its number, from 0, and how many parts there are [default:
    /// all]
    ///
    /// A hash of the namespace decides for CrossAccountRoles, and one of the account id for AWSAccounts, so every object
    /// is in exactly one part. Run one operator, or set of replicas, for each part; each part has its own leader lease.
    /// Stop all of them before you change how many there are. At most 256. Example: 0/2 here and 1/2 there.
    #[arg(long, env = "CROSSACCOUNT_SHARD", value_name = "NUMBER/COUNT")]
    pub shard: Option<Shard>,

    /// How many objects are reconciled at once, at least 1
    ///
    /// One AWS account has at most a quarter of them. Objects that wait for AWS or the API server longer than two seconds do
    /// not count.
    #[arg(
        long,
        env = "CROSSACCOUNT_CONCURRENCY",
        value_name = "COUNT",
        default_value_t = 64,
        value_parser = clap::value_parser!(u16).range(1..)
    )]
    pub concurrency: u16,

    /// Interval of the drift check, which compares each role with AWS even if nothing changed in Kubernetes: 90s, 30m, 1h
    ///
    /// At least 1s. Jittered per account, so that accounts are not read all at once.
    #[arg(
        long,
        env = "CROSSACCOUNT_DRIFT_INTERVAL",
        value_name = "DURATION",
        default_value = "1h",
        value_parser = value::interval
    )]
    pub drift_interval: Duration,

    /// IAM ARN of the operator's own role or user, for trust policies [default: looked up in AWS]
    ///
    /// Needed only if the operator's role has a path and the operator may not call iam:GetRole on itself: the ARN of a role
    /// session does not show the path. Example: arn:aws:iam::111111111111:role/platform/crossaccount-operator
    #[arg(
        long,
        env = "CROSSACCOUNT_PRINCIPAL_ARN",
        value_name = "ARN",
        value_parser = value::principal_arn
    )]
    pub principal_arn: Option<String>,

    /// After each change of a trust policy, prove that the role cannot be assumed without its ExternalId
    ///
    /// The attempt shows as AccessDenied in CloudTrail of the role's account. Set it to false if alarms watch for that.
    #[arg(
        long,
        env = "CROSSACCOUNT_EXTERNAL_ID_SELF_TEST",
        value_name = "BOOL",
        action = ArgAction::Set,
        default_value_t = true
    )]
    pub external_id_self_test: bool,

    /// After each renewal, annotate the running pods that mount the Secret, so that they see the new credentials at once
    ///
    /// The kubelet brings a changed Secret to a pod within about 90 seconds, and within about a second if the pod changes, too.
    /// One annotation is written to each pod and set: iam.crossaccount.dev/credentials-issued-at. The operator needs the
    /// permission to patch pods.
    #[arg(
        long,
        env = "CROSSACCOUNT_NUDGE_PODS",
        value_name = "BOOL",
        action = ArgAction::Set,
        default_value_t = false
    )]
    pub nudge_pods: bool,
}
