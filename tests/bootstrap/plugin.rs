//! The plugin as a program, and other programs beside it, each with nothing of the developer's own settings.

use std::{env, path::Path, process::Output};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use lab::{aws::Account, emulator::REGION, guard::scratch, shipped_program};

/// What a program did.
#[derive(Debug)]
pub struct Printed {
    pub code: Option<i32>,
    pub out: String,
    pub errors: String,
}

impl Printed {
    /// What it wrote to standard output, if it succeeded.
    pub fn succeeded(self) -> Result<String> {
        ensure!(self.code == Some(0), "it failed: {self:?}");
        Ok(self.out)
    }
}

/// The settings of AWS for the administrator of an account.
pub fn administrator_of(account: &Account, endpoint: &str) -> Vec<(String, String)> {
    let keys = account.administrator();
    settings(endpoint, keys.access_key_id(), keys.secret_access_key())
}

/// The settings of AWS for a key.
pub fn settings(endpoint: &str, key: &str, secret: &str) -> Vec<(String, String)> {
    let settings = [
        ("AWS_ENDPOINT_URL", endpoint),
        ("AWS_REGION", REGION),
        ("AWS_DEFAULT_REGION", REGION),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
    ];
    settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Runs `kubectl crossaccount bootstrap` with these words.
pub async fn bootstrap(words: &[String], environment: &[(String, String)]) -> Result<Printed> {
    let mut command = Command::new(shipped_program("kubectl-crossaccount")?);
    command.arg("bootstrap").args(words);
    run(command, environment).await
}

/// Runs a program to its end.
pub async fn run(mut command: Command, environment: &[(String, String)]) -> Result<Printed> {
    let home = scratch("bootstrap")?;
    let shown = format!("{:?}", command.as_std());
    let path = command.as_std().get_envs().find(|(name, _)| *name == "PATH").and_then(|(_, value)| value);
    let path = path.map_or_else(|| env::var_os("PATH").unwrap_or_default(), ToOwned::to_owned);
    command.env_clear().env("PATH", path).env("HOME", &home).env("AWS_EC2_METADATA_DISABLED", "true");
    command.envs(environment.iter().map(|(name, value)| (name, value))).kill_on_drop(true);
    let Output { status, stdout, stderr } = command.output().await.with_context(|| format!("cannot run {shown}"))?;
    Ok(Printed {
        code: status.code(),
        out: String::from_utf8_lossy(&stdout).into_owned(),
        errors: String::from_utf8_lossy(&stderr).into_owned(),
    })
}

/// Writes a file to a folder of its own, which this process removes at its end.
pub fn file(name: &str, text: &str) -> Result<std::path::PathBuf> {
    let path = scratch("bootstrap")?.join(name);
    std::fs::write(&path, text)?;
    Ok(path)
}

/// A program of a folder.
pub fn program(folder: &Path, name: &str) -> Command {
    Command::new(folder.join(name))
}
