//! An object in the cluster does not differ from its manifest in Git: not by defaults, and not by what the operator writes.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::crd_rules::object::{account, full_account, full_role, named, role};
use lab::{env::TestEnv, guard::scratch, repository, run, wait::eventually};

/// How a GitOps tool applies: by server-side apply, as Flux does and Argo CD can, or by comparing with what it applied last.
const WAYS: [&[&str]; 2] = [&["--server-side", "--field-manager=gitops"], &[]];

/// What a tool puts on each object that it applies.
const TRACKING: (&str, &str) = ("app.kubernetes.io/instance", "argocd.argoproj.io/tracking-id");

fn sample(name: &str) -> Result<Value> {
    let file = repository().join("deploy/samples").join(name);
    Ok(serde_saphyr::from_str(&fs::read_to_string(&file)?)?)
}

/// The manifest in a file, in the namespace of the test and with what a GitOps tool puts on it.
fn manifest(env: &TestEnv, name: &str, object: Value) -> Result<(PathBuf, Value)> {
    let mut object = named(object, name);
    if object["kind"] == "CrossAccountRole" {
        object["metadata"]["namespace"] = json!(env.namespace);
    }
    object["metadata"]["labels"][TRACKING.0] = json!("reports");
    object["metadata"]["annotations"] = json!({TRACKING.1: format!("reports:{name}")});
    let file = scratch("manifest")?.join("object.json");
    fs::write(&file, object.to_string())?;
    Ok((file, object))
}

/// `kubectl VERB -f FILE` of an administrator.
fn kubectl(env: &TestEnv, verb: &str, file: &Path) -> Command {
    let mut command = env.control_plane.kubectl();
    command.arg(verb).arg("-f").arg(file);
    command
}

/// The object that a command prints, without what changes with each write of a status.
async fn printed(command: &mut Command) -> Result<Value> {
    let mut object: Value = serde_json::from_str(&run(command.args(["--output", "json"])).await?)?;
    let metadata = object["metadata"].as_object_mut().context("no metadata")?;
    metadata.retain(|name, _| !["managedFields", "resourceVersion"].contains(&name.as_str()));
    Ok(object)
}

/// Fails if a declared value is not the one in the cluster. What a manifest does not name, a tool does not compare.
fn is_kept(path: &str, declared: &Value, live: &Value) -> Result<()> {
    match (declared, live) {
        (Value::Object(fields), Value::Object(live)) => fields.iter().try_for_each(|(name, value)| {
            is_kept(&format!("{path}.{name}"), value, live.get(name).unwrap_or(&Value::Null))
        }),
        (Value::Array(items), Value::Array(live)) if items.len() == live.len() => items
            .iter()
            .zip(live)
            .enumerate()
            .try_for_each(|(index, (item, live))| is_kept(&format!("{path}[{index}]"), item, live)),
        _ => {
            // JSON has one kind of number: YAML's 1.0 is 1.
            let is_same_number = declared.is_number() && declared.as_f64() == live.as_f64();
            ensure!(is_same_number || declared == live, "{path} is declared as {declared} and is {live}");
            Ok(())
        }
    }
}

/// Fails if a tool that compares the cluster with the manifest sees a difference.
async fn does_not_differ(env: &TestEnv, (file, object): &(PathBuf, Value), way: &[&str]) -> Result<()> {
    let difference = kubectl(env, "diff", file).args(way).output().await?;
    let shown = String::from_utf8_lossy(&difference.stdout);
    ensure!(
        difference.status.success(),
        "kubectl diff {way:?}: {shown}{}",
        String::from_utf8_lossy(&difference.stderr)
    );
    let live = printed(&mut kubectl(env, "get", file)).await?;
    is_kept("", object, &live)?;
    let again = printed(kubectl(env, "apply", file).args(way).arg("--dry-run=server")).await?;
    ensure!(again["spec"] == live["spec"] && again["metadata"] == live["metadata"], "{way:?}: {again:#}\nis {live:#}");
    Ok(())
}

#[tokio::test]
async fn the_api_server_keeps_every_manifest_as_it_is_in_git() -> Result<()> {
    let env = TestEnv::bare("git").await?;
    for (what, object) in [
        ("sample-account", sample("account.yaml")?),
        ("sample-role", sample("role.yaml")?),
        ("smallest-account", account()),
        ("smallest-role", role()),
        ("full-account", full_account()),
        ("full-role", full_role()),
    ] {
        let manifest = manifest(&env, &format!("{}-{what}", env.namespace), object)?;
        for way in WAYS {
            run(kubectl(&env, "apply", &manifest.0).args(way)).await?;
            does_not_differ(&env, &manifest, way).await.context(what)?;
            run(&mut kubectl(&env, "delete", &manifest.0)).await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn objects_that_the_operator_works_on_do_not_differ_from_git() -> Result<()> {
    let env = TestEnv::bare("git-live").await?;
    let _operator = env.start().await?;
    let account = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount",
        "metadata": {"labels": env.labels()}, "spec": env.account().spec,
    });
    let account = manifest(&env, &env.namespace, account)?;
    for (name, way) in ["server-side", "client-side"].into_iter().zip(WAYS) {
        run(kubectl(&env, "apply", &account.0).args(way)).await?;
        let mut role = sample("role.yaml")?;
        role["spec"]["accountRef"]["name"] = json!(env.namespace);
        role["spec"]["secret"]["name"] = json!(name);
        let role = manifest(&env, name, role)?;
        run(kubectl(&env, "apply", &role.0).args(way)).await?;
        env.settled(name).await?;
        for manifest in [&account, &role] {
            // The operator may write a status between the two reads of one look.
            eventually("nothing differs", async || does_not_differ(&env, manifest, way).await).await?;
        }
        // A tool that found its own marks there would take the Secret for one that Git no longer has, and prune it.
        let secret = env.secrets.get(name).await?.metadata;
        ensure!(!secret.labels.unwrap_or_default().contains_key(TRACKING.0), "the Secret has the label of the tool");
        ensure!(!secret.annotations.unwrap_or_default().contains_key(TRACKING.1), "the Secret has its annotation");
    }
    Ok(())
}

#[tokio::test]
async fn the_api_server_keeps_the_crds_as_they_are_in_git() -> Result<()> {
    let env = TestEnv::bare("git-crds").await?;
    let mut kinds = 0;
    for entry in fs::read_dir(repository().join("crds"))? {
        let file = entry?.path();
        let crd = serde_saphyr::from_str(&fs::read_to_string(&file)?)?;
        // The lab applied them in this way.
        does_not_differ(&env, &(file, crd), &["--server-side"]).await?;
        kinds += 1;
    }
    ensure!(kinds == 2, "{kinds} CRDs");
    Ok(())
}
