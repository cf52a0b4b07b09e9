//! What a release says of itself: which source it is built from, which crates are in it, and where each file comes from.

pub mod provenance;
pub mod sbom;

use std::{env, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use tokio::process::Command;

use crate::{
    image::{Facts, digest},
    repository, run,
};

/// The version of both packages.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The source that this checkout holds. A revision whose files were changed ends with `-dirty`.
pub async fn checkout() -> Result<Facts> {
    let revision = git(&["rev-parse", "HEAD"]).await?;
    let changed = git(&["status", "--porcelain"]).await?;
    let revision = if changed.is_empty() { revision } else { format!("{revision}-dirty") };
    // GitHub's runner names the repository without the credentials that a remote may have.
    let hosted = env::var("GITHUB_SERVER_URL").ok().zip(env::var("GITHUB_REPOSITORY").ok());
    let source = match hosted {
        Some((server, name)) => format!("{server}/{name}"),
        None => git(&["config", "--default", "", "--get", "remote.origin.url"]).await?,
    };
    Ok(Facts { version: VERSION.to_owned(), revision, source })
}

/// The same, for a release: nobody else could build again what was never committed.
pub async fn committed() -> Result<Facts> {
    let facts = checkout().await?;
    ensure!(
        !facts.revision.ends_with("-dirty"),
        "the checkout has changes: a release is built from a commit, so commit them"
    );
    Ok(facts)
}

async fn git(arguments: &[&str]) -> Result<String> {
    let printed = run(Command::new("git").arg("-C").arg(repository()).args(arguments)).await?;
    Ok(printed.trim().to_owned())
}

/// The SHA-256 of a file in hexadecimal digits.
fn sha256(file: &Path) -> Result<String> {
    let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    Ok(digest(&content).trim_start_matches("sha256:").to_owned())
}
