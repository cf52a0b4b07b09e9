//! What hosts of this repository run: CI, updates of dependencies, hooks of git, and the recipe of an image. None of them runs in the
//! tests, so what they depend on is checked here.

use std::{collections::BTreeSet, env, ffi::OsStr, fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use lab::repository;

fn text(path: &str) -> Result<String> {
    fs::read_to_string(repository().join(path)).with_context(|| format!("cannot read {path}"))
}

fn yaml(path: &str) -> Result<Value> {
    serde_saphyr::from_str(&text(path)?).with_context(|| format!("{path} is no YAML"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

#[test]
fn hosted_ci_runs_all_that_a_change_must_pass() -> Result<()> {
    let workflow = yaml(".github/workflows/ci.yml")?;
    assert!(workflow["on"].get("pull_request").is_some(), "{}", workflow["on"]);
    let jobs = workflow["jobs"].as_object().context("no jobs")?;
    let always = |value: &Value| value.get("if").is_none() && value.get("continue-on-error").is_none();
    let runs = jobs.values().filter(|job| always(job)).flat_map(|job| list(&job["steps"]));
    assert!(runs.into_iter().any(|step| always(step) && step["run"] == ".ci/run"), "no step always runs .ci/run");
    Ok(())
}

#[test]
fn hosted_ci_may_only_read_and_takes_actions_of_one_version() -> Result<()> {
    let workflow = yaml(".github/workflows/ci.yml")?;
    assert_eq!(workflow["permissions"], json!({"contents": "read"}));
    let mut seen = 0;
    for job in workflow["jobs"].as_object().context("no jobs")?.values() {
        assert!(job.get("permissions").is_none(), "a job takes permissions of its own: {job}");
        for action in list(&job["steps"]).iter().filter_map(|step| step["uses"].as_str()) {
            seen += 1;
            let version = action.split_once("@v").map(|(_, version)| version).unwrap_or_default();
            let parts: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
            assert!(parts.len() == 3 && parts.iter().all(Result::is_ok), "{action}: write the whole version");
        }
    }
    assert!(seen > 3, "only {seen} actions were found");
    Ok(())
}

/// The folders of all files of this name, as the configuration of updates writes them.
fn folders_with(name: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = vec![repository().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let own = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
            if path.is_dir() && ![".git", "target", "node_modules"].contains(&own) {
                folders.push(path);
            } else if own == name {
                found.push(format!("/{}", folder.strip_prefix(repository())?.display()));
            }
        }
    }
    Ok(found)
}

#[test]
fn every_file_that_pins_dependencies_is_looked_at_for_updates() -> Result<()> {
    let mut pinned = BTreeSet::from([("github-actions".to_owned(), "/".to_owned())]);
    for (name, ecosystem) in [
        ("Cargo.lock", "cargo"),
        ("go.mod", "gomod"),
        ("package.json", "npm"),
        ("pom.xml", "maven"),
        ("requirements.txt", "pip"),
    ] {
        pinned.extend(folders_with(name)?.into_iter().map(|folder| (ecosystem.to_owned(), folder)));
    }
    let configuration = yaml(".github/dependabot.yml")?;
    let entry = |update: &Value| {
        let word = |name: &str| update[name].as_str().unwrap_or_default().to_owned();
        (word("package-ecosystem"), word("directory"))
    };
    let updated: BTreeSet<_> = list(&configuration["updates"]).iter().map(entry).collect();
    assert_eq!(updated, pinned, "left: .github/dependabot.yml, right: the files that pin versions");
    Ok(())
}

#[test]
fn the_hooks_of_git_check_what_ci_checks() -> Result<()> {
    let hooks = yaml(".pre-commit-config.yaml")?;
    let makefile = text("Makefile")?;
    let mut seen = 0;
    for hook in list(&hooks["repos"]).iter().flat_map(|repository| list(&repository["hooks"])) {
        seen += 1;
        let command = hook["entry"].as_str().context("a hook without a command")?;
        let of_make = command.strip_prefix("make ").map(|target| format!("\n{target}:"));
        let line = of_make.unwrap_or_else(|| format!("\n\t{command}\n"));
        assert!(makefile.contains(&line), "the Makefile has no {command}");
    }
    assert!(seen > 2, "only {seen} hooks were found");
    Ok(())
}

#[test]
fn the_image_of_the_agent_copies_all_that_cargo_reads_and_has_the_same_rust() -> Result<()> {
    let recipe = text("images/agent/Containerfile")?;
    let toolchain = text("rust-toolchain.toml")?;
    let channel = toolchain.split('"').nth(1).context("no channel")?;
    assert!(
        recipe.contains(&format!("FROM docker.io/library/rust:{channel}-")),
        "Rust is {channel} outside of the image"
    );

    let source = tempfile::tempdir()?;
    let lines = recipe.lines().take_while(|line| *line != "FROM scratch");
    let copies: Vec<&str> = lines.filter_map(|line| line.strip_prefix("COPY ")).collect();
    assert!(copies.len() > 2, "only {copies:?} were found");
    for copy in copies {
        let (from, to) = copy.rsplit_once(' ').context("a COPY without a target")?;
        for path in from.split(' ') {
            let target = source.path().join(to);
            let output = Command::new("cp")
                .arg("-r")
                .arg(repository().join(path))
                .arg(&target)
                .current_dir(repository())
                .output()?;
            ensure!(output.status.success(), "COPY {copy}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let read = Command::new(cargo)
        .args(["metadata", "--locked", "--offline", "--format-version=1"])
        .current_dir(source.path())
        .output()?;
    ensure!(
        read.status.success(),
        "cargo cannot read what the image copies: {}",
        String::from_utf8_lossy(&read.stderr)
    );
    Ok(())
}
