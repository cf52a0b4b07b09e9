//! Rules about the source itself.

mod features;
mod hosting;
mod imports;
pub mod pages;
mod site;
mod threats;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::Result;

use lab::repository;

fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

fn under(folders: &[&str]) -> Result<Vec<(PathBuf, String)>> {
    let mut paths = Vec::new();
    for folder in folders {
        sources(&repository().join(folder), &mut paths)?;
    }
    paths.into_iter().map(|path| Ok((path.clone(), fs::read_to_string(path)?))).collect()
}

/// What a pure function cannot need. A parameter called `now` is how time comes in.
const IMPURE: [&str; 12] = [
    "async ",
    ".await",
    "::now(",
    "Client",
    "tokio::",
    "aws_sdk",
    "aws_config",
    "std::env",
    "std::fs",
    "SystemTime",
    "Instant",
    "crate::aws",
];

#[test]
fn domain_and_decide_are_pure() -> Result<()> {
    let files = under(&["src/domain", "src/decide"])?;
    assert!(files.len() > 20, "only {} files were found", files.len());
    for (path, text) in files {
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//")) {
            for word in IMPURE.iter().chain(&["crate::cluster", "crate::controller", "crate::operator", "crate::host"])
            {
                assert!(!line.contains(word), "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
    Ok(())
}

#[test]
fn the_agent_knows_neither_kubernetes_nor_aws() -> Result<()> {
    let files = under(&["src/agent"])?;
    assert!(files.len() > 5, "only {} files were found", files.len());
    for (path, text) in files {
        for word in ["kube::", "k8s_openapi", "aws_", "api::", "aws::", "cluster::", "controller::", "decide::"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
    Ok(())
}

#[test]
fn no_file_is_longer_than_400_lines() -> Result<()> {
    for (path, text) in under(&["src", "tests", "lab"])? {
        let lines = text.lines().count();
        assert!(lines <= 400, "{} has {lines} lines", path.display());
    }
    Ok(())
}

#[test]
fn a_binary_is_a_shell_of_at_most_30_lines() -> Result<()> {
    for (path, text) in under(&["src/bin"])? {
        assert!(text.lines().count() <= 30, "{}", path.display());
    }
    Ok(())
}
