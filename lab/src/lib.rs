//! The lab of the tests: a real control plane, a real AWS emulator, and the operator as a process.
//!
//! All tests of a process share one control plane and one emulator; a [`env::TestEnv`] is what one test has to itself
//! there: a namespace, two AWS accounts, and an operator that sees nothing else.
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_role_appears_in_the_account() -> Result<()> {
//!     let env = TestEnv::new("appears").await?;
//!     let _operator = env.start().await?;
//!     env.create(&env.role("reports")).await?;
//!     env.settled("reports").await?;
//!
//!     let role = env.aws.target.role(&env.iam_name("reports")).await?.context("there is no such role")?;
//!     assert_eq!(role.boundary, Some(env.aws.boundary_arn.clone()));
//!     Ok(())
//! }
//! ```
#![allow(clippy::must_use_candidate, reason = "a fault is in force whether or not its handle is kept")]

pub mod agent;
pub mod aws;
pub mod aws_proxy;
pub mod control_plane;
pub mod credential_server;
pub mod deployment;
pub mod effects;
pub mod emulator;
pub mod env;
pub mod fake_aws;
pub mod forward_proxy;
pub mod guard;
pub mod helm;
pub mod http;
pub mod image;
pub mod kube_proxy;
pub mod log_file;
mod loopback;
pub mod mount;
pub mod operator;
pub mod otlp;
pub mod pki;
pub mod real_aws;
pub mod release;
mod rules;
pub mod tester;
pub mod tls_front;
pub mod wait;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

pub use self::rules::Injected;

/// The root of this repository.
pub fn repository() -> &'static Path {
    folder().parent().unwrap_or(Path::new("/"))
}

/// The folder of the lab's scripts, and of what they build from.
pub fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script of the lab, which prints the folder that it prepared.
pub async fn script(name: &str) -> Result<PathBuf> {
    let printed = run(&mut Command::new(folder().join(name))).await?;
    Ok(PathBuf::from(printed.trim_end()))
}

/// A program of this workspace, in the folder of the running one or in one above: Cargo puts tests and examples beneath
/// the binaries of the same profile.
pub fn built_program(name: &str) -> Result<PathBuf> {
    let this = std::env::current_exe()?;
    let beside = this.ancestors().skip(1).take(2).map(|folder| folder.join(name)).find(|program| program.is_file());
    beside.with_context(|| format!("{name} is not built beside {}: run `cargo build` first", this.display()))
}

/// A program that is shipped: in the folder that the variable `CROSSACCOUNT_PROGRAMS` names (`make test OPERATOR=release` sets
/// it), else as [`built_program`] finds it.
pub fn shipped_program(name: &str) -> Result<PathBuf> {
    match std::env::var_os("CROSSACCOUNT_PROGRAMS") {
        Some(folder) => program_in(Path::new(&folder), name),
        None => built_program(name),
    }
}

/// Another build is never taken instead: the results would be those of the wrong program.
fn program_in(folder: &Path, name: &str) -> Result<PathBuf> {
    let program = folder.join(name);
    ensure!(program.is_file(), "there is no {name} in {}, which CROSSACCOUNT_PROGRAMS names", folder.display());
    Ok(program)
}

/// Runs a command to its end and gives what it printed.
pub async fn run(command: &mut Command) -> Result<String> {
    let shown = format!("{:?}", command.as_std());
    let output = command.output().await.with_context(|| format!("cannot run {shown}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{shown} failed ({}):\n{errors}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_the_program_is_an_error_and_no_other_build_is_taken() -> Result<()> {
        let folder = tempfile::tempdir()?;
        assert!(built_program("crossaccount-operator")?.is_file());
        let error = program_in(folder.path(), "crossaccount-operator").err().context("it was found")?.to_string();
        assert!(error.contains("crossaccount-operator") && error.contains("CROSSACCOUNT_PROGRAMS"), "{error}");

        std::fs::write(folder.path().join("crossaccount-operator"), "")?;
        assert_eq!(program_in(folder.path(), "crossaccount-operator")?, folder.path().join("crossaccount-operator"));
        Ok(())
    }
}
