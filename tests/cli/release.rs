//! The plugin as a release has it: its archives, and its manifest in the plugin index.

use std::{
    collections::BTreeMap,
    fs,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use flate2::read::GzDecoder;
use serde_json::{Value, json};
use tar::Archive;
use tokio::process::Command;

use lab::{guard::scratch, repository, run, shipped_program};

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Has `.ci/release` make the archives for these processors, with the plugin of these tests and little beside it.
async fn released(architectures: &str) -> Result<PathBuf> {
    let folder = scratch("release")?;
    let (programs, dist) = (folder.join("programs"), folder.join("dist"));
    fs::create_dir(&programs)?;
    let plugin = format!("#!/bin/sh\nexec '{}' \"$@\"\n", shipped_program("kubectl-crossaccount")?.display());
    for (name, text) in
        [("kubectl-crossaccount", &*plugin), ("crossaccount-operator", "operator"), ("crossaccount-agent", "agent")]
    {
        fs::write(programs.join(name), text)?;
        fs::set_permissions(programs.join(name), fs::Permissions::from_mode(0o755))?;
    }
    let mut release = Command::new(repository().join(".ci/release"));
    release.arg("plugin").env("ARCHITECTURES", architectures).env("PROGRAMS", &programs).env("DIST", &dist);
    release.env("GITHUB_REPOSITORY", "example/operator").env_remove("GITHUB_SERVER_URL");
    run(&mut release).await?;
    Ok(dist)
}

/// The manifest, as krew reads it.
fn manifest(dist: &Path) -> Result<Value> {
    let text = fs::read_to_string(dist.join("crossaccount.yaml"))?;
    ensure!(!text.contains('@'), "something was not filled in: {text}");
    Ok(serde_saphyr::from_str(&text)?)
}

/// The files of an archive by path, each with its mode.
fn files(archive: &Path) -> Result<BTreeMap<String, (u32, Vec<u8>)>> {
    let mut found = BTreeMap::new();
    for entry in Archive::new(GzDecoder::new(fs::File::open(archive)?)).entries()? {
        let mut entry = entry?;
        let (path, mode) = (entry.path()?.display().to_string(), entry.header().mode()?);
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        found.insert(path, (mode, bytes));
    }
    Ok(found)
}

#[tokio::test]
async fn the_manifest_leads_to_one_archive_for_each_processor_with_its_checksum() -> Result<()> {
    let dist = released("amd64 arm64").await?;
    let manifest = manifest(&dist)?;
    // What krew checks: https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/
    ensure!(manifest["apiVersion"] == "krew.googlecontainertools.github.com/v1alpha2", "{manifest}");
    ensure!(
        (&manifest["kind"], &manifest["metadata"]["name"]) == (&json!("Plugin"), &json!("crossaccount")),
        "{manifest}"
    );
    let spec = &manifest["spec"];
    ensure!(
        spec["version"] == format!("v{VERSION}") && spec["homepage"] == "https://github.com/example/operator",
        "{spec}"
    );
    ensure!(spec["shortDescription"].as_str().is_some_and(|text| (1..=50).contains(&text.len())), "{spec}");

    let platforms = spec["platforms"].as_array().context("no platforms")?;
    let labels: Vec<_> = platforms.iter().map(|platform| &platform["selector"]["matchLabels"]).collect();
    ensure!(
        labels == [&json!({"os": "linux", "arch": "amd64"}), &json!({"os": "linux", "arch": "arm64"})],
        "{labels:?}"
    );
    for platform in platforms {
        let arch = platform["selector"]["matchLabels"]["arch"].as_str().context("no arch")?;
        let name = format!("kubectl-crossaccount-{VERSION}-linux-{arch}.tar.gz");
        let uri = format!("https://github.com/example/operator/releases/download/v{VERSION}/{name}");
        ensure!(platform["uri"] == uri, "{platform}");
        let printed = run(Command::new("sha256sum").arg(dist.join(&name))).await?;
        let sum = printed.split_whitespace().next().unwrap_or_default();
        ensure!(platform["sha256"] == sum, "the archive has {sum}: {platform}");
        let bin = platform["bin"].as_str().context("no bin")?;
        let (mode, _) = files(&dist.join(&name))?.remove(bin).with_context(|| format!("{name} has no {bin}"))?;
        ensure!(mode & 0o111 == 0o111, "{bin} cannot be executed: {mode:o}");
    }
    Ok(())
}

#[tokio::test]
async fn a_release_for_one_processor_has_no_manifest_entry_for_the_other() -> Result<()> {
    let manifest = manifest(&released("arm64").await?)?;
    let platforms = manifest["spec"]["platforms"].as_array().context("no platforms")?;
    ensure!(platforms.len() == 1 && platforms[0]["selector"]["matchLabels"]["arch"] == "arm64", "{manifest}");
    Ok(())
}

#[tokio::test]
async fn the_archive_of_the_plugin_has_its_manual_pages_and_those_of_the_others_have_none() -> Result<()> {
    let dist = released("amd64").await?;
    let of = |program: &str| files(&dist.join(format!("{program}-{VERSION}-linux-amd64.tar.gz")));
    let plugin = of("kubectl-crossaccount")?;
    let (_, page) = plugin.get("man/man1/kubectl-crossaccount-support-bundle.1").context("there is no page")?;
    let page = String::from_utf8_lossy(page);
    ensure!(page.contains("bug report") && plugin.contains_key("LICENSE"), "{page}");
    for program in ["crossaccount-operator", "crossaccount-agent"] {
        let files: Vec<String> = of(program)?.into_keys().collect();
        ensure!(files == [program, "LICENSE"] || files == ["LICENSE", program], "{files:?}");
    }
    Ok(())
}
