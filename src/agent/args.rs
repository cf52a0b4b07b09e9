//! The agent's command line: every flag is also an environment variable `CROSSACCOUNT_<FLAG>`; the flag wins.
#![expect(clippy::doc_markdown, reason = "the comments of flags are the help text, where backticks are noise")]

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand};

use super::Loopback;
use crate::host::logs::{LogFilter, LogFormat};

const SERVE_ABOUT: &str = "\
Serves the mounted credentials over HTTP on loopback until SIGTERM or SIGINT.

It speaks the container-credentials protocol, which every AWS SDK and the AWS CLI know. Set for the program:
  AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1:9911/v1/credentials
  AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=<the file of --token-file, as the program's container sees it>

The credentials and the token are read anew for each request. Errors are JSON with code and message.
/healthz answers without a token; the subcommand check asks it.

Each flag can also be given as the environment variable shown with it. The flag wins over the variable.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "crossaccount-agent",
    version,
    about = "Hands the credentials of a CrossAccountRole to programs in its pod"
)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Prints the mounted credentials, for credential_process in an AWS configuration file
    ///
    /// Prints the file unchanged if it holds complete credentials that have not expired. Otherwise prints only an error
    /// and fails.
    CredentialProcess(CredentialsFile),

    /// Serves the mounted credentials over HTTP on loopback until SIGTERM or SIGINT
    #[command(long_about = SERVE_ABOUT)]
    Serve(Box<ServeArgs>),

    /// Succeeds if an agent serves on this address; for exec probes
    Check(HttpAddr),

    /// Copies this program to a path, for an init container
    Install {
        /// Target: a file in a volume that another container mounts
        path: PathBuf,
    },
}

/// Where the credentials are.
#[derive(Debug, Clone, clap::Args)]
pub struct CredentialsFile {
    /// The key credentials.json of the mounted Secret
    #[arg(
        long,
        env = "CROSSACCOUNT_CREDENTIALS_FILE",
        value_name = "PATH",
        default_value = "/var/run/secrets/aws/credentials.json"
    )]
    pub credentials_file: PathBuf,
}

/// Where the agent listens.
#[derive(Debug, Clone, clap::Args)]
pub struct HttpAddr {
    /// Loopback address to serve on
    ///
    /// Port 0 picks a free port; the log names it (agent listening, addr=...).
    #[arg(long, env = "CROSSACCOUNT_HTTP_ADDR", value_name = "ADDRESS:PORT", default_value = "127.0.0.1:9911")]
    pub http_addr: Loopback,
}

/// The flags of `serve`.
#[derive(Debug, Clone, clap::Args)]
pub struct ServeArgs {
    /// Where the credentials are.
    #[command(flatten)]
    pub credentials: CredentialsFile,

    /// Where to listen.
    #[command(flatten)]
    pub http: HttpAddr,

    /// File with the token that requests must carry in their Authorization header
    #[arg(long, env = "CROSSACCOUNT_TOKEN_FILE", value_name = "PATH")]
    pub token_file: Option<PathBuf>,

    /// Make the token file if it is not there, with a random token, readable by its owner and group
    ///
    /// For an emptyDir that the program's container mounts as well. An existing file is kept.
    #[arg(
        long,
        env = "CROSSACCOUNT_CREATE_TOKEN_FILE",
        value_name = "BOOL",
        action = ArgAction::Set,
        default_value_t = false
    )]
    pub create_token_file: bool,

    /// Serve without a token: every process of the pod can then get the credentials
    #[arg(
        long,
        env = "CROSSACCOUNT_ALLOW_UNAUTHENTICATED",
        value_name = "BOOL",
        action = ArgAction::Set,
        default_value_t = false
    )]
    pub allow_unauthenticated: bool,

    /// ARN of the role, to include in answers [default: none]
    #[arg(long, env = "CROSSACCOUNT_ROLE_ARN", value_name = "ARN")]
    pub role_arn: Option<String>,

    /// Form of the log lines on standard error
    #[arg(long, env = "CROSSACCOUNT_LOG_FORMAT", value_name = "FORMAT", value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug or trace, and target=level for one part, separated by commas
    #[arg(long, env = "CROSSACCOUNT_LOG_LEVEL", value_name = "FILTER", default_value = "info")]
    pub log_level: LogFilter,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_of_the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[test]
    fn the_defaults_are_the_documented_ones() {
        let Command::Serve(args) = Args::try_parse_from(["crossaccount-agent", "serve"]).unwrap().command else {
            panic!("parsed as another command");
        };
        let ServeArgs {
            credentials,
            http,
            token_file,
            create_token_file,
            allow_unauthenticated,
            role_arn,
            log_format,
            log_level: _,
        } = *args;
        assert_eq!(credentials.credentials_file.to_str(), Some("/var/run/secrets/aws/credentials.json"));
        assert_eq!(http.http_addr.to_string(), "127.0.0.1:9911");
        assert_eq!((token_file, role_arn), (None, None));
        assert!(!create_token_file && !allow_unauthenticated);
        assert_eq!(log_format, LogFormat::Text);
        assert!(SERVE_ABOUT.contains(&format!("http://{}{}\n", http.http_addr, crate::agent::PATH)));
    }

    #[test]
    fn every_flag_is_also_an_environment_variable_named_after_it() {
        let mut seen = 0;
        for command in Args::command().get_subcommands() {
            for arg in command.get_arguments() {
                let Some(long) = arg.get_long() else { continue };
                let expected = format!("CROSSACCOUNT_{}", long.to_uppercase().replace('-', "_"));
                assert_eq!(arg.get_env().and_then(|env| env.to_str()), Some(expected.as_str()), "--{long}");
                seen += 1;
            }
        }
        assert_eq!(seen, 10);
    }
}
