//! The flags of `renew`, `revoke`, `suspend` and `resume`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use std::time::Duration;

use clap::{ArgAction, Args};

use crate::cli::cluster::args::{NamespaceArgs, duration};

/// Examples of `renew`.
pub const RENEW_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount renew reports-reader                # returns when the Secret holds new credentials
  kubectl crossaccount renew reports-reader --wait=false   # returns at once";

/// The long help of `revoke`.
pub const REVOKE_ABOUT: &str = "\
Ends all sessions of a role, also those of copied credentials, and asks for new ones.

The operator denies every session that was issued before. Programs that read the Secret go on when they
read the new credentials; a pod that mounts the Secret sees them about a minute later. Sessions of others who may assume
the role end, too.

On a terminal the command asks first. Elsewhere it needs --yes.";

/// Examples of `revoke`.
pub const REVOKE_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount revoke reports-reader
  kubectl crossaccount revoke reports-reader --yes   # in a script";

/// The long help of `suspend`.
pub const SUSPEND_ABOUT: &str = "\
Stops writes to AWS and renewals for an object; its credentials stay until they expire.

The command sets spec.suspend to true. If a GitOps tool manages this field, change it in Git instead: the tool sets it
back. Access that is no longer allowed is closed all the same.";

/// Examples of `suspend`.
pub const SUSPEND_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount suspend reports-reader";

/// Examples of `resume`.
pub const RESUME_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount resume reports-reader";

/// The arguments of a command that changes one object.
#[derive(Debug, Args)]
pub struct ChangeArgs {
    /// Name of the CrossAccountRole
    pub name: String,

    /// Where it is.
    #[command(flatten)]
    pub place: NamespaceArgs,

    /// Wait until the operator has done it
    #[arg(
        long, value_name = "BOOL", default_value_t = true, default_missing_value = "true", num_args = 0..=1,
        require_equals = true, action = ArgAction::Set
    )]
    pub wait: bool,

    /// How long to wait, such as 90s or 10m
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = duration)]
    pub timeout: Duration,
}

/// The arguments of `revoke`.
#[derive(Debug, Args)]
pub struct RevokeArgs {
    /// The object.
    #[command(flatten)]
    pub change: ChangeArgs,

    /// Do not ask
    #[arg(short, long)]
    pub yes: bool,
}
