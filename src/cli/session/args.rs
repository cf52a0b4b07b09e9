//! The flags of `exec`, `env`, `credentials` and `profile`.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::cluster::args::NamespaceArgs;

/// The long help of `exec`.
pub const EXEC_ABOUT: &str = "\
Runs a command with the credentials of a role in its environment.

The plugin reads the Secret of the CrossAccountRole, for which you need the right to get Secrets. It sets
AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_CREDENTIAL_EXPIRATION, and AWS_REGION and
AWS_DEFAULT_REGION if the Secret names a region. It removes AWS_PROFILE and other variables that lead to other credentials.
It writes nothing to disk.

The command takes the place of the plugin, so its exit code is that of the command. The environment of a process does not
change: a command that runs longer than the credentials are valid needs a profile instead (see `profile`).";

/// Examples of `exec`.
pub const EXEC_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount exec reports-reader -- aws s3 ls
  kubectl crossaccount exec reports-reader -n analytics -- bash   # a shell with the credentials";

/// The long help of `env`.
pub const ENV_ABOUT: &str = "\
Prints the credentials of a role as variables for a shell.

The lines set the variables that `exec` sets, and remove those that `exec` removes. They contain the credentials: pass them
to eval, and not to a file.";

/// Examples of `env`.
pub const ENV_EXAMPLES: &str = "\
Examples:
  eval \"$(kubectl crossaccount env reports-reader)\"                   # bash, zsh and other POSIX shells
  kubectl crossaccount env reports-reader --shell fish | source";

/// The long help of `credentials`.
pub const CREDENTIALS_ABOUT: &str = "\
Prints the credentials of a role for credential_process of an AWS profile.

AWS SDKs and the AWS CLI run this command when they need credentials, and again before these expire. `profile` writes a
profile that does so. The output is one JSON document with Version, AccessKeyId, SecretAccessKey, SessionToken and
Expiration.";

/// Examples of `credentials`.
pub const CREDENTIALS_EXAMPLES: &str = "\
Examples:
  # In ~/.aws/config:
  [profile reports]
  credential_process = kubectl-crossaccount credentials reports-reader -n analytics";

/// The long help of `profile`.
pub const PROFILE_ABOUT: &str = "\
Writes an AWS profile that gets its credentials from the Secret of a role.

The profile has no credentials in it. It runs `kubectl-crossaccount credentials`, so this program must be in PATH. The
command first checks that you can read the credentials. It replaces the section of this profile and keeps the rest of the
file as it is. A section that it did not write is replaced only with --force.";

/// Examples of `profile`.
pub const PROFILE_EXAMPLES: &str = "\
Examples:
  kubectl crossaccount profile reports-reader -n analytics   # writes [profile analytics-reports-reader]
  aws s3 ls --profile analytics-reports-reader
  kubectl crossaccount profile reports-reader --profile reports --config ./aws-config";

/// Whose credentials.
#[derive(Debug, Args)]
pub struct SessionArgs {
    /// Name of the CrossAccountRole
    pub name: String,

    /// Where it is.
    #[command(flatten)]
    pub place: NamespaceArgs,
}

/// The arguments of `exec`.
#[derive(Debug, Args)]
pub struct ExecArgs {
    /// Whose credentials.
    #[command(flatten)]
    pub session: SessionArgs,

    /// The command and its arguments
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// The arguments of `env`.
#[derive(Debug, Args)]
pub struct EnvArgs {
    /// Whose credentials.
    #[command(flatten)]
    pub session: SessionArgs,

    /// Whose syntax the lines have
    #[arg(long, value_enum, default_value_t = Shell::Sh)]
    pub shell: Shell,
}

/// A syntax of shells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// POSIX shells, such as bash and zsh.
    Sh,
    /// fish.
    Fish,
}

/// The arguments of `profile`.
#[derive(Debug, Args)]
pub struct ProfileArgs {
    /// Whose credentials.
    #[command(flatten)]
    pub session: SessionArgs,

    /// Name of the profile: letters, digits and _ . - [default: <namespace>-<name>]
    #[arg(long, value_name = "NAME", value_parser = profile_name)]
    pub profile: Option<String>,

    /// The AWS configuration file [default: AWS_CONFIG_FILE, then ~/.aws/config]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Replace a section of this profile that this command did not write
    #[arg(long)]
    pub force: bool,
}

fn profile_name(text: &str) -> Result<String, String> {
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    if !text.is_empty() && text.bytes().all(letters) {
        return Ok(text.to_owned());
    }
    Err("write letters, digits and the characters _ . -".to_owned())
}
