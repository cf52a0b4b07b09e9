//! What hosts of this repository run: CI, releases, updates of dependencies, hooks of git, and the recipe of the images. None of them runs in the
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

/// The permissions of the jobs of a workflow that have some of their own.
fn permitted(workflow: &Value) -> Result<Vec<(&str, &Value)>> {
    let jobs = workflow["jobs"].as_object().context("no jobs")?;
    Ok(jobs.iter().filter_map(|(name, job)| Some((name.as_str(), job.get("permissions")?))).collect())
}

#[test]
fn workflows_may_only_read_but_for_the_job_that_publishes_a_tag() -> Result<()> {
    let ci = yaml(".github/workflows/ci.yml")?;
    assert_eq!(ci["permissions"], json!({"contents": "read"}));
    assert_eq!(permitted(&ci)?, []);

    let release = yaml(".github/workflows/release.yml")?;
    assert_eq!(release["on"], json!({"push": {"tags": ["v*"]}}), "only a tag is published");
    assert_eq!(release["permissions"], json!({"contents": "read"}));
    let publishing = json!({"contents": "write", "packages": "write", "id-token": "write"});
    assert_eq!(permitted(&release)?, [("publish", &publishing)]);
    Ok(())
}

#[test]
fn workflows_take_actions_of_one_version() -> Result<()> {
    for (workflow, least) in [("ci", 4), ("release", 3)] {
        let workflow = yaml(&format!(".github/workflows/{workflow}.yml"))?;
        let jobs = workflow["jobs"].as_object().context("no jobs")?;
        let steps = jobs.values().flat_map(|job| list(&job["steps"]));
        let actions: Vec<&str> = steps.filter_map(|step| step["uses"].as_str()).collect();
        for action in &actions {
            let version = action.split_once("@v").map(|(_, version)| version).unwrap_or_default();
            let parts: Vec<_> = version.split('.').map(str::parse::<u32>).collect();
            assert!(parts.len() == 3 && parts.iter().all(Result::is_ok), "{action}: write the whole version");
        }
        assert!(actions.len() >= least, "only {actions:?} were found");
    }
    Ok(())
}

#[test]
fn a_release_is_published_after_all_that_a_change_must_pass_and_holds_what_make_dist_writes() -> Result<()> {
    let release = yaml(".github/workflows/release.yml")?;
    let jobs = &release["jobs"];
    assert_eq!(jobs["ci"]["uses"], "./.github/workflows/ci.yml");
    assert!(yaml(".github/workflows/ci.yml")?["on"].get("workflow_call").is_some(), "ci.yml cannot be called");
    let publish = &jobs["publish"];
    assert_eq!(publish["needs"], json!(["ci", "containerfile"]));
    let runs: Vec<&str> = list(&publish["steps"]).iter().filter_map(|step| step["run"].as_str()).collect();
    let at = |wanted: &str| runs.iter().position(|run| run.contains(wanted)).with_context(|| format!("no `{wanted}`"));
    let order = [at("make dist")?, at("cosign sign-blob")?, at("skopeo copy")?, at("gh release create")?];
    assert!(order.is_sorted(), "files are signed once they exist, and published once they are signed: {runs:?}");
    for name in ["crossaccount-operator", "crossaccount-agent"] {
        assert!(text("images/Containerfile")?.contains(&format!("ENTRYPOINT [\"/{name}\"]")), "no image has {name}");
        assert!(runs[at("skopeo copy")?].contains(name), "{name} is not pushed");
    }
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
fn the_recipe_of_the_images_copies_all_that_cargo_reads_and_has_the_same_rust() -> Result<()> {
    let recipe = text("images/Containerfile")?;
    let toolchain = text("rust-toolchain.toml")?;
    let channel = toolchain.split('"').nth(1).context("no channel")?;
    assert!(recipe.contains(&format!(" docker.io/library/rust:{channel}-")), "Rust is {channel} outside of the image");

    let source = tempfile::tempdir()?;
    let lines = recipe.lines().take_while(|line| !line.starts_with("FROM scratch"));
    let copies: Vec<&str> = lines.filter_map(|line| line.strip_prefix("COPY ")).collect();
    assert!(copies.len() > 2, "only {copies:?} were found");
    for copy in copies {
        let (from, to) = copy.rsplit_once(' ').context("a COPY without a target")?;
        for path in from.split(' ') {
            let target = source.path().join(to);
            if to.ends_with('/') {
                fs::create_dir_all(&target)?;
            }
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
    assert!(source.path().join("images/build.sh").is_file(), "the build runs images/build.sh");
    ensure!(
        read.status.success(),
        "cargo cannot read what the image copies: {}",
        String::from_utf8_lossy(&read.stderr)
    );
    Ok(())
}
