//! What GitOps tools see while an object lives: each version that the API server has of it is judged.

use std::{collections::BTreeSet, convert::Infallible, sync::Mutex};

use anyhow::{Context as _, Result, bail, ensure};
use crossaccount::api::annotation;
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, WatchEvent, WatchParams},
};
use serde_json::{Value, json};

use super::judges::{Judgements, judge};
use lab::{env::TestEnv, wait::eventually};

const OBJECT: &str = "reader";

fn objects(env: &TestEnv, kind: &str) -> Api<DynamicObject> {
    let resource = ApiResource {
        group: "iam.crossaccount.dev".into(),
        version: "v1alpha1".into(),
        api_version: "iam.crossaccount.dev/v1alpha1".into(),
        kind: kind.into(),
        plural: format!("{}s", kind.to_lowercase()),
    };
    match kind {
        "AWSAccount" => Api::all_with(env.kube.clone(), &resource),
        _ => Api::namespaced_with(env.kube.clone(), &env.namespace, &resource),
    }
}

/// Keeps every version of the test's objects of one kind. Ends only if the watch does.
async fn record(env: &TestEnv, kind: &str, versions: &Mutex<Vec<Value>>) -> Result<Infallible> {
    let params = match kind {
        "AWSAccount" => WatchParams::default().labels(&format!("test={}", env.namespace)),
        _ => WatchParams::default(),
    };
    let mut events = objects(env, kind).watch(&params, "0").await?.boxed();
    while let Some(event) = events.next().await {
        match event? {
            WatchEvent::Added(object) | WatchEvent::Modified(object) => {
                let object = serde_json::to_value(object)?;
                versions.lock().map_err(|_| anyhow::anyhow!("another recorder failed"))?.push(object);
            }
            WatchEvent::Bookmark(_) | WatchEvent::Deleted(_) => {}
            WatchEvent::Error(error) => bail!("the watch failed: {error:?}"),
        }
    }
    bail!("the watch ended")
}

/// Waits until kstatus and Argo CD say this of an object.
async fn seen_as(env: &TestEnv, kind: &str, name: &str, words: (&str, &str)) -> Result<()> {
    eventually(&format!("{kind} {name} is {words:?}"), async || {
        let object = serde_json::to_value(objects(env, kind).get(name).await?)?;
        let judgements = judge(kind, &[object]).await?.pop().context("no judgement")?;
        ensure!(judgements.words() == words, "{judgements:?}");
        Ok(())
    })
    .await
}

/// From the apply to the deletion, with what comes in between.
async fn live(env: &TestEnv) -> Result<()> {
    let is = async |words| seen_as(env, "CrossAccountRole", OBJECT, words).await;
    let account = env.namespace.as_str();
    env.create(&env.role(OBJECT)).await?;
    is(("InProgress", "Progressing")).await?;
    seen_as(env, "AWSAccount", account, ("InProgress", "Progressing")).await?;
    let _operator = env.start().await?;
    is(("Current", "Healthy")).await?;
    seen_as(env, "AWSAccount", account, ("Current", "Healthy")).await?;

    let mut rival = env.role("rival");
    rival.spec.role.name = Some(env.iam_name(OBJECT));
    env.create(&rival).await?;
    seen_as(env, "CrossAccountRole", "rival", ("Failed", "Degraded")).await?;
    env.roles.delete("rival", &DeleteParams::default()).await?;

    let throttled = env.proxy.on("AssumeRole").role(&env.iam_name(OBJECT)).throttle();
    let now = Timestamp::now().to_string();
    env.patch(OBJECT, json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}})).await?;
    is(("InProgress", "Progressing")).await?;
    throttled.release();
    is(("Current", "Healthy")).await?;

    env.patch(OBJECT, json!({"spec": {"suspend": true}})).await?;
    is(("Current", "Suspended")).await?;
    env.patch(OBJECT, json!({"spec": {"suspend": false}})).await?;
    is(("Current", "Healthy")).await?;

    env.allow_nobody().await?;
    is(("Failed", "Degraded")).await?;
    env.patch_account(json!({"allowedNamespaces": {"names": [env.namespace]}})).await?;
    is(("Current", "Healthy")).await?;

    let chain = env.account().spec.access.chain;
    let mut wrong = chain.clone();
    wrong[0].external_id = Some("another".into());
    env.patch_account(json!({"access": {"chain": wrong}})).await?;
    seen_as(env, "AWSAccount", account, ("Failed", "Degraded")).await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.accounts.delete(account, &DeleteParams::default()).await?;
    is(("Terminating", "Progressing")).await?;
    seen_as(env, "AWSAccount", account, ("Terminating", "Progressing")).await?;
    env.patch_account(json!({"access": {"chain": chain}})).await?;
    env.is_gone_with_its_role(OBJECT).await
}

fn ready(object: &Value) -> Option<&Value> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == "Ready")
}

/// Whether one version is judged as its own words say.
fn is_consistent(object: &Value, judgements: &Judgements) -> Result<()> {
    let is_current = object["status"]["observedGeneration"] == object["metadata"]["generation"];
    let works = ready(object).is_some_and(|ready| ready["status"] == "True");
    let is_good = is_current && works && object["metadata"]["deletionTimestamp"].is_null();
    let (kstatus, argo) = judgements.words();
    ensure!(kstatus != "Current" || is_good, "kstatus takes it for done");
    ensure!(!["Healthy", "Suspended"].contains(&argo) || is_good, "Argo CD takes it for healthy");
    if is_current {
        let message = ready(object).map(|ready| &ready["message"]).context("a status without Ready")?;
        ensure!(*message == judgements.argo.message.as_str(), "another message than that of Ready");
    }
    Ok(())
}

#[tokio::test]
async fn kstatus_and_argo_cd_follow_an_object_and_its_account_through_their_lives() -> Result<()> {
    let env = TestEnv::new("gitops-life").await?;
    let (roles, accounts) = (Mutex::default(), Mutex::default());
    tokio::select! {
        lived = live(&env) => lived?,
        ended = record(&env, "CrossAccountRole", &roles) => drop(ended?),
        ended = record(&env, "AWSAccount", &accounts) => drop(ended?),
    }
    for (kind, versions, least) in [
        ("CrossAccountRole", roles, ["Available", "Conflict", "Degraded", "Suspended", "NotAllowed"].as_slice()),
        ("AWSAccount", accounts, ["Available", "TrustDenied"].as_slice()),
    ] {
        let versions = versions.into_inner()?;
        let judged = judge(kind, &versions).await?;
        for (object, judgements) in versions.iter().zip(&judged) {
            is_consistent(object, judgements).with_context(|| format!("{judgements:?}\n{object:#}"))?;
        }
        let reasons: BTreeSet<_> =
            versions.iter().filter_map(ready).filter_map(|ready| ready["reason"].as_str()).collect();
        ensure!(least.iter().all(|reason| reasons.contains(reason)), "{kind}: only {reasons:?} were seen");
    }
    Ok(())
}
