//! `kubectl crossaccount exec`, `env`, `credentials` and `profile`: a person works with the credentials of a role.
//!
//! The credentials are in the Secret that the status of the object names. They are never written to disk, and never are a
//! part of an [`Outcome`], which can be printed for debugging.

pub mod args;
mod error;
mod object;
mod profile;
mod read;
mod variables;

use std::os::unix::process::CommandExt as _;
use std::process::{Command, ExitCode};

pub use self::error::SessionError;

use self::args::{EnvArgs, ExecArgs, ProfileArgs, SessionArgs};
use self::object::Object;
use self::profile::{Profile, command_line};
use self::read::Session;
use super::cluster::args::NamespaceArgs;
use super::cluster::{Cluster, ClusterError, context};
use super::outcome::{Outcome, print};
use super::{progress, runtime};
use crate::decide::credentials::secret::process_json;
use crate::domain::SecretText;

/// Runs a command in place of this program. Returns only if that is not possible.
pub fn exec(args: ExecArgs) -> Result<Outcome, SessionError> {
    let ExecArgs { session, command } = args;
    let (_, session) = open(session)?;
    let mut words = command.into_iter();
    let program = words.next().unwrap_or_default(); // the command line has at least one
    let mut command = Command::new(&program);
    for name in variables::MISLEADING {
        command.env_remove(name);
    }
    for (name, value) in variables::variables(&session) {
        command.env(name, value.expose());
    }
    let source = command.args(words).exec();
    Err(SessionError::Run { program: program.to_string_lossy().into_owned(), source })
}

/// Prints variables for a shell.
pub fn env(args: EnvArgs) -> Result<Outcome, SessionError> {
    let (_, session) = open(args.session)?;
    show(&variables::lines(&session, args.shell))
}

/// Prints the format of `credential_process`.
pub fn credentials(args: SessionArgs) -> Result<Outcome, SessionError> {
    let (_, session) = open(args)?;
    show(&process_json(&session.credentials))
}

/// Writes a profile.
pub fn profile(args: ProfileArgs) -> Result<Outcome, SessionError> {
    let ProfileArgs { session, profile, config, force } = args;
    let connection = session.place.connection.clone();
    let (object, Session { region, .. }) = open(session)?;
    let name = profile.unwrap_or_else(|| format!("{}-{}", object.namespace, object.name));
    let command = command_line(&object, context(&connection)?.as_deref(), connection.kubeconfig.as_deref())?;
    let file = profile::file(config)?;
    profile::write(&file, &Profile { name: name.clone(), region, command }, force)?;
    let text = format!(
        "{} has profile {name}. This command tries it: aws sts get-caller-identity --profile {name}\n",
        file.display()
    );
    Ok(Outcome { text, code: ExitCode::SUCCESS })
}

/// Reads the session that the flags name.
fn open(args: SessionArgs) -> Result<(Object, Session), SessionError> {
    let SessionArgs { name, place: NamespaceArgs { connection, namespace } } = args;
    let opened = runtime::block_on(Box::pin(async {
        let cluster = Cluster::connect(connection).await?;
        let object = Object { namespace: cluster.namespace(namespace), name };
        let session = progress::shown("Reading the credentials", read::read(&cluster, &object)).await?;
        Ok((object, session))
    }));
    opened.map_err(ClusterError::Setup)?
}

/// Prints a secret text, and nothing else.
fn show(text: &SecretText) -> Result<Outcome, SessionError> {
    print(text.expose()).map_err(SessionError::Output)?;
    Ok(Outcome { text: String::new(), code: ExitCode::SUCCESS })
}
