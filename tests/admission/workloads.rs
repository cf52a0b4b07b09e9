//! What the operator may do to workloads and pods.

use anyhow::Result;
use crossaccount::api::annotation;
use serde_json::{Value, json};

use super::{
    annotated,
    manifest::{pod, workload},
    metadata,
    stage::{Refusal, Stage, Who},
    write::{
        Kind::{DaemonSet, Deployment, Pod, StatefulSet},
        create, delete, delete_all, evict, exec, merge, status, subresource,
    },
};

const POLICY: &str = "workloads";

fn template(what: &Value) -> Value {
    json!({"spec": {"template": what}})
}

fn pods(spec: &Value) -> Value {
    template(&json!({"spec": spec}))
}

#[tokio::test]
async fn the_operator_changes_nothing_of_a_workload_but_one_annotation_of_its_pods() -> Result<()> {
    let stage = Stage::new("admission-workloads").await?;
    let words = "nothing of a workload but the annotation iam.crossaccount.dev/restarted-for of its pod template";
    let refusal = Refusal { policy: POLICY, words };
    let restart = template(&annotated(annotation::RESTARTED_FOR, Some("2027-01-15T09:00:00Z")));
    let mut more = restart.clone();
    more["spec"]["template"]["metadata"]["annotations"]["example.com/note"] = json!("another");
    for kind in [Deployment, StatefulSet, DaemonSet] {
        let rows = [
            ("a new one", create(kind, workload(kind, "new"))),
            ("its end", delete(kind, "app")),
            ("the end of all", delete_all(kind)),
            ("its status", status(kind, "app", json!({"status": {"observedGeneration": 7}}))),
            ("a label of its own", merge(kind, "app", metadata("labels", &json!({"team": "red"})))),
            ("an annotation of its own", merge(kind, "app", annotated(annotation::RESTARTED_FOR, Some("x")))),
            ("how many revisions are kept", merge(kind, "app", json!({"spec": {"revisionHistoryLimit": 3}}))),
            ("another image", merge(kind, "app", pods(&json!({"containers": [{"name": "app", "image": "another"}]})))),
            ("another account", merge(kind, "app", pods(&json!({"serviceAccountName": "admin"})))),
            ("a label of its pods", merge(kind, "app", template(&metadata("labels", &json!({"team": "red"}))))),
            ("another annotation", merge(kind, "app", template(&annotated("example.com/note", Some("another"))))),
            ("an annotation taken away", merge(kind, "app", template(&annotated("example.com/note", None)))),
            ("a restart and more", merge(kind, "app", more.clone())),
        ];
        stage.refuses(Who::Operator, refusal, rows).await?;
        stage.takes(Who::Operator, [("a restart", merge(kind, "app", restart.clone()))]).await?;
    }
    let scale = subresource("scale", Deployment, "app", json!({"spec": {"replicas": 9}}));
    stage.refuses(Who::Operator, refusal, [("another scale", scale)]).await
}

#[tokio::test]
async fn the_operator_changes_nothing_of_a_pod_but_one_annotation() -> Result<()> {
    let stage = Stage::new("admission-pods").await?;
    let words = "nothing of a pod but its annotation iam.crossaccount.dev/credentials-issued-at";
    let debugger = json!({"spec": {"ephemeralContainers": [{"name": "debugger", "image": "another"}]}});
    let rows = [
        ("a new one", create(Pod, pod("new"))),
        ("its end", delete(Pod, "app")),
        ("the end of all", delete_all(Pod)),
        ("its status", status(Pod, "app", json!({"status": {"phase": "Failed"}}))),
        ("another image", merge(Pod, "app", json!({"spec": {"containers": [{"name": "app", "image": "another"}]}}))),
        ("a label", merge(Pod, "app", metadata("labels", &json!({"team": "red"})))),
        ("another annotation", merge(Pod, "app", annotated("example.com/note", Some("another")))),
        ("an annotation taken away", merge(Pod, "app", annotated("example.com/note", None))),
        ("a container beside the others", subresource("ephemeralcontainers", Pod, "app", debugger)),
        ("its eviction", evict("app")),
        ("a command in it", exec("app")),
    ];
    stage.refuses(Who::Operator, Refusal { policy: POLICY, words }, rows).await?;
    let nudge = annotated(annotation::CREDENTIALS_ISSUED_AT, Some("2027-01-15T09:00:00Z"));
    stage.takes(Who::Operator, [("a nudge", merge(Pod, "app", nudge))]).await
}
