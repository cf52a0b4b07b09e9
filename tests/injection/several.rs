//! Several roles in one pod.

use anyhow::Result;
use serde_json::{Value, json};

use super::stage::{Stage, annotated, environment, labelled, mounts};

const CONFIG: &str = "\
[default]
credential_process = cat /var/run/secrets/aws/reader/credentials.json
[profile ci-writer]
credential_process = cat /var/run/secrets/aws/ci-writer/credentials.json
[profile audit]
credential_process = cat /var/run/secrets/aws/audit/credentials.json
";

fn with_roles(roles: &str) -> Value {
    annotated(
        &labelled("reader"),
        json!({"iam.crossaccount.dev/roles": roles, "iam.crossaccount.dev/region": "eu-west-1"}),
    )
}

fn secret(name: &str, role: &str) -> Value {
    json!({"secret": {"name": name, "items": [{"key": "credentials.json", "path": format!("{role}/credentials.json")}]}})
}

#[tokio::test]
async fn each_role_is_a_profile_and_that_of_the_label_the_default_one() -> Result<()> {
    let stage = Stage::new("several").await?;
    let injected = stage.admit(&with_roles("ci-writer=ci-writer-aws, audit")).await?;
    assert_eq!(injected["metadata"]["annotations"]["iam.crossaccount.dev/config"], CONFIG);
    let volume = &injected["spec"]["volumes"][0];
    let config = json!({"apiVersion": "v1", "fieldPath": "metadata.annotations['iam.crossaccount.dev/config']"});
    let sources = json!([
        {"downwardAPI": {"items": [{"path": "config", "fieldRef": config}]}},
        secret("reader", "reader"),
        secret("ci-writer-aws", "ci-writer"),
        secret("audit", "audit"),
    ]);
    assert_eq!((&volume["name"], &volume["projected"]["sources"]), (&json!("aws-credentials"), &sources));
    let app = &injected["spec"]["containers"][0];
    assert_eq!(mounts(app), super::MOUNT);
    let region = [("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-1")];
    assert_eq!(environment(app), [&super::VARIABLES[..], &region[..]].concat());
    Ok(())
}

#[tokio::test]
async fn the_role_of_the_label_may_be_listed_with_its_secret() -> Result<()> {
    let stage = Stage::new("listed").await?;
    let injected = stage.admit(&with_roles("reader=reader-aws,audit")).await?;
    let sources = &injected["spec"]["volumes"][0]["projected"]["sources"];
    assert_eq!((&sources[1], &sources[2]), (&secret("reader-aws", "reader"), &secret("audit", "audit")));
    assert_eq!(sources[3], Value::Null);
    let config = injected["metadata"]["annotations"]["iam.crossaccount.dev/config"].as_str().unwrap_or_default();
    assert!(config.starts_with("[default]\n") && !config.contains("[profile reader]"), "{config}");
    Ok(())
}

#[tokio::test]
async fn the_file_with_the_profiles_is_the_policys_own_whatever_a_pod_says() -> Result<()> {
    let stage = Stage::new("own-config").await?;
    let mut pod = with_roles("ci-writer=ci-writer-aws,audit");
    pod["metadata"]["annotations"]["iam.crossaccount.dev/config"] = json!("[default]\ncredential_process = evil");
    let injected = stage.admit(&pod).await?;
    assert_eq!(injected["metadata"]["annotations"]["iam.crossaccount.dev/config"], CONFIG);

    let mut again = pod.clone();
    again["spec"] = injected["spec"].clone();
    assert_eq!(stage.admit(&again).await?["spec"], injected["spec"]);
    Ok(())
}
