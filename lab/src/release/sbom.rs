//! The contents of a program: the crates that are compiled into it, as a bill of materials in the form of `CycloneDX`.
//!
//! `cargo cyclonedx` writes one for the whole workspace, in which the lab and the tests turn on features that bring more crates. The
//! crates of the shipped build are those that `cargo tree` lists for it; the rest is taken out.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, from_str};
use tokio::process::Command;

use crate::{repository, run};

/// The crates of the shipped build for one target, each as `<name> v<version>`. Macros and build scripts run while it is compiled,
/// and are no part of it.
async fn shipped(target: &str) -> Result<BTreeSet<String>> {
    let mut tree = Command::new("cargo");
    tree.current_dir(repository())
        .args(["tree", "--locked", "--package=crossaccount-operator", "--edges=normal,no-proc-macro", "--prefix=none"])
        .args(["--format={p}", "--target", target]);
    let lines = run(&mut tree).await?;
    let name = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    // The first is the package itself. What a line has behind the version are marks.
    Ok(lines.lines().skip(1).filter(|line| !line.is_empty()).map(name).collect())
}

/// Copies what `cargo cyclonedx` wrote about a program, less what is not compiled into it for a target.
pub async fn write(from: &Path, target: &str, to: &Path) -> Result<()> {
    let text = fs::read_to_string(from).with_context(|| format!("cannot read {}", from.display()))?;
    // The folder it was written in is nobody's business, and another one at each run.
    let folder = from.parent().context("a file is in a folder")?;
    let text = text.replace(&format!("path+file://{}", folder.display()), "package");
    let contents = without_others(from_str(&text)?, &shipped(target).await?)?;
    fs::write(to, format!("{contents:#}\n")).with_context(|| format!("cannot write {}", to.display()))
}

fn without_others(mut contents: Value, shipped: &BTreeSet<String>) -> Result<Value> {
    let mut named = BTreeSet::new();
    let mut references = BTreeSet::from([reference(&contents["metadata"]["component"]["bom-ref"])]);
    let components = contents["components"].as_array_mut().context("the contents have no components")?;
    components.retain(|component| shipped.contains(&crate_of(component)));
    for component in components {
        named.insert(crate_of(component));
        references.insert(reference(&component["bom-ref"]));
    }
    let missing: Vec<_> = shipped.difference(&named).collect();
    ensure!(missing.is_empty(), "the contents lack {missing:?}");

    let dependencies = contents["dependencies"].as_array_mut().context("the contents have no dependencies")?;
    dependencies.retain(|dependency| references.contains(&reference(&dependency["ref"])));
    for dependency in dependencies {
        if let Some(on) = dependency["dependsOn"].as_array_mut() {
            on.retain(|on| references.contains(&reference(on)));
        }
    }
    Ok(contents)
}

fn crate_of(component: &Value) -> String {
    format!("{} v{}", reference(&component["name"]), reference(&component["version"]))
}

fn reference(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn contents() -> Value {
        json!({
            "metadata": { "component": { "bom-ref": "root", "name": "it", "version": "1.0.0" } },
            "components": [
                { "bom-ref": "a1", "name": "a", "version": "1.0.0" },
                { "bom-ref": "a2", "name": "a", "version": "2.0.0" },
                { "bom-ref": "b1", "name": "b", "version": "1.0.0" },
            ],
            "dependencies": [
                { "ref": "root", "dependsOn": ["a1", "a2"] },
                { "ref": "a1", "dependsOn": ["b1"] },
                { "ref": "a2" },
            ],
        })
    }

    #[test]
    fn crates_of_other_builds_are_taken_out_with_what_leads_to_them() -> Result<()> {
        let shipped = ["a v1.0.0"].map(str::to_owned).into();
        let contents = without_others(contents(), &shipped)?;
        assert_eq!(contents["components"], json!([{ "bom-ref": "a1", "name": "a", "version": "1.0.0" }]));
        let expected = json!([{ "ref": "root", "dependsOn": ["a1"] }, { "ref": "a1", "dependsOn": [] }]);
        assert_eq!(contents["dependencies"], expected);
        Ok(())
    }

    #[test]
    fn a_crate_that_is_shipped_and_not_in_the_contents_is_an_error() {
        let shipped = ["a v1.0.0", "c v3.0.0"].map(str::to_owned).into();
        let error = without_others(contents(), &shipped).expect_err("c is missing").to_string();
        assert_eq!(error, r#"the contents lack ["c v3.0.0"]"#);
    }

    #[tokio::test]
    async fn what_is_shipped_has_the_libraries_of_the_operator_and_no_macros_and_nothing_of_the_lab() -> Result<()> {
        let shipped = shipped("x86_64-unknown-linux-gnu").await?;
        let has = |name: &str| shipped.iter().any(|krate| krate.starts_with(&format!("{name} v")));
        for name in ["kube", "aws-sdk-iam", "aws-lc-rs", "tikv-jemallocator"] {
            assert!(has(name), "no {name} in {shipped:?}");
        }
        for name in ["crossaccount-lab", "serde_derive", "proptest", "rcgen", "insta", "cc", "ring"] {
            assert!(!has(name), "{name} is not shipped");
        }
        Ok(())
    }
}
