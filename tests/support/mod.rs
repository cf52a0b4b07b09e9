//! The lab of the tests: a real control plane, a real AWS emulator, and the operator as a process.
//!
//! All tests of a process share one control plane and one emulator; a [`scenario::Scenario`] is what one test has to
//! itself there: a namespace, two AWS accounts, and an operator that sees nothing else.
//!
//! ```ignore
//! #[tokio::test]
//! async fn a_role_appears_in_the_account() -> Result<()> {
//!     let scenario = Scenario::new("appears").await?;
//!     let _operator = scenario.operator().await?.start().await?;
//!     let accounts: Api<AWSAccount> = Api::all(scenario.kube.clone());
//!     accounts.create(&PostParams::default(), &scenario.account()).await?;
//!     let roles: Api<CrossAccountRole> = Api::namespaced(scenario.kube.clone(), &scenario.namespace);
//!     roles.create(&PostParams::default(), &scenario.role("reports")).await?;
//!
//!     let name = format!("{}-reports", scenario.namespace);
//!     let role = eventually("the role exists", async || {
//!         scenario.aws.target.role(&name).await?.context("there is no such role")
//!     }).await?;
//!     assert_eq!(role.boundary, Some(scenario.aws.boundary_arn.clone()));
//!     Ok(())
//! }
//! ```
#![allow(dead_code, unused_imports, reason = "the tests and the `lab` example share this; neither uses all of it")]

pub mod agent;
pub mod aws;
pub mod aws_proxy;
pub mod builders;
pub mod control_plane;
pub mod emulator;
pub mod guard;
pub mod http;
pub mod life;
pub mod log_file;
pub mod mount;
pub mod operator;
pub mod pki;
pub mod rights;
pub mod scenario;
pub mod wait;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

/// The root of this repository.
pub fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs a script of `tests/lab`, which prints the folder that it prepared.
pub async fn script(name: &str) -> Result<PathBuf> {
    let printed = run(&mut Command::new(repository().join("tests/lab").join(name))).await?;
    Ok(PathBuf::from(printed.trim_end()))
}

/// Runs a command to its end and gives what it printed.
pub async fn run(command: &mut Command) -> Result<String> {
    let shown = format!("{:?}", command.as_std());
    let output = command.output().await.with_context(|| format!("cannot run {shown}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{shown} failed ({}):\n{errors}", output.status);
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
