//! Programs that read credentials only when they start: restarted after a renewal, or named.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, CrossAccountRole, Output, RolloutRestart, WorkloadKind, annotation};
use jiff::Timestamp;
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, StatefulSet},
        core::v1::{Namespace, Pod},
        events::v1::Event,
    },
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
};
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use lab::{env::TestEnv, operator::Operator, wait::eventually};

fn workloads(env: &TestEnv, kind: WorkloadKind, namespace: &str) -> Api<DynamicObject> {
    let resource = match kind {
        WorkloadKind::Deployment => ApiResource::erase::<Deployment>(&()),
        WorkloadKind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        WorkloadKind::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
    };
    Api::namespaced_with(env.kube.clone(), namespace, &resource)
}

/// A workload without pods: only its template is of interest.
pub async fn create(env: &TestEnv, kind: WorkloadKind, namespace: &str, name: &str) -> Result<()> {
    let labels = json!({"app": name});
    let mut spec = json!({
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": "app"}]}},
    });
    if kind != WorkloadKind::DaemonSet {
        spec["replicas"] = json!(0);
    }
    let workload = serde_json::from_value(json!({
        "apiVersion": "apps/v1", "kind": kind.to_string(), "metadata": {"name": name}, "spec": spec,
    }))?;
    workloads(env, kind, namespace).create(&PostParams::default(), &workload).await?;
    Ok(())
}

/// What its template was changed for, and how often it was changed.
async fn restarts(env: &TestEnv, kind: WorkloadKind, namespace: &str, name: &str) -> Result<(Option<String>, i64)> {
    let workload = workloads(env, kind, namespace).get(name).await?;
    let annotation = &workload.data["spec"]["template"]["metadata"]["annotations"][annotation::RESTARTED_FOR];
    let generation = workload.metadata.generation.context("it has no generation")?;
    Ok((annotation.as_str().map(str::to_owned), generation - 1))
}

/// The same of a Deployment in the test's own namespace.
pub async fn deployment(env: &TestEnv, name: &str) -> Result<(Option<String>, i64)> {
    restarts(env, WorkloadKind::Deployment, &env.namespace, name).await
}

fn declared(kind: WorkloadKind, name: &str) -> RolloutRestart {
    RolloutRestart { kind, name: name.to_owned() }
}

pub(crate) async fn ready_role(env: &TestEnv, name: &str, restarts: Vec<RolloutRestart>) -> Result<CrossAccountRole> {
    let mut role = env.role(name);
    role.spec.secret.outputs = vec![Output::Env];
    role.spec.rollout_restarts = restarts;
    env.create(&role).await?;
    env.settled(name).await
}

/// Asks for new credentials and waits for them.
pub(crate) async fn renew(env: &TestEnv, before: &CrossAccountRole) -> Result<CrossAccountRole> {
    // Times are kept in whole seconds, and what is new must be newer than all that happened so far.
    env.a_second_after(Some(&Time(Timestamp::now()))).await?;
    let name = before.metadata.name.as_deref().unwrap_or_default();
    let now = Timestamp::now().to_string();
    env.patch(name, json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}})).await?;
    env.issued_again(name, before).await
}

pub(crate) fn issued_at(role: &CrossAccountRole) -> Option<String> {
    let set = role.status.as_ref()?.credentials.as_ref()?;
    set.issued_at.as_ref().map(|time| time.0.to_string())
}

fn condition(role: &CrossAccountRole, kind: ConditionType) -> Option<Condition> {
    role.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == kind.to_string()).cloned()
}

/// Waits until a condition of a role has this status and reason, and gives its message.
pub(crate) async fn says(env: &TestEnv, name: &str, kind: ConditionType, status: &str, reason: &str) -> Result<String> {
    eventually(&format!("{kind} is {status} {reason}"), async || {
        let found = condition(&env.roles.get(name).await?, kind).context("there is no such condition")?;
        ensure!((found.status.as_str(), found.reason.as_str()) == (status, reason), "{found:?}");
        Ok(found.message)
    })
    .await
}

/// Has a role reconciled: any annotation does.
async fn wake(env: &TestEnv, name: &str) -> Result<()> {
    let now = Timestamp::now().to_string();
    env.patch(name, json!({"metadata": {"annotations": {"test/wake": now}}})).await
}

/// The notes of all Events of a reason.
async fn events(env: &TestEnv, reason: &str) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    let all = events.list(&ListParams::default()).await?;
    Ok(all.items.into_iter().filter(|e| e.reason.as_deref() == Some(reason)).filter_map(|e| e.note).collect())
}

/// Waits until an operator has reconciled once more.
pub(crate) async fn reconciled(env: &TestEnv, operator: &Operator, name: &str) -> Result<()> {
    let settled = async || {
        let (_, metrics) = operator.get("/metrics").await?;
        let counter = metrics.lines().find(|l| l.starts_with("crossaccount_reconciles_total{outcome=\"settled\"}"));
        anyhow::Ok(counter.and_then(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or_default())
    };
    let before = settled().await?;
    wake(env, name).await?;
    eventually("it was reconciled", async || {
        ensure!(settled().await? > before, "not yet");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn each_renewal_restarts_the_declared_workloads_once_and_no_others() -> Result<()> {
    let env = TestEnv::new("restarts").await?;
    let (here, elsewhere) = (env.namespace.clone(), format!("{}-elsewhere", env.namespace));
    let metadata = ObjectMeta { name: Some(elsewhere.clone()), ..ObjectMeta::default() };
    let namespaces: Api<Namespace> = Api::all(env.kube.clone());
    namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
    let three = [
        (WorkloadKind::Deployment, "reports"),
        (WorkloadKind::StatefulSet, "store"),
        (WorkloadKind::DaemonSet, "agent"),
    ];
    for (kind, name) in three {
        create(&env, kind, &here, name).await?;
        create(&env, kind, &elsewhere, name).await?;
    }
    create(&env, WorkloadKind::Deployment, &here, "undeclared").await?;
    let all = async |annotation: Option<String>, times: i64| {
        for (kind, name) in three {
            assert_eq!(restarts(&env, kind, &here, name).await?, (annotation.clone(), times), "{kind} {name}");
            assert_eq!(restarts(&env, kind, &elsewhere, name).await?, (None, 0), "{kind} {name} elsewhere");
        }
        assert_eq!(deployment(&env, "undeclared").await?, (None, 0));
        anyhow::Ok(())
    };

    let operator = env.start().await?;
    let first = ready_role(&env, "reader", three.map(|(kind, name)| declared(kind, name)).to_vec()).await?;
    says(&env, "reader", ConditionType::RolloutsReady, "True", "Available").await?;
    all(None, 0).await?;

    let second = renew(&env, &first).await?;
    all(issued_at(&second), 1).await?;
    eventually("an Event names them", async || {
        let notes = events(&env, "RolloutRestarted").await?;
        ensure!(
            notes.iter().any(|n| n.contains("Deployment reports, StatefulSet store, DaemonSet agent")),
            "{notes:?}"
        );
        Ok(())
    })
    .await?;

    reconciled(&env, &operator, "reader").await?;
    operator.kill().await?;
    // As if it had died between the patches and the status: the workloads themselves tell what was done.
    let forgotten = Patch::Merge(json!({"status": {"restartedFor": issued_at(&first)}}));
    env.roles.patch_status("reader", &PatchParams::default(), &forgotten).await?;
    let operator = env.start().await?;
    reconciled(&env, &operator, "reader").await?;
    let restarted_for = env.roles.get("reader").await?.status.and_then(|status| status.restarted_for);
    assert_eq!(restarted_for.map(|time| time.0.to_string()), issued_at(&second));
    all(issued_at(&second), 1).await?;

    let third = renew(&env, &second).await?;
    all(issued_at(&third), 2).await
}

#[tokio::test]
async fn two_operators_restart_a_workload_once() -> Result<()> {
    let env = TestEnv::new("two").await?;
    create(&env, WorkloadKind::Deployment, &env.namespace, "reports").await?;
    let one = env.start().await?;
    let first = ready_role(&env, "reader", vec![declared(WorkloadKind::Deployment, "reports")]).await?;
    // Only now: of two that both find no Secret, the later one may replace the other's first set, which is a renewal, too.
    let operators = [one, env.start().await?];
    reconciled(&env, &operators[1], "reader").await?;
    renew(&env, &first).await?;
    for operator in &operators {
        reconciled(&env, operator, "reader").await?;
    }
    let now = env.settled("reader").await?;
    assert_eq!(deployment(&env, "reports").await?, (issued_at(&now), 1));
    Ok(())
}

#[tokio::test]
async fn a_missing_workload_is_named_and_holds_up_neither_the_others_nor_ready() -> Result<()> {
    let env = TestEnv::new("missing").await?;
    create(&env, WorkloadKind::Deployment, &env.namespace, "reports").await?;
    let _operator = env.start().await?;
    let both = ["gone", "reports"].map(|name| declared(WorkloadKind::Deployment, name)).to_vec();
    let first = ready_role(&env, "reader", both).await?;
    let second = renew(&env, &first).await?;
    let message = says(&env, "reader", ConditionType::RolloutsReady, "False", "WorkloadNotFound").await?;
    assert!(message.contains("Deployment gone") && !message.contains("reports"), "{message}");
    assert_eq!(deployment(&env, "reports").await?, (issued_at(&second), 1));
    eventually("an Event tells of it", async || {
        let notes = events(&env, "WorkloadNotFound").await?;
        ensure!(notes.iter().any(|note| note.contains("Deployment gone")), "{notes:?}");
        Ok(())
    })
    .await?;

    // Its pods begin with the present set.
    create(&env, WorkloadKind::Deployment, &env.namespace, "gone").await?;
    wake(&env, "reader").await?;
    says(&env, "reader", ConditionType::RolloutsReady, "True", "Available").await?;
    assert_eq!(deployment(&env, "gone").await?, (None, 0));
    assert_eq!(deployment(&env, "reports").await?, (issued_at(&second), 1));
    Ok(())
}

#[tokio::test]
async fn what_was_not_permitted_is_made_up_for_even_by_another_process() -> Result<()> {
    let mut env = TestEnv::new("permitted").await?;
    create(&env, WorkloadKind::Deployment, &env.namespace, "reports").await?;
    let limited = env.kubeconfig_without(&["deployments", "pods"]).await?;
    env.settings = env.settings.env("KUBECONFIG", limited.to_string_lossy());
    let operator = env.start().await?;
    let first = ready_role(&env, "reader", vec![declared(WorkloadKind::Deployment, "reports")]).await?;
    let message = says(&env, "reader", ConditionType::ConsumersStale, "False", "Available").await?;
    assert!(message.contains("first credentials"), "{message}");

    let other = ready_role(&env, "other", Vec::new()).await?;
    renew(&env, &other).await?;
    let message = says(&env, "other", ConditionType::ConsumersStale, "False", "KubernetesDenied").await?;
    assert!(message.contains("cannot list resource \"pods\""), "{message}");

    let second = renew(&env, &first).await?;
    let message = says(&env, "reader", ConditionType::RolloutsReady, "False", "KubernetesDenied").await?;
    assert!(message.contains("Deployment reports") && message.contains("forbidden"), "{message}");
    operator.kill().await?;
    assert_eq!(deployment(&env, "reports").await?, (None, 0));

    env.grant_all().await?;
    let _operator = env.start().await?;
    wake(&env, "reader").await?;
    says(&env, "reader", ConditionType::RolloutsReady, "True", "Available").await?;
    assert_eq!(deployment(&env, "reports").await?, (issued_at(&second), 1));
    Ok(())
}

#[tokio::test]
async fn credentials_after_a_revocation_restart_the_workloads_too() -> Result<()> {
    let env = TestEnv::new("regained").await?;
    create(&env, WorkloadKind::Deployment, &env.namespace, "reports").await?;
    let _operator = env.start().await?;
    let first = ready_role(&env, "reader", vec![declared(WorkloadKind::Deployment, "reports")]).await?;
    let allow = async |names: Value| env.patch_account(json!({"allowedNamespaces": {"names": names}})).await;
    allow(json!([])).await?;
    says(&env, "reader", ConditionType::CredentialsReady, "False", "Revoked").await?;
    assert_eq!(deployment(&env, "reports").await?, (None, 0));
    allow(json!([env.namespace])).await?;
    let again = env.issued_again("reader", &first).await?;
    assert_eq!(deployment(&env, "reports").await?, (issued_at(&again), 1));
    Ok(())
}

/// A pod of one container that says it has run since now.
pub(crate) async fn run_pod(env: &TestEnv, name: &str, container: Value) -> Result<()> {
    let mut app = json!({"name": "app", "image": "app"});
    app.as_object_mut().context("no object")?.extend(container.as_object().cloned().unwrap_or_default());
    let volumes = json!([{"name": "aws", "secret": {"secretName": "reader"}}]);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": name}, "spec": {"containers": [app], "volumes": volumes},
    }))?;
    let pods: Api<Pod> = Api::namespaced(env.kube.clone(), &env.namespace);
    eventually("the namespace takes pods", async || Ok(pods.create(&PostParams::default(), &pod).await?)).await?;
    started_now(env, name).await
}

/// Says that the container of a pod has started now.
async fn started_now(env: &TestEnv, name: &str) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(env.kube.clone(), &env.namespace);
    let started = Timestamp::from_second(Timestamp::now().as_second())?.to_string();
    let status = json!({"status": {"phase": "Running", "containerStatuses": [{
        "name": "app", "image": "app", "imageID": "app", "ready": true, "restartCount": 0,
        "state": {"running": {"startedAt": started}},
    }]}});
    pods.patch_status(name, &PatchParams::default(), &Patch::Merge(status)).await?;
    Ok(())
}

#[tokio::test]
async fn pods_that_cannot_see_a_renewal_are_named_until_they_are_restarted_or_gone() -> Result<()> {
    let env = TestEnv::new("stale").await?;
    let _operator = env.start().await?;
    let first = ready_role(&env, "reader", Vec::new()).await?;
    says(&env, "reader", ConditionType::ConsumersStale, "False", "Available").await?;
    let key = json!({"name": "reader", "key": "AWS_ACCESS_KEY_ID"});
    let mount = |part: Value| json!({"volumeMounts": [{"name": "aws", "mountPath": "/aws", "subPath": part}]});
    run_pod(&env, "by-env", json!({"env": [{"name": "X", "valueFrom": {"secretKeyRef": key}}]})).await?;
    run_pod(&env, "by-env-from", json!({"envFrom": [{"secretRef": {"name": "reader"}}]})).await?;
    run_pod(&env, "by-sub-path", mount(json!("AWS_ACCESS_KEY_ID"))).await?;
    run_pod(&env, "by-volume", mount(Value::Null)).await?;

    let second = renew(&env, &first).await?;
    let message = says(&env, "reader", ConditionType::ConsumersStale, "True", "RestartNeeded").await?;
    assert!(message.contains(": by-env, by-env-from, by-sub-path (3 in all)"), "{message}");
    let ready = condition(&second, ConditionType::Ready).context("no condition Ready")?;
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "Available"));
    assert_eq!(condition(&second, ConditionType::RolloutsReady), None);

    let pods: Api<Pod> = Api::namespaced(env.kube.clone(), &env.namespace);
    pods.delete("by-env", &DeleteParams::default().grace_period(0)).await?;
    started_now(&env, "by-env-from").await?;
    wake(&env, "reader").await?;
    eventually("only one is left", async || {
        let message = says(&env, "reader", ConditionType::ConsumersStale, "True", "RestartNeeded").await?;
        ensure!(message.contains(": by-sub-path (1 in all)"), "{message}");
        Ok(())
    })
    .await?;
    started_now(&env, "by-sub-path").await?;
    wake(&env, "reader").await?;
    says(&env, "reader", ConditionType::ConsumersStale, "False", "Available").await?;
    Ok(())
}
