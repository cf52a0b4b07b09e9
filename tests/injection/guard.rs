//! What the guard refuses, and what it says.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::stage::{Stage, annotated, labelled};

/// A pod with one annotation of the group.
fn with(name: &str, value: &str) -> Value {
    annotated(&labelled("reader"), json!({(format!("iam.crossaccount.dev/{name}")): value}))
}

/// A pod with the annotation `roles`, and with a region.
fn with_roles(roles: &str) -> Value {
    let mut pod = with("roles", roles);
    pod["metadata"]["annotations"]["iam.crossaccount.dev/region"] = json!("eu-west-1");
    pod
}

async fn all_refused(stage: &Stage, cases: Vec<(Value, &str)>) -> Result<()> {
    for (pod, words) in cases {
        let message = stage.refusal(&pod).await.with_context(|| pod.to_string())?;
        ensure!(message.contains(words), "{pod}: {message}");
    }
    Ok(())
}

#[tokio::test]
async fn annotations_that_cannot_be_met_are_refused_with_what_to_write() -> Result<()> {
    let stage = Stage::new("refused").await?;
    let long_path = "/../etc";
    all_refused(
        &stage,
        vec![
            (labelled(""), "must be the name of a CrossAccountRole"),
            (labelled("Reader"), "must be the name of a CrossAccountRole"),
            (with("secret", "My_Secret"), "must be the name of a Secret"),
            (with("mount-path", "relative"), "must be an absolute path"),
            (with("mount-path", long_path), "must be an absolute path"),
            (with("mount-path", "/etc/aws/"), "must be an absolute path"),
            (with("mount-path", "/etc/aws; evil"), "must be an absolute path"),
            (with("agent", "yes"), "must be \"true\" or \"false\""),
            (with("region", "Ireland"), "such as eu-west-1"),
            (with("roles", "audit"), "also needs iam.crossaccount.dev/region"),
            (with_roles(""), "write name=secret"),
            (with_roles("audit,"), "write name=secret"),
            (with_roles("audit=a=b"), "write name=secret"),
            (with_roles("audit\n[default]"), "write name=secret"),
            (with_roles("audit,audit=other"), "must name each role once"),
            (with_roles("default"), "must name each role once, and none that is named default"),
        ],
    )
    .await
}

#[tokio::test]
async fn the_agent_is_refused_where_it_cannot_serve() -> Result<()> {
    let stage = Stage::new("no-agent").await?;
    let mut several = with_roles("audit");
    several["metadata"]["annotations"]["iam.crossaccount.dev/agent"] = json!("true");
    let mut host = with("agent", "true");
    host["spec"]["hostNetwork"] = json!(true);
    let mut own = with("agent", "true");
    own["spec"]["initContainers"] = json!([{"name": "aws-credentials-agent", "image": "app"}]);
    all_refused(
        &stage,
        vec![
            (several, "the agent serves one role"),
            (host, "hostNetwork"),
            (own, "This pod has no sidecar aws-credentials-agent"),
        ],
    )
    .await
}

#[tokio::test]
async fn a_pod_that_would_use_another_identity_is_refused_unless_it_says_so() -> Result<()> {
    let stage = Stage::new("other").await?;
    let mut volume = labelled("reader");
    volume["spec"]["volumes"] = json!([{"name": "aws-credentials", "emptyDir": {}}]);
    let variable = |name: &str| {
        let mut pod = labelled("reader");
        pod["spec"]["containers"][0]["env"] = json!([{"name": name, "value": "x"}]);
        pod
    };
    all_refused(
        &stage,
        vec![
            (volume, "The volume aws-credentials of this pod does not hold Secret reader."),
            (variable("AWS_ACCESS_KEY_ID"), "Container app has the variable AWS_ACCESS_KEY_ID"),
            (variable("AWS_WEB_IDENTITY_TOKEN_FILE"), "Container app has the variable AWS_WEB_IDENTITY_TOKEN_FILE"),
        ],
    )
    .await?;
    let mut skipped = variable("AWS_ACCESS_KEY_ID");
    skipped["metadata"]["annotations"] = json!({"iam.crossaccount.dev/skip-containers": "app"});
    stage.admit(&skipped).await?;
    Ok(())
}
