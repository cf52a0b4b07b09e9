//! Pods with the label `iam.crossaccount.dev/role`: what the API server adds to them, and which of them it refuses.

mod agent;
mod guard;
mod others;
mod several;
mod stage;
mod workloads;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use lab::{helm::Helm, run};

use self::stage::{Stage, environment, labelled, mounts};

/// The variables of a container of a pod with one role and no annotation, in order.
const VARIABLES: [(&str, &str); 4] = [
    ("AWS_CONFIG_FILE", "/var/run/secrets/aws/config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
    ("AWS_SDK_LOAD_CONFIG", "1"),
    ("AWS_EC2_METADATA_DISABLED", "true"),
];

/// The mount of such a container.
const MOUNT: [(&str, &str); 1] = [("aws-credentials", "/var/run/secrets/aws")];

#[tokio::test]
async fn each_container_of_a_labelled_pod_gets_the_mount_and_the_variables() -> Result<()> {
    let stage = Stage::new("injected").await?;
    let mut pod = labelled("reader");
    pod["spec"]["initContainers"] = json!([{"name": "setup", "image": "app"}]);
    pod["spec"]["containers"] = json!([
        {"name": "app", "image": "app"},
        {
            "name": "second", "image": "app",
            "env": [{"name": "OWN", "value": "1"}, {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}}],
            "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        },
    ]);
    pod["spec"]["volumes"] = json!([{"name": "data", "emptyDir": {}}]);
    let injected = stage.admit(&pod).await?;
    for container in [&injected["spec"]["initContainers"][0], &injected["spec"]["containers"][0]] {
        assert_eq!(environment(container), VARIABLES);
        assert_eq!(mounts(container), MOUNT);
        assert_eq!(container["volumeMounts"][0]["readOnly"], true);
    }
    let second = &injected["spec"]["containers"][1];
    let own = ["OWN", "NODE"].map(|name| (name, if name == "OWN" { "1" } else { "" }));
    assert_eq!(environment(second), [&own[..], &VARIABLES[..]].concat());
    assert_eq!(second["env"][1], pod["spec"]["containers"][1]["env"][1].defaulted());
    assert_eq!(mounts(second), [("data", "/data"), MOUNT[0]]);
    let volumes = json!([
        {"name": "data", "emptyDir": {}},
        // Not optional: the pod waits for the Secret. Readable for every user, as all Secrets are by default.
        {"name": "aws-credentials", "secret": {"secretName": "reader", "defaultMode": 0o644}},
    ]);
    assert_eq!(injected["spec"]["volumes"], volumes);
    assert_eq!(injected["metadata"]["annotations"], Value::Null);
    Ok(())
}

/// A field reference as the API server stores it.
trait Defaulted {
    fn defaulted(&self) -> Value;
}

impl Defaulted for Value {
    fn defaulted(&self) -> Value {
        let mut value = self.clone();
        value["valueFrom"]["fieldRef"]["apiVersion"] = json!("v1");
        value
    }
}

#[tokio::test]
async fn annotations_name_another_secret_another_path_a_region_and_containers_to_leave_alone() -> Result<()> {
    let stage = Stage::new("annotated").await?;
    let mut pod = labelled("reader");
    pod["spec"]["containers"] =
        json!([{"name": "app", "image": "app"}, {"name": "log", "image": "app"}, {"name": "proxy", "image": "app"}]);
    pod["metadata"]["annotations"] = json!({
        "iam.crossaccount.dev/secret": "reader-aws",
        "iam.crossaccount.dev/mount-path": "/etc/aws",
        "iam.crossaccount.dev/region": "eu-central-1",
        "iam.crossaccount.dev/skip-containers": "log, proxy",
    });
    let injected = stage.admit(&pod).await?;
    let app = &injected["spec"]["containers"][0];
    let mut expected = VARIABLES.to_vec();
    expected[0].1 = "/etc/aws/config";
    expected.extend([("AWS_REGION", "eu-central-1"), ("AWS_DEFAULT_REGION", "eu-central-1")]);
    assert_eq!(environment(app), expected);
    assert_eq!(mounts(app), [("aws-credentials", "/etc/aws")]);
    assert_eq!(injected["spec"]["volumes"][0]["secret"]["secretName"], "reader-aws");
    for skipped in [1, 2] {
        let container = &injected["spec"]["containers"][skipped];
        assert_eq!((environment(container), mounts(container)), (Vec::new(), Vec::new()));
    }
    Ok(())
}

#[tokio::test]
async fn what_a_pod_has_already_stays_as_it_is() -> Result<()> {
    let stage = Stage::new("kept").await?;
    let mut pod = labelled("reader");
    let config =
        json!({"name": "own-config", "image": "app", "env": [{"name": "AWS_CONFIG_FILE", "value": "/etc/own"}]});
    let mount = json!({
        "name": "own-mount", "image": "app",
        "volumeMounts": [{"name": "own", "mountPath": "/var/run/secrets/aws", "readOnly": true}],
    });
    let region = json!({"name": "own-region", "image": "app", "env": [{"name": "AWS_SDK_LOAD_CONFIG", "value": "0"}]});
    pod["spec"]["containers"] = json!([config, mount, region]);
    pod["spec"]["volumes"] = json!([
        {"name": "own", "emptyDir": {}},
        {"name": "aws-credentials", "secret": {"secretName": "reader", "defaultMode": 0o440}},
    ]);
    let injected = stage.admit(&pod).await?;
    for untouched in [0, 1] {
        let (before, after) = (&pod["spec"]["containers"][untouched], &injected["spec"]["containers"][untouched]);
        assert_eq!((&before["env"], &before["volumeMounts"]), (&after["env"], &after["volumeMounts"]));
    }
    let partly = &injected["spec"]["containers"][2];
    let others = [VARIABLES[0], VARIABLES[1], VARIABLES[3]];
    assert_eq!(environment(partly), [&[("AWS_SDK_LOAD_CONFIG", "0")], &others[..]].concat());
    assert_eq!(injected["spec"]["volumes"], pod["spec"]["volumes"]);
    Ok(())
}

#[tokio::test]
async fn a_pod_without_the_label_is_not_changed_and_a_complete_one_stays_as_it_is() -> Result<()> {
    let stage = Stage::new("unchanged").await?;
    let mut plain = labelled("reader");
    plain["metadata"]["labels"] = json!({"app": "reports"});
    assert_eq!(stage.admit(&plain).await?["spec"], stage.admit_elsewhere(&plain).await?["spec"]);

    // As `kubectl debug --copy-to` creates it.
    let injected = stage.admit(&labelled("reader")).await?;
    let mut copy = labelled("reader");
    copy["spec"] = injected["spec"].clone();
    assert_eq!(stage.admit(&copy).await?["spec"], injected["spec"]);
    Ok(())
}

#[tokio::test]
async fn pods_of_the_operators_own_namespace_and_of_others_are_not_touched() -> Result<()> {
    let stage = Stage::new("exempt").await?;
    let pod = labelled("reader");
    let injected = stage.admit(&pod).await?;
    assert_eq!(injected["spec"]["volumes"][0]["name"], "aws-credentials");
    let of_the_operator = stage.admit_beside_the_operator(&pod).await?;
    assert_eq!(of_the_operator["spec"], stage.admit_elsewhere(&pod).await?["spec"]);
    assert_eq!(of_the_operator["spec"]["volumes"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_large_pod_stays_within_what_the_api_server_spends_on_a_policy() -> Result<()> {
    let stage = Stage::new("large").await?;
    let mut pod = labelled("reader");
    let variables: Vec<Value> = (0..200).map(|n| json!({"name": format!("OWN_{n}"), "value": "x"})).collect();
    let container = |n: usize| json!({"name": format!("app-{n}"), "image": "app", "env": variables});
    pod["spec"]["containers"] = (0..40).map(container).collect();
    let injected = stage.admit(&pod).await?;
    for n in 0..40 {
        assert_eq!(environment(&injected["spec"]["containers"][n]).len(), 204, "container {n}");
    }
    Ok(())
}

#[tokio::test]
async fn the_chart_says_which_kubernetes_it_takes() -> Result<()> {
    let helm = Helm::new().await?;
    let mut command = helm.command();
    command.args(["template", "early"]).arg(Helm::chart());
    let answer = run(command.args(["--kube-version=1.35.2", "--set=podInjection.enabled=true"])).await;
    let refusal = format!("{:#}", answer.err().context("it is rendered")?);
    assert!(refusal.contains("podInjection.enabled needs Kubernetes 1.36, and this cluster has v1.35.2"), "{refusal}");
    Ok(())
}
