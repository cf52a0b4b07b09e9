//! The operator in the cluster, installed by the chart as a platform team does it.

use std::fs;

use anyhow::Result;
use serde_json::json;

use crate::stage::{Stage, say};
use lab::{
    control_plane::OPERATOR_ACCOUNT,
    emulator::REGION,
    guard,
    helm::{Helm, RELEASE},
    run,
};

/// Secret with the operator's own keys.
const KEYS: &str = "operator-aws";

/// Installs the chart, and waits until its pods are ready. `aws` is where pods find AWS.
pub async fn install(stage: &Stage, aws: &str) -> Result<()> {
    let (namespace, _) = OPERATOR_ACCOUNT;
    say("Installing the operator with Helm: two replicas, in a namespace of restricted pods");
    stage.kubectl(&["create", "namespace", namespace]).await?;
    stage.kubectl(&["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]).await?;
    give_keys(stage, namespace).await?;

    let helm = Helm::new().await?;
    let image = |name: &str| json!({"repository": format!("lab.local/{name}"), "tag": "1"});
    let values = json!({
        "image": image("crossaccount-operator"),
        "agent": {"image": image("crossaccount-agent")},
        "aws": {"region": REGION, "identity": {"type": "Secret", "secret": {"name": KEYS}}},
        "extraEnv": [
            {"name": "AWS_ENDPOINT_URL", "value": aws},
            {"name": "AWS_EC2_METADATA_DISABLED", "value": "true"},
        ],
        "nudgePods": true,
        "podInjection": {"enabled": true},
    });
    let mut install = helm.on(stage.control_plane);
    install.args(["install", RELEASE]).arg(Helm::chart()).arg("--values").arg(helm.values(&values)?);
    let notes = run(install.args(["--wait", "--timeout", "3m"])).await?;
    for line in notes.lines() {
        println!("    {line}");
    }
    stage.kubectl(&["get", "pods", "-n", namespace, "-o", "wide"]).await
}

/// Puts the operator's keys into a Secret, in the form of `~/.aws/credentials`.
async fn give_keys(stage: &Stage, namespace: &str) -> Result<()> {
    let keys = &stage.aws.operator.credentials;
    let file = guard::scratch("keys")?.join("credentials");
    let text = format!(
        "[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n",
        keys.access_key_id(),
        keys.secret_access_key()
    );
    fs::write(&file, text)?;
    let from = format!("--from-file=credentials={}", file.display());
    stage.kubectl(&["create", "secret", "generic", "-n", namespace, KEYS, &from]).await
}

/// What the operator's pods say, for a story that went wrong.
pub async fn logs(stage: &Stage) -> Result<String> {
    let (namespace, _) = OPERATOR_ACCOUNT;
    let selector = format!("app.kubernetes.io/instance={RELEASE}");
    run(stage.control_plane.kubectl().args(["logs", "-n", namespace, "--prefix", "--tail=30", "-l", &selector])).await
}

/// Removes all objects, and what the operator made for them in AWS, and then the release.
pub async fn remove(stage: &Stage) -> Result<()> {
    stage.kubectl(&["delete", "--timeout=1m", "crossaccountroles,awsaccounts", "--all", "--all-namespaces"]).await?;
    let helm = Helm::new().await?;
    let printed = run(helm.on(stage.control_plane).args(["uninstall", RELEASE, "--wait"])).await?;
    for line in printed.lines() {
        println!("    {line}");
    }
    Ok(())
}
