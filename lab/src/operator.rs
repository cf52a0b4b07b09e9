//! The operator as a process, as it would run in a pod: the built program, its own service account, signals to end it.

use std::{
    collections::BTreeMap,
    env,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitStatus,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sts::config::Credentials;
use jiff::SignedDuration;
use serde_json::Value;

use super::{
    emulator::REGION,
    guard::{self, Guarded},
    http,
    log_file::LogFile,
    script, shipped_program,
    wait::eventually,
};

/// What an operator is started with. The same settings may be started again and again, as a Deployment would.
#[derive(Debug, Clone)]
pub struct OperatorSettings {
    flags: Vec<String>,
    environment: BTreeMap<String, String>,
    program: Option<PathBuf>,
    quiet: bool,
}

impl OperatorSettings {
    /// As `deploy/` has it: all namespaces, one leader. `kubeconfig` says who it is in which cluster, `aws` is the endpoint,
    /// `base` its own keys.
    pub fn new(kubeconfig: &Path, aws: &str, base: &Credentials) -> Self {
        Self { flags: Vec::new(), environment: BTreeMap::new(), program: None, quiet: false }
            .flag("--http-addr=127.0.0.1:0")
            .flag("--log-format=json")
            .env("KUBECONFIG", kubeconfig.to_string_lossy())
            .env("AWS_REGION", REGION)
            // Without it the SDK would look for an instance's identity on a link-local address.
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .aws_endpoint(aws)
            .credentials(base)
    }

    /// Without flags but those by which the lab reads what it does.
    #[must_use]
    pub fn bare(&self) -> Self {
        let Self { environment, quiet, program, flags: _ } = self.clone();
        Self { flags: Vec::new(), environment, quiet, program }
            .flag("--http-addr=127.0.0.1:0")
            .flag("--log-format=json")
    }

    /// Adds a flag. The last one of a name is the one that counts.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Self {
        let flag = flag.into();
        let name = |flag: &str| flag.split('=').next().unwrap_or_default().to_owned();
        self.flags.retain(|earlier| name(earlier) != name(&flag));
        self.flags.push(flag);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    /// What an environment variable is set to.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// Sets no environment variable of this name.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.remove(name);
        self
    }

    /// Where AWS is: the emulator, or a proxy before it.
    #[must_use]
    pub fn aws_endpoint(self, url: &str) -> Self {
        self.env("AWS_ENDPOINT_URL", url)
    }

    /// Where AWS is real: at the endpoints of the SDK.
    #[must_use]
    pub fn real_aws(mut self) -> Self {
        self.environment.remove("AWS_ENDPOINT_URL");
        self
    }

    /// On a machine whose clock is ahead by this much, or behind by a negative one; in whole seconds.
    pub async fn clock_ahead(self, by: SignedDuration) -> Result<Self> {
        let library = script("clock.sh").await?.join("clock.so");
        Ok(self.env("LD_PRELOAD", library.to_string_lossy()).env("CLOCK_AHEAD", by.as_secs().to_string()))
    }

    /// The base identity.
    #[must_use]
    pub fn credentials(self, credentials: &Credentials) -> Self {
        let settings = self
            .no_credentials()
            .env("AWS_ACCESS_KEY_ID", credentials.access_key_id())
            .env("AWS_SECRET_ACCESS_KEY", credentials.secret_access_key());
        match credentials.session_token() {
            Some(token) => settings.env("AWS_SESSION_TOKEN", token),
            None => settings,
        }
    }

    /// No base identity at all.
    #[must_use]
    pub fn no_credentials(mut self) -> Self {
        self.environment.retain(|name, _| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SE"));
        self
    }

    /// Another program than the one that is shipped: an earlier version.
    #[must_use]
    pub fn program(mut self, file: &Path) -> Self {
        self.program = Some(file.to_owned());
        self
    }

    /// Does not print the end of its log at its end. Test runners show that for failed tests only, where it is welcome.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Starts the operator and waits until its admin endpoints answer. It may not be ready yet: see [`Operator::get`].
    pub async fn start(&self) -> Result<Operator> {
        let folder = guard::scratch("operator")?;
        let program = self.program.clone().map_or_else(|| shipped_program("crossaccount-operator"), Ok)?;
        let mut command = guard::command(program);
        command
            .arg("run")
            .args(&self.flags)
            // Nothing of the developer's own AWS and Kubernetes settings may reach it.
            .env_clear()
            .env("PATH", env::var_os("PATH").unwrap_or_default())
            .env("HOME", &folder)
            .envs(&self.environment);
        let mut process = Guarded::spawn("operator", &folder, command)?;
        let log = process.log().clone();
        let address = process.ready(async || admin_address(&log.read()).context("it has not named its port")).await?;
        Ok(Operator { process, address, quiet: self.quiet })
    }
}

/// A running operator. Ends when dropped, or with this process.
#[derive(Debug)]
pub struct Operator {
    process: Guarded,
    address: SocketAddr,
    quiet: bool,
}

impl Operator {
    /// The status code and the body of a GET of `/metrics`, `/healthz` or `/readyz`.
    pub async fn get(&self, path: &str) -> Result<(u16, String)> {
        http::get(&format!("http://{}{path}", self.address)).await
    }

    /// Number of reconciles that ended well.
    pub async fn reconciles(&self) -> Result<u64> {
        let (_, metrics) = self.get("/metrics").await?;
        let line = metrics.lines().find(|l| l.starts_with("crossaccount_reconciles_total{outcome=\"settled\"}"));
        Ok(line.and_then(|l| l.rsplit(' ').next()?.parse().ok()).unwrap_or_default())
    }

    /// Number of reconciles that ended, however they did.
    pub async fn all_reconciles(&self) -> Result<u64> {
        let (_, metrics) = self.get("/metrics").await?;
        let lines = metrics.lines().filter(|line| line.starts_with("crossaccount_reconciles_total{"));
        Ok(lines.filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok()).sum())
    }

    /// Waits until more than this many reconciles ended.
    pub async fn reconciled_after(&self, before: u64) -> Result<()> {
        eventually("a reconcile ended", async || {
            ensure!(self.all_reconciles().await? > before, "none since");
            Ok(())
        })
        .await
    }

    /// Its memory that is resident now, and the most that ever was, in KiB (`proc_pid_status(5)`: `VmRSS`, `VmHWM`).
    pub fn memory(&self) -> Result<(u64, u64)> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.pid()?))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim_start_matches(':').split_whitespace().next()?.parse().ok())
        };
        field("VmRSS").zip(field("VmHWM")).context("the kernel does not say how much memory the operator has")
    }

    /// What it logs: a JSON object a line.
    pub fn log(&self) -> &LogFile {
        self.process.log()
    }

    /// Sends SIGSTOP: a process that gets no processor time any more.
    pub fn pause(&mut self) -> Result<()> {
        self.process.signal("STOP")
    }

    /// Sends SIGCONT: it goes on where it was.
    pub fn resume(&mut self) -> Result<()> {
        self.process.signal("CONT")
    }

    /// Waits until it ends by itself. Gives the exit status.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        self.process.wait().await
    }

    /// Sends SIGTERM and waits for the end. Gives the exit status and how long it took.
    pub async fn stop(mut self) -> Result<(ExitStatus, Duration)> {
        let begin = Instant::now();
        self.process.signal("TERM")?;
        Ok((self.process.wait().await?, begin.elapsed()))
    }

    /// Sends SIGKILL and waits for the end: a node that lost its power.
    pub async fn kill(mut self) -> Result<()> {
        self.process.signal("KILL")?;
        self.process.wait().await?;
        Ok(())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if !self.quiet {
            eprintln!("--- the operator's log ends:\n{}", self.process.log().tail());
        }
    }
}

/// The address in the line that announces the admin server.
fn admin_address(log: &str) -> Option<SocketAddr> {
    log.lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find(|line| line["message"] == "admin server listening")
        .and_then(|line| line["addr"].as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::TestEnv;

    #[tokio::test]
    async fn a_started_operator_answers_and_ends_well_on_sigterm() -> Result<()> {
        let env = TestEnv::bare("operator").await?;
        let operator = env.settings.clone().start().await?;
        let (status, body) = operator.get("/healthz").await?;
        assert_eq!(status, 200, "{body}");
        let running = std::fs::read_link(format!("/proc/{}/exe", operator.process.pid()?))?;
        assert_eq!(running, shipped_program("crossaccount-operator")?.canonicalize()?);

        let (status, _) = operator.stop().await?;
        assert!(status.success(), "{status}");
        Ok(())
    }

    #[tokio::test]
    async fn a_flag_given_again_replaces_the_first() -> Result<()> {
        let settings = TestEnv::bare("flags").await?.settings.flag("--leader-elect=true");
        let given: Vec<_> = settings.flags.iter().filter(|flag| flag.starts_with("--leader-elect")).collect();
        assert_eq!(given, ["--leader-elect=true"]);
        Ok(())
    }
}
