//! The examples for GitOps tools say the order that they are made for.

use std::{collections::BTreeMap, fs};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::judges::judge_by;
use lab::repository;

/// Each needs those before it: roles an account and the operator, workloads the Secrets of the roles.
const ORDER: [&str; 4] = ["crossaccount-operator", "aws-accounts", "aws-roles", "workloads"];

/// The documents of an example.
fn documents(name: &str) -> Result<Vec<Value>> {
    let text = fs::read_to_string(repository().join("deploy/gitops").join(name))?;
    let documents = text.split("\n---\n").map(|text| serde_saphyr::from_str(text).context(name.to_owned()));
    documents.collect()
}

/// The documents of one kind by their names.
fn named(documents: &[Value], kind: &str) -> BTreeMap<String, Value> {
    let of_kind = documents.iter().filter(|document| document["kind"] == kind);
    of_kind
        .map(|document| (document["metadata"]["name"].as_str().unwrap_or_default().to_owned(), document.clone()))
        .collect()
}

fn text<'a>(value: &'a Value, what: &str) -> Result<&'a str> {
    value.as_str().with_context(|| format!("{what} is {value}"))
}

#[test]
fn the_waves_of_argo_cd_begin_with_the_operator_and_end_with_the_workloads() -> Result<()> {
    let applications = named(&documents("argocd/applications.yaml")?, "Application");
    ensure!(applications.len() == ORDER.len(), "there are {:?}", applications.keys());
    let mut waves = Vec::new();
    for name in ORDER {
        let application = applications.get(name).with_context(|| format!("there is no Application {name}"))?;
        let wave = &application["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
        waves.push(text(wave, "the wave")?.parse::<i32>()?);
        let pruned = application["spec"]["syncPolicy"]["automated"]["prune"] == true;
        ensure!(pruned == (name != ORDER[0]), "{name}: prune is {pruned}");
        // Without it, what the Application applied stays when it is deleted, and a later wave is not waited for.
        let finalizers = &application["metadata"]["finalizers"];
        ensure!(*finalizers == json!(["resources-finalizer.argocd.argoproj.io"]), "{name}: {finalizers}");
    }
    ensure!(waves == [-2, -1, 0, 1], "the waves are {waves:?}");
    Ok(())
}

#[test]
fn each_kustomization_of_flux_waits_for_the_one_before_it() -> Result<()> {
    let kustomizations = named(&documents("flux/kustomizations.yaml")?, "Kustomization");
    ensure!(kustomizations.len() == ORDER.len(), "there are {:?}", kustomizations.keys());
    let before = [None].into_iter().chain(ORDER.map(Some));
    for (name, before) in ORDER.into_iter().zip(before) {
        let spec = &kustomizations.get(name).with_context(|| format!("there is no Kustomization {name}"))?["spec"];
        let expected = before.map_or(Value::Null, |before| json!([{"name": before}]));
        ensure!(spec["dependsOn"] == expected, "{name} depends on {}", spec["dependsOn"]);
        ensure!(spec["wait"] == true || !spec["healthChecks"].is_null(), "{name} is not waited for");
        ensure!((spec["prune"] == true) == (name != ORDER[0]), "{name}: prune is {}", spec["prune"]);
    }
    Ok(())
}

#[test]
fn flux_waits_for_the_release_that_it_makes() -> Result<()> {
    let made = documents("flux/operator/release.yaml")?;
    let kustomizations = named(&documents("flux/kustomizations.yaml")?, "Kustomization");
    let operator = &kustomizations[ORDER[0]]["spec"];
    ensure!(operator["path"] == "./operator", "another folder than that of the release: {}", operator["path"]);
    let check = &operator["healthChecks"][0];
    let releases = named(&made, "HelmRelease");
    let release = releases.get(text(&check["name"], "the name")?).context("nothing makes what is waited for")?;
    ensure!(check["apiVersion"] == release["apiVersion"] && check["kind"] == release["kind"], "{check}");
    ensure!(check["namespace"] == release["metadata"]["namespace"], "{check}");
    let source = &release["spec"]["chart"]["spec"]["sourceRef"];
    let repositories = named(&made, text(&source["kind"], "the kind of the source")?);
    ensure!(repositories.contains_key(text(&source["name"], "the source")?), "there is no {source}");
    Ok(())
}

#[tokio::test]
async fn argo_cd_waits_for_an_application_inside_another() -> Result<()> {
    let application =
        |status: Value| json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "Application", "status": status});
    let objects =
        [application(Value::Null), application(json!({})), application(json!({"health": {"status": "Degraded"}}))];
    let health = judge_by("argoproj.io_Application", &objects).await?;
    let words: Vec<_> = health.iter().map(|health| health.status.as_str()).collect();
    ensure!(words == ["Progressing", "Progressing", "Degraded"], "{health:?}");
    Ok(())
}
