//! An installation with a secret wherever somebody may have put one.

use anyhow::{Context as _, Result};
use crossaccount::api::MANAGED_BY_LABEL;
use jiff::Timestamp;
use k8s_openapi::api::{apps::v1::Deployment, core::v1::Pod, events::v1::Event};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::cli::people::Person;
use crate::faults::leaks::{canary::Canary, words_of};
use lab::{aws::MANAGER_EXTERNAL_ID, env::TestEnv, kube_proxy::Verb, operator::Operator};

/// The pod of the operator.
pub const POD: &str = "crossaccount-operator-7d9c5b8f6-x2x4q";

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Words that look like what AWS gives out: in the description of an object, in the environment, in an Event, in logs.
const IN_A_DESCRIPTION: &str = "kT7+dQ2wZr/0LmXcVb8NaJhGfDsPoIuYtRe4WqAz";
const IN_THE_ENVIRONMENT: &str = "Qw3/ErTyUi+OpAsDfGh6JkLzXcVbNm1029384756";
const IN_AN_EVENT: &str = "Zx9cVbNmAsDfGhJkL/QwErTyUiOp+12345678900";
const IN_A_LOG: &str = "FwoGZXIvYXdzEBYaDKx/H3pQ7mT2vW9cRzLkJ8sNfUaYgBhCiDjEk+FlGmHnIoJpKqLrMsNtOuPv0123456789==";
/// Words that look like nothing. They are secret because of where they are.
const OF_A_VARIABLE: &str = "canary-of-a-variable";
const PASSWORD: &str = "canary-passw0rd";
const APPLIED: &str = "canary-last-applied";

/// An operator with one object that is Ready, and the objects of its Deployment in a namespace of their own.
pub struct Scene {
    /// The environment.
    pub env: TestEnv,
    /// The operator's namespace.
    pub operators: String,
    /// An administrator.
    pub person: Person,
    /// What must not be seen.
    pub canaries: Vec<Canary>,
    _operator: Operator,
}

impl Scene {
    /// Makes it.
    pub async fn new(name: &str) -> Result<Self> {
        let env = TestEnv::new(name).await?;
        let operator = env.start().await?;
        let mut role = env.role("reader");
        role.spec.role.description = Some(format!("Reads with {IN_A_DESCRIPTION}"));
        role.metadata.annotations = Some([(LAST_APPLIED.to_owned(), APPLIED.to_owned())].into());
        env.create(&role).await?;
        let ready = env.settled("reader").await?;
        let external_id = ready.status.and_then(|status| status.external_id).context("there is no external id")?;

        let operators = env.add_namespace("operator").await?;
        install(&env, &operators).await?;
        let canaries = [
            ("the key in a description", IN_A_DESCRIPTION),
            ("the key in the environment", IN_THE_ENVIRONMENT),
            ("the key in an Event", IN_AN_EVENT),
            ("the token in a log", IN_A_LOG),
            ("the value of a variable", OF_A_VARIABLE),
            ("the password", PASSWORD),
            ("what was last applied", APPLIED),
            ("the external id of the object", &external_id),
        ];
        let mut canaries: Vec<Canary> = canaries.map(|(name, word)| Canary::new(name, word)).into();
        let forms = canaries[..4].iter().flat_map(Canary::forms).map(|form| format!("INFO the form {form} of a key\n"));
        let log = format!(
            "INFO the first line\nINFO {external_id} and {MANAGER_EXTERNAL_ID} and {PASSWORD}\n{}INFO the last line\n",
            forms.collect::<String>()
        );
        env.kube_proxy.on([Verb::Get], "pods/log").text(&log);
        canaries.extend(words_of("the Secret", &env.copied("reader").await?));
        canaries.extend(words_of("the operator", &env.aws.operator));
        let person = Person::admin_through_proxy(&env).await?;
        Ok(Self { env, operators, person, canaries, _operator: operator })
    }
}

/// A Deployment, its pod and an Event, as the chart and a cluster would make them. No kubelet runs the pod.
async fn install(env: &TestEnv, namespace: &str) -> Result<()> {
    let labels = json!({"app.kubernetes.io/name": "crossaccount-operator", MANAGED_BY_LABEL: "Helm"});
    let metadata = |name: &str| json!({"name": name, "labels": labels, "annotations": {LAST_APPLIED: APPLIED}});
    let container = json!({
        "name": "operator", "image": "crossaccount-operator:0.1.0", "args": ["run", "--log-level=info"],
        "env": [
            {"name": "AWS_REGION", "value": "eu-west-1"},
            {"name": "AWS_SECRET_ACCESS_KEY", "value": IN_THE_ENVIRONMENT},
            {"name": "SOMETHING", "value": OF_A_VARIABLE},
            {"name": "DATABASE_PASSWORD", "value": PASSWORD},
            {"name": "HTTPS_PROXY", "value": format!("http://operator:{PASSWORD}@proxy.example.com:3128")},
        ],
    });
    let spec = json!({"containers": [container]});
    let template = json!({"metadata": {"labels": labels}, "spec": spec});
    let deployment = json!({"metadata": metadata("crossaccount-operator"),
        "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}});
    let deployments: Api<Deployment> = Api::namespaced(env.kube.clone(), namespace);
    deployments.create(&PostParams::default(), &serde_json::from_value(deployment)?).await?;

    let pods: Api<Pod> = Api::namespaced(env.kube.clone(), namespace);
    let pod: Pod = serde_json::from_value(json!({"metadata": metadata(POD), "spec": spec}))?;
    let pod = pods.create(&PostParams::default(), &pod).await?;
    let status = json!([{"name": "operator", "image": "x", "imageID": "x", "ready": true, "restartCount": 1}]);
    let status = Patch::Merge(json!({"status": {"containerStatuses": status}}));
    pods.patch_status(POD, &PatchParams::default(), &status).await?;

    let events: Api<Event> = Api::namespaced(env.kube.clone(), namespace);
    events.create(&PostParams::default(), &event(namespace, &pod)?).await?;
    Ok(())
}

fn event(namespace: &str, pod: &Pod) -> Result<Event> {
    let event: Value = json!({
        "metadata": {"name": "tested"}, "eventTime": Timestamp::now(),
        "reportingController": "lab", "reportingInstance": "lab", "action": "Test", "reason": "Tested", "type": "Warning",
        "note": format!("the key {IN_AN_EVENT} is wrong"),
        "regarding": {"apiVersion": "v1", "kind": "Pod", "namespace": namespace, "name": POD, "uid": pod.metadata.uid},
    });
    Ok(serde_json::from_value(event)?)
}
