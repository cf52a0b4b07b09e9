//! Pods that controllers make, and containers that are added to running pods.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::{apps::v1::Deployment, batch::v1::Job, core::v1::Pod};
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::stage::{Stage, annotated, environment, labelled, mounts, named};
use lab::wait::eventually;

/// The template of the labelled pod.
fn template() -> Value {
    let mut pod = labelled("reader");
    pod["metadata"]["labels"]["app"] = json!("reports");
    json!({"metadata": {"labels": pod["metadata"]["labels"]}, "spec": pod["spec"]})
}

/// Waits for the pod that a controller makes.
async fn pod_of(stage: &Stage, owner: &str) -> Result<Value> {
    eventually("the controller made a pod", async || {
        let pods = stage.api().list(&ListParams::default()).await?;
        let of_owner = |pod: &&kube::api::DynamicObject| {
            pod.metadata.owner_references.iter().flatten().any(|reference| reference.kind == owner)
        };
        let pod = pods.items.iter().find(of_owner).context("there is none")?;
        Ok(serde_json::to_value(pod)?)
    })
    .await
}

#[tokio::test]
async fn pods_of_deployments_and_jobs_are_injected_and_their_templates_are_not() -> Result<()> {
    let stage = Stage::new("controllers").await?;
    let selector = json!({"matchLabels": {"app": "reports"}});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "reports"},
        "spec": {"replicas": 1, "selector": selector, "template": template()},
    });
    stage.create::<Deployment>(deployment).await?;
    let mut once = template();
    once["spec"]["restartPolicy"] = json!("Never");
    let job =
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "export"}, "spec": {"template": once}});
    stage.create::<Job>(job).await?;
    for owner in ["ReplicaSet", "Job"] {
        let pod = pod_of(&stage, owner).await?;
        assert_eq!(mounts(&pod["spec"]["containers"][0]), super::MOUNT, "{owner}");
        assert_eq!(environment(&pod["spec"]["containers"][0]), super::VARIABLES, "{owner}");
        assert_eq!(pod["spec"]["volumes"][0]["secret"]["secretName"], "reader", "{owner}");
    }
    Ok(())
}

/// Adds a container to a running pod, as `kubectl debug` does, and gives all such containers.
async fn debug(stage: &Stage, pod: &str, container: &str) -> Result<Value> {
    let added = json!({"spec": {"ephemeralContainers": [{"name": container, "image": "debug"}]}});
    let api: kube::Api<Pod> = kube::Api::namespaced(stage.env.kube.clone(), &stage.env.namespace);
    let patched = api.patch_ephemeral_containers(pod, &PatchParams::default(), &Patch::Strategic(added)).await?;
    Ok(serde_json::to_value(patched.spec.and_then(|spec| spec.ephemeral_containers))?)
}

#[tokio::test]
async fn a_container_for_debugging_gets_what_the_others_have() -> Result<()> {
    let stage = Stage::new("debugged").await?;
    stage.create::<Pod>(labelled("reader")).await?;
    let first = debug(&stage, "app", "first").await?;
    assert_eq!(mounts(named(&first, "first")?), super::MOUNT);
    assert_eq!(environment(named(&first, "first")?), super::VARIABLES);
    let second = debug(&stage, "app", "second").await?;
    assert_eq!(named(&second, "first")?, named(&first, "first")?, "it cannot be changed any more");
    assert_eq!(mounts(named(&second, "second")?), super::MOUNT);

    let mut served = annotated(&labelled("reader"), json!({"iam.crossaccount.dev/agent": "true"}));
    served["metadata"]["name"] = json!("served");
    stage.create::<Pod>(served).await?;
    let added = debug(&stage, "served", "first").await?;
    assert_eq!(mounts(named(&added, "first")?), [("aws-credentials-token", "/var/run/secrets/aws-agent")]);
    Ok(())
}

#[tokio::test]
async fn a_pod_that_was_labelled_later_can_be_debugged_and_gets_nothing() -> Result<()> {
    let stage = Stage::new("labelled").await?;
    let mut pod = labelled("reader");
    pod["metadata"]["labels"] = json!({});
    stage.create::<Pod>(pod).await?;
    let label = json!({"metadata": {"labels": {"iam.crossaccount.dev/role": "reader"}}});
    stage.api().patch("app", &PatchParams::default(), &Patch::Merge(label)).await?;
    let added = debug(&stage, "app", "first").await?;
    let first = named(&added, "first")?;
    ensure!(mounts(first).is_empty() && environment(first).is_empty(), "{first}");
    Ok(())
}
