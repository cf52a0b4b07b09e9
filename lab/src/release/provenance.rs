//! Where the files of a release come from: a statement of SLSA provenance v1 in the form of in-toto
//! (<https://slsa.dev/spec/v1.0/provenance>). It is not signed here; the hosted release signs it.

use std::{env, ffi::OsStr, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use super::{VERSION, committed, sha256};
use crate::{
    image::{Facts, archive_digest},
    repository, run,
};

/// Name of the statement among the files.
pub const FILE: &str = "provenance.intoto.json";
/// Name of the list of checksums, which is written after the statement.
const SUMS: &str = "SHA256SUMS";
/// What was done: `docs/releasing.md` describes it.
const BUILD_TYPE: &str = "https://crossaccount.dev/release/v1";

/// What was built with, beside the source.
struct Tools {
    /// SHA-256 of `Cargo.lock`, which pins each crate by its own checksum.
    lock: String,
    /// What `rustc --version --verbose` prints.
    rustc: String,
    /// Who built.
    builder: String,
}

/// Writes the statement about all files of a folder into the same folder.
pub async fn write(folder: &Path) -> Result<()> {
    let facts = committed().await?;
    let rustc = run(Command::new("rustc").current_dir(repository()).args(["--version", "--verbose"])).await?;
    let tools = Tools { lock: sha256(&repository().join("Cargo.lock"))?, rustc, builder: builder() };
    let statement = statement(&subjects(folder)?, &facts, &tools);
    fs::write(folder.join(FILE), format!("{statement:#}\n"))?;
    Ok(())
}

/// GitHub's runner says which workflow of which revision it runs; elsewhere it is somebody's machine.
fn builder() -> String {
    let hosted = env::var("GITHUB_SERVER_URL").ok().zip(env::var("GITHUB_WORKFLOW_REF").ok());
    hosted.map_or_else(|| format!("{BUILD_TYPE}/local"), |(server, workflow)| format!("{server}/{workflow}"))
}

/// Name and SHA-256 of each file, and of the image in each archive.
fn subjects(folder: &Path) -> Result<Vec<(String, String)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let name = path.file_name().and_then(OsStr::to_str).context("a file with a strange name")?.to_owned();
        if [FILE, SUMS].contains(&name.as_str()) {
            continue;
        }
        if name.ends_with(".oci.tar") {
            let digest = archive_digest(&path).with_context(|| format!("{name} is no image"))?;
            found.push((format!("image in {name}"), digest.trim_start_matches("sha256:").to_owned()));
        }
        found.push((name, sha256(&path)?));
    }
    ensure!(!found.is_empty(), "there is nothing in {}", folder.display());
    found.sort();
    Ok(found)
}

fn statement(subjects: &[(String, String)], facts: &Facts, tools: &Tools) -> Value {
    let subject: Vec<Value> =
        subjects.iter().map(|(name, sha256)| json!({ "name": name, "digest": { "sha256": sha256 } })).collect();
    let mut source = json!({ "name": "source", "digest": { "gitCommit": facts.revision } });
    if !facts.source.is_empty() {
        source["uri"] = json!(format!("git+{}", facts.source));
    }
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": subject,
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {
            "buildDefinition": {
                "buildType": BUILD_TYPE,
                "externalParameters": { "version": VERSION, "command": "make dist" },
                "resolvedDependencies": [
                    source,
                    { "name": "Cargo.lock", "digest": { "sha256": tools.lock } },
                    { "name": "rustc", "annotations": rustc(&tools.rustc) },
                ],
            },
            "runDetails": { "builder": { "id": tools.builder } },
        },
    })
}

/// The lines `name: value` that rustc prints of itself.
fn rustc(printed: &str) -> Value {
    printed
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use tempfile::tempdir;

    use super::*;
    use crate::image::{Image, write as write_image};

    #[test]
    fn each_file_is_a_subject_and_so_is_each_image_but_not_the_statement_itself() -> Result<()> {
        let folder = tempdir()?;
        let file = |name: &str| folder.path().join(name);
        fs::write(file("b.tar.gz"), "abc")?;
        fs::write(file(FILE), "an earlier one")?;
        fs::write(file(SUMS), "an earlier one")?;
        let image = Image::of_program("it", &file("b.tar.gz"), "1:1")?;
        let digest = write_image(&file("a.oci.tar"), "it:1", &[image])?;

        let subjects = subjects(folder.path())?;
        let names: Vec<&str> = subjects.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["a.oci.tar", "b.tar.gz", "image in a.oci.tar"]);
        // The example of FIPS 180-2.
        assert_eq!(subjects[1].1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(format!("sha256:{}", subjects[2].1), digest);
        Ok(())
    }

    #[test]
    fn an_archive_that_holds_no_image_is_an_error_and_so_is_an_empty_folder() -> Result<()> {
        let folder = tempdir()?;
        assert!(subjects(folder.path()).is_err());
        fs::write(folder.path().join("a.oci.tar"), "no archive")?;
        let error = subjects(folder.path()).expect_err("no image").to_string();
        assert_eq!(error, "a.oci.tar is no image");
        Ok(())
    }

    #[test]
    fn the_statement_names_commit_lock_file_toolchain_and_builder() {
        let facts =
            Facts { revision: "c0ffee".to_owned(), source: "https://example.com/it".to_owned(), ..Facts::default() };
        let printed = "rustc 1.95.0 (0123 2026-04-14)\nrelease: 1.95.0\nhost: x86_64-unknown-linux-gnu\n".to_owned();
        let tools =
            Tools { lock: "10c4".to_owned(), rustc: printed, builder: "https://example.com/builder".to_owned() };
        let statement = statement(&[("it".to_owned(), "ab".to_owned())], &facts, &tools);
        assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
        assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
        assert_eq!(statement["subject"], json!([{ "name": "it", "digest": { "sha256": "ab" } }]));
        let predicate = &statement["predicate"];
        let materials = &predicate["buildDefinition"]["resolvedDependencies"];
        assert_eq!(materials[0]["uri"], "git+https://example.com/it");
        assert_eq!(materials[0]["digest"], json!({ "gitCommit": "c0ffee" }));
        assert_eq!(materials[1]["digest"], json!({ "sha256": "10c4" }));
        assert_eq!(materials[2]["annotations"], json!({ "release": "1.95.0", "host": "x86_64-unknown-linux-gnu" }));
        assert_eq!(predicate["runDetails"]["builder"]["id"], "https://example.com/builder");
        assert_eq!(predicate["buildDefinition"]["buildType"], BUILD_TYPE);
    }
}
