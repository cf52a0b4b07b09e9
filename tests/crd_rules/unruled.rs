//! A cluster whose CRDs have no rules, as after a wrong upgrade or by somebody who may write CRDs: the operator applies the
//! same rules itself, before anything reaches AWS.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow, ensure};
use crossaccount::api::AWSAccount;
use k8s_openapi::{
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{
    Api,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, PostParams},
};
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use lab::{control_plane::ControlPlane, env::TestEnv, wait::eventually};

/// The control plane of the tests of this file: its CRDs take any object.
async fn unruled() -> Result<&'static ControlPlane> {
    static UNRULED: OnceCell<Result<ControlPlane, String>> = OnceCell::const_new();
    let start = async || {
        let plane = ControlPlane::start().await?;
        let crds: Api<CustomResourceDefinition> = Api::all(plane.admin().await?);
        for name in ["crossaccountroles.iam.crossaccount.dev", "awsaccounts.iam.crossaccount.dev"] {
            let mut crd = serde_json::to_value(crds.get(name).await?)?;
            let anything = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
            crd["spec"]["versions"][0]["schema"] = json!({ "openAPIV3Schema": anything });
            crds.replace(name, &PostParams::default(), &serde_json::from_value(crd)?).await?;
        }
        let accounts = untyped(&plane, "AWSAccount", None).await?;
        let probe = json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": "probe"},
            "spec": {"accountId": "none"},
        });
        let try_it = PostParams { dry_run: true, ..PostParams::default() };
        eventually("the rules are gone", async || {
            accounts.create(&try_it, &serde_json::from_value(probe.clone())?).await?;
            Ok(())
        })
        .await?;
        anyhow::Ok(plane)
    };
    let shared = UNRULED.get_or_init(async || start().await.map_err(|error| format!("{error:#}"))).await;
    shared.as_ref().map_err(|error| anyhow!("the control plane without rules did not start: {error}"))
}

async fn untyped(plane: &ControlPlane, kind: &str, namespace: Option<&str>) -> Result<Api<DynamicObject>> {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk("iam.crossaccount.dev", "v1alpha1", kind));
    let kube = plane.admin().await?;
    Ok(match namespace {
        Some(namespace) => Api::namespaced_with(kube, namespace, &resource),
        None => Api::all_with(kube, &resource),
    })
}

/// One bad value: the part of the specification, the field, a word of what is told of it, the value.
type Case = (&'static str, &'static str, &'static str, Value);

fn bad_values() -> BTreeMap<&'static str, Case> {
    let fifty_one: BTreeMap<String, &str> = (0..51).map(|n| (format!("key-{n}"), "v")).collect();
    BTreeMap::from([
        ("reserved", ("session", "tags", "tag", json!({"crossaccount.dev/namespace": "payroll"}))),
        ("reserved-in-capitals", ("session", "tags", "tag", json!({"CrossAccount.dev/Name": "writer"}))),
        ("of-aws", ("session", "tags", "tag", json!({"AWS:SourceIdentity": "somebody"}))),
        ("value-alphabet", ("session", "tags", "tag", json!({"team": "a;b"}))),
        ("value-length", ("session", "tags", "tag", json!({"team": "v".repeat(257)}))),
        ("key-length", ("session", "tags", "tag", json!({"k".repeat(129): "v"}))),
        ("key-alphabet", ("session", "tags", "tag", json!({"te;am": "v"}))),
        ("one-key-twice", ("session", "tags", "tag", json!({"team": "a", "Team": "b"}))),
        ("too-many", ("session", "tags", "tag", json!(fifty_one))),
        ("identity-alphabet", ("session", "sourceIdentity", "sourceidentity", json!("some body"))),
        ("identity-length", ("session", "sourceIdentity", "sourceidentity", json!("x"))),
        ("no-such-tag", ("session", "transitiveTagKeys", "transitivetagkeys", json!(["absent"]))),
        ("role-reserved", ("role", "tags", "tag", json!({"CrossAccount.Dev/uid": "another"}))),
        ("role-value-alphabet", ("role", "tags", "tag", json!({"team": "a;b"}))),
        ("role-one-key-twice", ("role", "tags", "tag", json!({"team": "a", "Team": "b"}))),
        ("quotes", ("role", "description", "description", json!("“Reports”"))),
    ])
}

/// Everything that the cases name, so that only the rules stand in the way.
fn lenient() -> Value {
    let keys: Vec<String> = bad_values()
        .into_values()
        .filter(|(_, field, _, _)| *field == "tags")
        .flat_map(|(_, _, _, tags)| tags.as_object().cloned().unwrap_or_default().into_iter().map(|(key, _)| key))
        .collect();
    json!({"guardrails": {"principalTagKeys": keys, "sourceIdentities": ["some body", "x"]}})
}

/// What is wrong with how a bad value was met; none if nothing is.
fn fault(env: &TestEnv, (name, part, told_of): (&str, &str, &str), found: &Condition) -> Option<String> {
    let role = env.iam_name(name);
    let writes = env.proxy.calls_that(|call| {
        let reads = call.action.starts_with("Get") || call.action.starts_with("List");
        call.role.as_deref() == Some(role.as_str()) && !reads
    });
    let refused = ["InvalidSpec", "NotAllowed"].contains(&found.reason.as_str());
    if !refused || found.status != "False" || !found.message.to_lowercase().contains(told_of) {
        return Some(format!("{name}: Ready={} {}: {:.200}", found.status, found.reason, found.message));
    }
    // A role that is well declared may be made although its session is not.
    let forbidden: &[&str] = if part == "role" { &["CreateRole", "AssumeRole"] } else { &["AssumeRole"] };
    let sent = writes.iter().find(|call| forbidden.contains(&call.action.as_str()))?;
    Some(format!("{name}: AWS got {} before it was refused", sent.action))
}

#[tokio::test]
async fn a_role_whose_fields_no_rule_checked_is_refused_before_anything_reaches_aws() -> Result<()> {
    let env = TestEnv::on(unruled().await?, "unruled").await?;
    env.accounts.create(&PostParams::default(), &env.account()).await?;
    env.patch_account(lenient()).await?;
    let _operator = env.start().await?;
    let objects = untyped(env.control_plane, "CrossAccountRole", Some(&env.namespace)).await?;
    for (name, (part, field, _, value)) in bad_values() {
        let mut object = serde_json::to_value(env.role(name))?;
        object["spec"][part][field] = value;
        objects.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    }
    let mut faults = Vec::new();
    for (name, (part, _, told_of, _)) in bad_values() {
        let ready = eventually(&format!("{name} is settled"), async || {
            let conditions = env.roles.get(name).await?.status.unwrap_or_default().conditions;
            let ready = conditions.into_iter().find(|c| c.type_ == "Ready").context("no condition")?;
            ensure!(!["Progressing", "Propagating"].contains(&ready.reason.as_str()), "{ready:?}");
            Ok(ready)
        })
        .await?;
        faults.extend(fault(&env, (name, part, told_of), &ready));
    }
    ensure!(faults.is_empty(), "{} of {}:\n{}", faults.len(), bad_values().len(), faults.join("\n"));
    Ok(())
}

#[tokio::test]
async fn a_role_whose_account_cannot_be_entered_any_more_does_not_go_without_its_role() -> Result<()> {
    let env = TestEnv::on(unruled().await?, "unruled-end").await?;
    env.accounts.create(&PostParams::default(), &env.account()).await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    env.settled("reader").await?;
    env.patch_account(json!({"region": "us-gov-west-1"})).await?;
    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the status says what is in the way", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains("access.chain[0].roleArn") && told.contains("waiting for AWS cleanup"), "{told}");
        Ok(())
    })
    .await?;
    env.patch_account(json!({"region": env.region})).await?;
    env.is_gone_with_its_role("reader").await
}

#[tokio::test]
async fn a_way_into_an_account_whose_fields_no_rule_checked_is_refused_before_anything_reaches_aws() -> Result<()> {
    let env = TestEnv::on(unruled().await?, "unruled-hops").await?;
    let _operator = env.start().await?;
    let accounts = untyped(env.control_plane, "AWSAccount", None).await?;
    let cases: [(&str, &str, Value); 5] = [
        ("id-alphabet", "externalId", json!("some body")),
        ("id-length", "externalId", json!("x")),
        ("hop-of-aws", "sessionTags", json!({"aws:team": "a"})),
        ("hop-value", "sessionTags", json!({"team": "a;b"})),
        ("hop-no-such-tag", "transitiveTagKeys", json!(["absent"])),
    ];
    for (name, field, value) in &cases {
        let mut object = serde_json::to_value(env.account())?;
        object["metadata"]["name"] = json!(name);
        object["spec"]["access"]["chain"][0][*field] = value.clone();
        accounts.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
    }
    let typed: Api<AWSAccount> = Api::all(env.kube.clone());
    let mut faults = Vec::new();
    for (name, field, _) in &cases {
        let ready = eventually(&format!("{name} was checked"), async || {
            let conditions = typed.get(name).await?.status.unwrap_or_default().conditions;
            conditions.into_iter().find(|c| c.type_ == "Ready").context("no condition")
        })
        .await?;
        if ready.reason != "InvalidSpec" || !ready.message.contains(field) {
            faults.push(format!("{name}: {} {}: {:.200}", ready.status, ready.reason, ready.message));
        }
    }
    faults.extend(
        env.proxy.calls_that(|call| call.action == "AssumeRole").iter().map(|call| format!("AWS got {call:?}")),
    );
    ensure!(faults.is_empty(), "{} of {}:\n{}", faults.len(), cases.len(), faults.join("\n"));
    Ok(())
}
