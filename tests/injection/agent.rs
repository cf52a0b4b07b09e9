//! The agent as a sidecar.

use anyhow::Result;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::stage::{Stage, annotated, environment, labelled, mounts, named, names};

/// What a program of the pod gets.
const VARIABLES: [(&str, &str); 3] = [
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:9911/v1/credentials"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/var/run/secrets/aws-agent/token"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

fn with_agent() -> Value {
    annotated(&labelled("reader"), json!({"iam.crossaccount.dev/agent": "true"}))
}

#[tokio::test]
async fn the_agent_starts_before_all_others_and_they_get_its_address_and_token_but_not_the_secret() -> Result<()> {
    let stage = Stage::new("agent").await?;
    let mut pod = with_agent();
    pod["metadata"]["annotations"]["iam.crossaccount.dev/region"] = json!("eu-west-1");
    pod["spec"]["initContainers"] = json!([{"name": "setup", "image": "app"}]);
    let spec = stage.admit(&pod).await?["spec"].take();
    assert_eq!(names(&spec["initContainers"]), ["aws-credentials-agent", "setup"]);
    let region = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    for program in [&spec["initContainers"][1], &spec["containers"][0]] {
        assert_eq!(environment(program), [&VARIABLES[..], &region[..]].concat());
        assert_eq!(mounts(program), [("aws-credentials-token", "/var/run/secrets/aws-agent")]);
    }

    let agent = &spec["initContainers"][0];
    assert_eq!((&agent["image"], &agent["restartPolicy"]), (&json!("agent:test"), &json!("Always")));
    assert_eq!(agent["args"], json!(["serve", "--token-file=/var/run/secrets/aws-agent/token"]));
    assert_eq!(agent["startupProbe"]["exec"]["command"], json!(["/crossaccount-agent", "check"]));
    assert_eq!(
        mounts(agent),
        [("aws-credentials", "/var/run/secrets/aws"), ("aws-credentials-token", "/var/run/secrets/aws-agent")]
    );
    assert_eq!(agent.get("env"), None);
    assert_eq!(named(&spec["volumes"], "aws-credentials")?["secret"]["secretName"], "reader");
    let token = &named(&spec["volumes"], "aws-credentials-token")?["projected"]["sources"];
    let source = json!({"audience": "crossaccount-agent", "expirationSeconds": 3600, "path": "token"});
    assert_eq!(*token, json!([{"serviceAccountToken": source}]));
    Ok(())
}

#[tokio::test]
async fn a_pod_with_the_agent_meets_the_restricted_standard_if_it_does_without() -> Result<()> {
    let stage = Stage::new("restricted").await?;
    let namespaces: Api<Namespace> = Api::all(stage.env.kube.clone());
    let restricted = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "restricted"}}});
    namespaces.patch(&stage.env.namespace, &PatchParams::default(), &Patch::Merge(restricted)).await?;
    let mut pod = with_agent();
    pod["spec"]["securityContext"] = json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
    pod["spec"]["containers"][0]["securityContext"] =
        json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    let spec = stage.admit(&pod).await?["spec"].take();
    assert_eq!(names(&spec["initContainers"]), ["aws-credentials-agent"]);
    Ok(())
}

#[tokio::test]
async fn a_pod_that_has_its_agent_gets_no_second_one() -> Result<()> {
    let stage = Stage::new("one-agent").await?;
    let injected = stage.admit(&with_agent()).await?;
    let mut again = with_agent();
    again["spec"] = injected["spec"].clone();
    assert_eq!(stage.admit(&again).await?["spec"], injected["spec"]);
    Ok(())
}
