//! The agent as a process, as it would run in a pod.

use std::{
    env,
    path::{Path, PathBuf},
    process::{ExitStatus, Output},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::{
    guard::{self, Guarded},
    http,
    log_file::LogFile,
    shipped_program,
};

/// Where the agent serves credentials.
pub const PATH: &str = "/v1/credentials";

/// The agent.
pub fn program() -> Result<PathBuf> {
    shipped_program("crossaccount-agent")
}

/// Runs the agent to its end.
pub async fn run(arguments: &[&str]) -> Result<Output> {
    Ok(Command::new(program()?).args(arguments).env_clear().output().await?)
}

/// A running `crossaccount-agent serve`. Ends when dropped, or with this process.
#[derive(Debug)]
pub struct Agent {
    process: Guarded,
    endpoint: String,
}

impl Agent {
    /// Starts it on a free port, and waits until it listens.
    pub async fn start(arguments: &[&str]) -> Result<Self> {
        let folder = guard::scratch("agent")?;
        let mut command = guard::command(program()?);
        command
            .args(["serve", "--http-addr=127.0.0.1:0", "--log-format=json", "--log-level=debug"])
            .args(arguments)
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default());
        let mut process = Guarded::spawn("agent", &folder, command)?;
        let log = process.log().clone();
        let address = process.ready(async || address(&log.read()).context("it has not named its port")).await?;
        Ok(Self { process, endpoint: format!("http://{address}") })
    }

    /// Starts it with this set, and lets it make a token file.
    pub async fn with_token(credentials: &Path, token: &Path) -> Result<Self> {
        let (credentials, token) = (credentials.display(), token.display());
        let files = [format!("--credentials-file={credentials}"), format!("--token-file={token}")];
        Self::start(&[&files[0], &files[1], "--create-token-file=true"]).await
    }

    /// Where credentials are: the value of `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    pub fn credentials_uri(&self) -> String {
        self.at(PATH)
    }

    /// The URL of a path.
    pub fn at(&self, path: &str) -> String {
        format!("{}{path}", self.endpoint)
    }

    /// Address and port.
    pub fn address(&self) -> &str {
        self.endpoint.trim_start_matches("http://")
    }

    /// Asks for credentials with this `Authorization` header. Gives the status and the body, which is always JSON.
    pub async fn ask(&self, authorization: Option<&str>) -> Result<(u16, Value)> {
        let (status, body) = http::get_as(&self.credentials_uri(), authorization).await?;
        Ok((status, serde_json::from_str(&body).with_context(|| format!("{status}: {body}"))?))
    }

    /// What it logs: a JSON object a line.
    pub fn log(&self) -> &LogFile {
        self.process.log()
    }

    /// Sends SIGTERM and waits for the end.
    pub async fn stop(mut self) -> Result<ExitStatus> {
        self.process.signal("TERM")?;
        self.process.wait().await
    }
}

/// The address in the line that announces the server.
fn address(log: &str) -> Option<String> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["message"] == "agent listening")
        .and_then(|line| Some(line["addr"].as_str()?.to_owned()))
}

/// Says that a run failed, printed nothing, and gives what it said.
pub fn refused(output: &Output) -> Result<String> {
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "it succeeded: {told}");
    ensure!(output.stdout.is_empty(), "it printed {:?}", String::from_utf8_lossy(&output.stdout));
    Ok(told)
}
