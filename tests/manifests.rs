//! The manifests on the pages: users copy them, so the API server must take each as it is.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::ServiceAccount;
use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams, TypeMeta},
    core::GroupVersionKind,
};
use serde_json::{Value, json};

use super::architecture::pages::pages;
use lab::{env::TestEnv, wait::eventually};

/// The kinds that the tests' API server knows.
const KNOWN: [&str; 3] = ["iam.crossaccount.dev/v1alpha1", "apps/v1", "v1"];

/// The blocks of YAML on a page, without the indentation of a list that they are in.
fn blocks(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(fence) = lines.find(|line| line.trim_start() == "```yaml") {
        let indentation = fence.len() - fence.trim_start().len();
        let block = lines.by_ref().take_while(|line| line.trim_start() != "```");
        found.push(block.map(|line| line.get(indentation..).unwrap_or_default().to_owned() + "\n").collect());
    }
    found
}

/// All whole manifests of kinds that the API server knows, with the page that each is on.
fn manifests() -> Result<Vec<(PathBuf, Value)>> {
    let mut found = Vec::new();
    for (page, text) in pages()? {
        for block in blocks(&text) {
            for document in block.split("\n---\n") {
                let manifest: Value = serde_saphyr::from_str(document)
                    .with_context(|| format!("{} has YAML that cannot be read:\n{document}", page.display()))?;
                if manifest["apiVersion"].as_str().is_some_and(|version| KNOWN.contains(&version)) {
                    found.push((page.clone(), manifest));
                }
            }
        }
    }
    Ok(found)
}

/// Has the API server judge a manifest as for an apply, and store nothing.
async fn judged(env: &TestEnv, mut manifest: Value) -> Result<()> {
    let types: TypeMeta = serde_json::from_value(manifest.clone())?;
    let resource = ApiResource::from_gvk(&GroupVersionKind::try_from(types)?);
    let name = manifest["metadata"]["name"].as_str().context("it has no name")?.to_owned();
    let api: Api<DynamicObject> = if resource.kind == "AWSAccount" {
        Api::all_with(env.kube.clone(), &resource)
    } else {
        manifest["metadata"]["namespace"] = json!(env.namespace);
        Api::namespaced_with(env.kube.clone(), &env.namespace, &resource)
    };
    let strictly = PatchParams { dry_run: true, ..PatchParams::apply("pages").validation_strict() };
    api.patch(&name, &strictly, &Patch::Apply(&manifest)).await?;
    Ok(())
}

#[tokio::test]
async fn every_manifest_on_a_page_is_one_that_the_api_server_takes() -> Result<()> {
    let env = TestEnv::bare("pages").await?;
    // Without it the API server takes no pod.
    let accounts: Api<ServiceAccount> = Api::namespaced(env.kube.clone(), &env.namespace);
    eventually("the namespace has its service account", async || Ok(accounts.get("default").await?)).await?;

    let manifests = manifests()?;
    ensure!(manifests.len() > 7, "only {} manifests were found", manifests.len());
    for (page, manifest) in manifests {
        let shown = manifest.to_string();
        judged(&env, manifest).await.with_context(|| format!("{}: {shown}", page.display()))?;
    }
    Ok(())
}
