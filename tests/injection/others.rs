//! Other policies that change the same pods.

use anyhow::{Result, ensure};
use serde_json::json;

use super::stage::{Stage, annotated, environment, labelled, mounts, names};
use lab::wait::eventually;

/// A policy that changes the pods of the test that have the annotation `test/other`. The API server calls it again if that of the chart
/// changes a pod after it.
fn policy(stage: &Stage, name: &str, expression: &str) -> String {
    let (namespace, name) = (&stage.env.namespace, format!("{}-{name}", stage.env.namespace));
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicy", "metadata": {"name": name},
        "spec": {
            "matchConstraints": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
                "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}],
            },
            "matchConditions": [{"name": "asked", "expression": "object.metadata.?annotations['test/other'].orValue('') == 'yes'"}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": name}, "spec": {"policyName": name},
    });
    json!({"apiVersion": "v1", "kind": "List", "items": [policy, binding]}).to_string()
}

#[tokio::test]
async fn a_container_that_another_policy_adds_gets_it_too_and_nothing_is_there_twice() -> Result<()> {
    let stage = Stage::new("added").await?;
    let container = r#"Object.spec.containers{name: "mesh", image: "mesh"}"#;
    let add = format!(r#"[JSONPatch{{op: "add", path: "/spec/containers/-", value: {container}}}]"#);
    // Only once the volume is there: so the policy of the chart comes before it, and must be called again.
    let add =
        format!(r#"has(object.spec.volumes) && !object.spec.containers.exists(c, c.name == "mesh") ? {add} : []"#);
    stage.apply(&policy(&stage, "z-adds", &add)).await?;
    let pod = annotated(&labelled("reader"), json!({"test/other": "yes"}));
    let spec = eventually("the other policy is in force", async || {
        let spec = stage.admit(&pod).await?["spec"].take();
        ensure!(names(&spec["containers"]) == ["app", "mesh"], "{spec}");
        Ok(spec)
    })
    .await?;
    for container in [0, 1] {
        assert_eq!(mounts(&spec["containers"][container]), super::MOUNT);
        assert_eq!(environment(&spec["containers"][container]), super::VARIABLES);
    }
    assert_eq!(names(&spec["volumes"]), ["aws-credentials"]);
    Ok(())
}

#[tokio::test]
async fn a_pod_whose_mounts_another_policy_took_away_is_refused() -> Result<()> {
    let stage = Stage::new("taken").await?;
    let remove = r#"has(object.spec.containers[0].volumeMounts)
        ? [JSONPatch{op: "remove", path: "/spec/containers/0/volumeMounts"}] : []"#;
    stage.apply(&policy(&stage, "z-takes", remove)).await?;
    let pod = annotated(&labelled("reader"), json!({"test/other": "yes"}));
    let message = eventually("the other policy is in force", async || stage.refusal(&pod).await).await?;
    ensure!(message.contains("Containers without the credentials: app. They would use another identity"), "{message}");
    Ok(())
}
