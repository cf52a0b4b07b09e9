//! What the subcommands do.

use std::io::{self, Write as _};

use jiff::Timestamp;
use thiserror::Error;

use super::{
    answer::Authorization,
    args::{Command, CredentialsFile, HttpAddr, ServeArgs},
    check::{CheckError, check},
    install::{InstallError, install},
    mounted::{MountedSet, Unusable},
    serve::{ServeError, Server, Service},
    token::{TokenError, TokenFile},
};
use crate::host::{logs, shutdown};

/// Why the agent fails.
#[derive(Debug, Error)]
pub enum Error {
    /// There are no credentials to print.
    #[error(transparent)]
    Credentials(#[from] Unusable),
    /// They could not be printed.
    #[error("cannot write the credentials to standard output")]
    Output(#[source] io::Error),
    /// The command line says nothing of who may ask.
    #[error(
        "no authorization is configured; give --token-file, or --allow-unauthenticated=true to serve every process of \
         the pod"
    )]
    NoAuthorization,
    /// The command line says two things.
    #[error("--token-file and --allow-unauthenticated=true contradict each other; leave one out")]
    TwoAuthorizations,
    /// The token cannot be had.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The async runtime or the signal handlers could not be set up.
    #[error("cannot set up the process")]
    Setup(#[source] io::Error),
    /// Logs could not be set up.
    #[error("cannot set up the logs")]
    Logs(#[from] tracing_subscriber::util::TryInitError),
    /// The server.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// No agent serves.
    #[error(transparent)]
    Check(#[from] CheckError),
    /// The copy could not be made.
    #[error(transparent)]
    Install(#[from] InstallError),
}

/// Does what the command line says. Returns when it is done; errors are for the caller to print.
pub fn execute(command: Command) -> Result<(), Error> {
    match command {
        Command::CredentialProcess(CredentialsFile { credentials_file }) => {
            let set = MountedSet::read(&credentials_file, Timestamp::now())?;
            print(set.text.expose()).map_err(Error::Output)
        }
        Command::Serve(args) => {
            // One thread: there is nothing to do but to answer a few programs now and then.
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::Setup)?;
            runtime.block_on(serve(*args))
        }
        Command::Check(HttpAddr { http_addr }) => Ok(check(http_addr)?),
        Command::Install { path } => Ok(install(&path)?),
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

async fn serve(args: ServeArgs) -> Result<(), Error> {
    let ServeArgs {
        credentials: CredentialsFile { credentials_file },
        http: HttpAddr { http_addr },
        token_file,
        create_token_file,
        allow_unauthenticated,
        role_arn,
        log_format,
        log_level,
    } = args;
    logs::init(log_format, &log_level)?;
    let authorization = match (token_file.map(TokenFile::new), allow_unauthenticated) {
        (Some(file), false) => {
            if create_token_file {
                file.create()?;
            }
            // A wrong path is an error at the start, and not for each program that asks later.
            file.read()?;
            Authorization::Token(file)
        }
        (None, true) => Authorization::Anybody,
        (None, false) => return Err(Error::NoAuthorization),
        (Some(_), true) => return Err(Error::TwoAuthorizations),
    };
    let shutdown = shutdown::on_signals().map_err(Error::Setup)?;
    let server = Server::bind(http_addr).await?;
    Ok(server.serve(Service { credentials_file, authorization, role_arn }, &shutdown).await?)
}
