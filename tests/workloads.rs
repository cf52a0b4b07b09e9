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

use crate::support::{life::Life, operator::Operator, wait::eventually};

fn workloads(life: &Life, kind: WorkloadKind, namespace: &str) -> Api<DynamicObject> {
    let resource = match kind {
        WorkloadKind::Deployment => ApiResource::erase::<Deployment>(&()),
        WorkloadKind::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
        WorkloadKind::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
    };
    Api::namespaced_with(life.scenario.kube.clone(), namespace, &resource)
}

/// A workload without pods: only its template is of interest.
async fn create(life: &Life, kind: WorkloadKind, namespace: &str, name: &str) -> Result<()> {
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
    workloads(life, kind, namespace).create(&PostParams::default(), &workload).await?;
    Ok(())
}

/// What its template was changed for, and how often it was changed.
async fn restarts(life: &Life, kind: WorkloadKind, namespace: &str, name: &str) -> Result<(Option<String>, i64)> {
    let workload = workloads(life, kind, namespace).get(name).await?;
    let annotation = &workload.data["spec"]["template"]["metadata"]["annotations"][annotation::RESTARTED_FOR];
    let generation = workload.metadata.generation.context("it has no generation")?;
    Ok((annotation.as_str().map(str::to_owned), generation - 1))
}

/// The same of a Deployment in the test's own namespace.
async fn deployment(life: &Life, name: &str) -> Result<(Option<String>, i64)> {
    restarts(life, WorkloadKind::Deployment, &life.scenario.namespace, name).await
}

fn declared(kind: WorkloadKind, name: &str) -> RolloutRestart {
    RolloutRestart { kind, name: name.to_owned() }
}

async fn ready_role(life: &Life, name: &str, restarts: Vec<RolloutRestart>) -> Result<CrossAccountRole> {
    let mut role = life.scenario.role(name);
    role.spec.secret.outputs = vec![Output::Env];
    role.spec.rollout_restarts = restarts;
    life.create(&role).await?;
    life.settled(name).await
}

/// Asks for new credentials and waits for them.
async fn renew(life: &Life, before: &CrossAccountRole) -> Result<CrossAccountRole> {
    // Times are kept in whole seconds, and what is new must be newer than all that happened so far.
    life.a_second_after(Some(&Time(Timestamp::now()))).await?;
    let name = before.metadata.name.as_deref().unwrap_or_default();
    let now = Timestamp::now().to_string();
    life.patch(name, json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}})).await?;
    life.issued_again(name, before).await
}

fn issued_at(role: &CrossAccountRole) -> Option<String> {
    let set = role.status.as_ref()?.credentials.as_ref()?;
    set.issued_at.as_ref().map(|time| time.0.to_string())
}

fn condition(role: &CrossAccountRole, kind: ConditionType) -> Option<Condition> {
    role.status.as_ref()?.conditions.iter().find(|condition| condition.type_ == kind.to_string()).cloned()
}

/// Waits until a condition of a role has this status and reason, and gives its message.
async fn says(life: &Life, name: &str, kind: ConditionType, status: &str, reason: &str) -> Result<String> {
    eventually(&format!("{kind} is {status} {reason}"), async || {
        let found = condition(&life.roles.get(name).await?, kind).context("there is no such condition")?;
        ensure!((found.status.as_str(), found.reason.as_str()) == (status, reason), "{found:?}");
        Ok(found.message)
    })
    .await
}

/// Has a role reconciled: any annotation does.
async fn wake(life: &Life, name: &str) -> Result<()> {
    let now = Timestamp::now().to_string();
    life.patch(name, json!({"metadata": {"annotations": {"test/wake": now}}})).await
}

/// The notes of all Events of a reason.
async fn events(life: &Life, reason: &str) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(life.scenario.kube.clone(), &life.scenario.namespace);
    let all = events.list(&ListParams::default()).await?;
    Ok(all.items.into_iter().filter(|e| e.reason.as_deref() == Some(reason)).filter_map(|e| e.note).collect())
}

/// Waits until an operator has reconciled once more.
async fn reconciled(life: &Life, operator: &Operator, name: &str) -> Result<()> {
    let settled = async || {
        let (_, metrics) = operator.get("/metrics").await?;
        let counter = metrics.lines().find(|l| l.starts_with("crossaccount_reconciles_total{outcome=\"settled\"}"));
        anyhow::Ok(counter.and_then(|l| l.rsplit(' ').next()?.parse::<u64>().ok()).unwrap_or_default())
    };
    let before = settled().await?;
    wake(life, name).await?;
    eventually("it was reconciled", async || {
        ensure!(settled().await? > before, "not yet");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn each_renewal_restarts_the_declared_workloads_once_and_no_others() -> Result<()> {
    let life = Life::new("restarts").await?;
    let (here, elsewhere) = (life.scenario.namespace.clone(), format!("{}-elsewhere", life.scenario.namespace));
    let metadata = ObjectMeta { name: Some(elsewhere.clone()), ..ObjectMeta::default() };
    let namespaces: Api<Namespace> = Api::all(life.scenario.kube.clone());
    namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
    let three = [
        (WorkloadKind::Deployment, "reports"),
        (WorkloadKind::StatefulSet, "store"),
        (WorkloadKind::DaemonSet, "agent"),
    ];
    for (kind, name) in three {
        create(&life, kind, &here, name).await?;
        create(&life, kind, &elsewhere, name).await?;
    }
    create(&life, WorkloadKind::Deployment, &here, "undeclared").await?;
    let all = async |annotation: Option<String>, times: i64| {
        for (kind, name) in three {
            assert_eq!(restarts(&life, kind, &here, name).await?, (annotation.clone(), times), "{kind} {name}");
            assert_eq!(restarts(&life, kind, &elsewhere, name).await?, (None, 0), "{kind} {name} elsewhere");
        }
        assert_eq!(deployment(&life, "undeclared").await?, (None, 0));
        anyhow::Ok(())
    };

    let operator = life.start().await?;
    let first = ready_role(&life, "reader", three.map(|(kind, name)| declared(kind, name)).to_vec()).await?;
    says(&life, "reader", ConditionType::RolloutsReady, "True", "Available").await?;
    all(None, 0).await?;

    let second = renew(&life, &first).await?;
    all(issued_at(&second), 1).await?;
    eventually("an Event names them", async || {
        let notes = events(&life, "RolloutRestarted").await?;
        ensure!(
            notes.iter().any(|n| n.contains("Deployment reports, StatefulSet store, DaemonSet agent")),
            "{notes:?}"
        );
        Ok(())
    })
    .await?;

    reconciled(&life, &operator, "reader").await?;
    operator.kill().await?;
    // As if it had died between the patches and the status: the workloads themselves tell what was done.
    let forgotten = Patch::Merge(json!({"status": {"restartedFor": issued_at(&first)}}));
    life.roles.patch_status("reader", &PatchParams::default(), &forgotten).await?;
    let operator = life.start().await?;
    reconciled(&life, &operator, "reader").await?;
    let restarted_for = life.roles.get("reader").await?.status.and_then(|status| status.restarted_for);
    assert_eq!(restarted_for.map(|time| time.0.to_string()), issued_at(&second));
    all(issued_at(&second), 1).await?;

    let third = renew(&life, &second).await?;
    all(issued_at(&third), 2).await
}

#[tokio::test]
async fn two_operators_restart_a_workload_once() -> Result<()> {
    let life = Life::new("two").await?;
    create(&life, WorkloadKind::Deployment, &life.scenario.namespace, "reports").await?;
    let one = life.start().await?;
    let first = ready_role(&life, "reader", vec![declared(WorkloadKind::Deployment, "reports")]).await?;
    // Only now: of two that both find no Secret, the later one may replace the other's first set, which is a renewal, too.
    let operators = [one, life.start().await?];
    reconciled(&life, &operators[1], "reader").await?;
    renew(&life, &first).await?;
    for operator in &operators {
        reconciled(&life, operator, "reader").await?;
    }
    let now = life.settled("reader").await?;
    assert_eq!(deployment(&life, "reports").await?, (issued_at(&now), 1));
    Ok(())
}

#[tokio::test]
async fn a_missing_workload_is_named_and_holds_up_neither_the_others_nor_ready() -> Result<()> {
    let life = Life::new("missing").await?;
    create(&life, WorkloadKind::Deployment, &life.scenario.namespace, "reports").await?;
    let _operator = life.start().await?;
    let both = ["gone", "reports"].map(|name| declared(WorkloadKind::Deployment, name)).to_vec();
    let first = ready_role(&life, "reader", both).await?;
    let second = renew(&life, &first).await?;
    let message = says(&life, "reader", ConditionType::RolloutsReady, "False", "WorkloadNotFound").await?;
    assert!(message.contains("Deployment gone") && !message.contains("reports"), "{message}");
    assert_eq!(deployment(&life, "reports").await?, (issued_at(&second), 1));
    eventually("an Event tells of it", async || {
        let notes = events(&life, "WorkloadNotFound").await?;
        ensure!(notes.iter().any(|note| note.contains("Deployment gone")), "{notes:?}");
        Ok(())
    })
    .await?;

    // Its pods begin with the present set.
    create(&life, WorkloadKind::Deployment, &life.scenario.namespace, "gone").await?;
    wake(&life, "reader").await?;
    says(&life, "reader", ConditionType::RolloutsReady, "True", "Available").await?;
    assert_eq!(deployment(&life, "gone").await?, (None, 0));
    assert_eq!(deployment(&life, "reports").await?, (issued_at(&second), 1));
    Ok(())
}

#[tokio::test]
async fn what_was_not_permitted_is_made_up_for_even_by_another_process() -> Result<()> {
    let mut life = Life::new("permitted").await?;
    create(&life, WorkloadKind::Deployment, &life.scenario.namespace, "reports").await?;
    let limited = life.scenario.kubeconfig_without(&["deployments", "pods"]).await?;
    life.settings = life.settings.env("KUBECONFIG", limited.to_string_lossy());
    let operator = life.start().await?;
    let first = ready_role(&life, "reader", vec![declared(WorkloadKind::Deployment, "reports")]).await?;
    let message = says(&life, "reader", ConditionType::ConsumersStale, "False", "KubernetesDenied").await?;
    assert!(message.contains("cannot list resource \"pods\""), "{message}");

    let second = renew(&life, &first).await?;
    let message = says(&life, "reader", ConditionType::RolloutsReady, "False", "KubernetesDenied").await?;
    assert!(message.contains("Deployment reports") && message.contains("forbidden"), "{message}");
    operator.kill().await?;
    assert_eq!(deployment(&life, "reports").await?, (None, 0));

    life.scenario.grant_all().await?;
    let _operator = life.start().await?;
    wake(&life, "reader").await?;
    says(&life, "reader", ConditionType::RolloutsReady, "True", "Available").await?;
    assert_eq!(deployment(&life, "reports").await?, (issued_at(&second), 1));
    Ok(())
}

#[tokio::test]
async fn credentials_after_a_revocation_restart_the_workloads_too() -> Result<()> {
    let life = Life::new("regained").await?;
    create(&life, WorkloadKind::Deployment, &life.scenario.namespace, "reports").await?;
    let _operator = life.start().await?;
    let first = ready_role(&life, "reader", vec![declared(WorkloadKind::Deployment, "reports")]).await?;
    let allow = async |names: Value| life.patch_account(json!({"allowedNamespaces": {"names": names}})).await;
    allow(json!([])).await?;
    says(&life, "reader", ConditionType::CredentialsReady, "False", "Revoked").await?;
    assert_eq!(deployment(&life, "reports").await?, (None, 0));
    allow(json!([life.scenario.namespace])).await?;
    let again = life.issued_again("reader", &first).await?;
    assert_eq!(deployment(&life, "reports").await?, (issued_at(&again), 1));
    Ok(())
}

/// A pod of one container that says it has run since now.
async fn run_pod(life: &Life, name: &str, container: Value) -> Result<()> {
    let mut app = json!({"name": "app", "image": "app"});
    app.as_object_mut().context("no object")?.extend(container.as_object().cloned().unwrap_or_default());
    let volumes = json!([{"name": "aws", "secret": {"secretName": "reader"}}]);
    let pod: Pod = serde_json::from_value(json!({
        "metadata": {"name": name}, "spec": {"containers": [app], "volumes": volumes},
    }))?;
    let pods: Api<Pod> = Api::namespaced(life.scenario.kube.clone(), &life.scenario.namespace);
    eventually("the namespace takes pods", async || Ok(pods.create(&PostParams::default(), &pod).await?)).await?;
    started_now(life, name).await
}

/// Says that the container of a pod has started now.
async fn started_now(life: &Life, name: &str) -> Result<()> {
    let pods: Api<Pod> = Api::namespaced(life.scenario.kube.clone(), &life.scenario.namespace);
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
    let life = Life::new("stale").await?;
    let _operator = life.start().await?;
    let first = ready_role(&life, "reader", Vec::new()).await?;
    says(&life, "reader", ConditionType::ConsumersStale, "False", "Available").await?;
    let key = json!({"name": "reader", "key": "AWS_ACCESS_KEY_ID"});
    let mount = |part: Value| json!({"volumeMounts": [{"name": "aws", "mountPath": "/aws", "subPath": part}]});
    run_pod(&life, "by-env", json!({"env": [{"name": "X", "valueFrom": {"secretKeyRef": key}}]})).await?;
    run_pod(&life, "by-env-from", json!({"envFrom": [{"secretRef": {"name": "reader"}}]})).await?;
    run_pod(&life, "by-sub-path", mount(json!("AWS_ACCESS_KEY_ID"))).await?;
    run_pod(&life, "by-volume", mount(Value::Null)).await?;

    let second = renew(&life, &first).await?;
    let message = says(&life, "reader", ConditionType::ConsumersStale, "True", "RestartNeeded").await?;
    assert!(message.contains(": by-env, by-env-from, by-sub-path (3 in all)"), "{message}");
    let ready = condition(&second, ConditionType::Ready).context("no condition Ready")?;
    assert_eq!((ready.status.as_str(), ready.reason.as_str()), ("True", "Available"));
    assert_eq!(condition(&second, ConditionType::RolloutsReady), None);

    let pods: Api<Pod> = Api::namespaced(life.scenario.kube.clone(), &life.scenario.namespace);
    pods.delete("by-env", &DeleteParams::default().grace_period(0)).await?;
    started_now(&life, "by-env-from").await?;
    wake(&life, "reader").await?;
    eventually("only one is left", async || {
        let message = says(&life, "reader", ConditionType::ConsumersStale, "True", "RestartNeeded").await?;
        ensure!(message.contains(": by-sub-path (1 in all)"), "{message}");
        Ok(())
    })
    .await?;
    started_now(&life, "by-sub-path").await?;
    wake(&life, "reader").await?;
    says(&life, "reader", ConditionType::ConsumersStale, "False", "Available").await?;
    Ok(())
}
