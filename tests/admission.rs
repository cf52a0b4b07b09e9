//! The admission policies of `deploy/chart`: what the API server refuses the operator and tenants although RBAC allows it, and what
//! it takes from them.
//!
//! Everything is tried as a dry run, which passes admission and changes nothing. RBAC allows the operator everything in the
//! namespace of a test, as if somebody had bound it to `cluster-admin`: what is refused there, a policy refuses.

mod manifest;
mod stage;
mod workloads;
mod write;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{FIELD_MANAGER, FINALIZER, MANAGED_BY_LABEL, SECRET_TYPE, annotation};
use k8s_openapi::api::admissionregistration::v1::ValidatingAdmissionPolicy;
use kube::Api;
use serde_json::{Value, json};

use self::{
    manifest::{credentials, role, secret},
    stage::{Refusal, Stage, Who},
    write::{
        Kind::{Account, Role, Secret},
        create, delete, delete_all, json_patch, merge, status,
    },
};

use lab::{control_plane::control_plane, wait::eventually};

fn metadata(field: &str, value: &Value) -> Value {
    json!({"metadata": {field: value}})
}

fn finalizers(names: &[&str]) -> Value {
    metadata("finalizers", &json!(names))
}

/// The label that says who manages a Secret.
fn managed_by(manager: Option<&str>) -> Value {
    metadata("labels", &json!({(MANAGED_BY_LABEL): manager}))
}

fn annotated(key: &str, value: Option<&str>) -> Value {
    metadata("annotations", &json!({key: value}))
}

#[tokio::test]
async fn the_operator_touches_no_secret_but_those_with_credentials() -> Result<()> {
    let stage = Stage::new("admission-secrets").await?;
    let words = "only Secrets of type iam.crossaccount.dev/credentials";
    let refusal = Refusal { policy: "crossaccount-operator-secrets", words };
    let renewed = json!({"data": {"config": "bmV3"}});
    let rows = [
        ("another type", create(Secret, secret("new", "Opaque", Some(FIELD_MANAGER)))),
        ("our type without the label", create(Secret, secret("new", SECRET_TYPE, None))),
        ("our type, managed by another", create(Secret, secret("new", SECRET_TYPE, Some("Helm")))),
        ("the label taken away", merge(Secret, "credentials", managed_by(None))),
        ("the label of another", merge(Secret, "credentials", managed_by(Some("Helm")))),
        ("a password", merge(Secret, "password", renewed.clone())),
        ("a password with our label", merge(Secret, "password", managed_by(Some(FIELD_MANAGER)))),
        ("the end of a password", delete(Secret, "password")),
        ("the end of all Secrets", delete_all(Secret)),
    ];
    stage.refuses(Who::Operator, refusal, rows).await?;
    let rows = [
        ("a first set", create(Secret, credentials("new"))),
        ("another set", merge(Secret, "credentials", renewed)),
        ("the label put back", merge(Secret, "unlabelled", managed_by(Some(FIELD_MANAGER)))),
        ("the end of a set", delete(Secret, "credentials")),
        ("the end of a set without the label", delete(Secret, "unlabelled")),
    ];
    stage.takes(Who::Operator, rows).await
}

#[tokio::test]
async fn the_operator_changes_nothing_of_what_is_declared() -> Result<()> {
    const ANOTHER: &str = "example.com/another";
    let stage = Stage::new("admission-objects").await?;
    let words = "nothing of a CrossAccountRole or an AWSAccount but the status and the finalizer";
    let refusal = Refusal { policy: "crossaccount-operator-objects", words };
    let removed = |index: u8| json!([{"op": "remove", "path": format!("/metadata/finalizers/{index}")}]);
    let team = metadata("labels", &json!({"team": "red"}));
    let owner = json!({"apiVersion": "v1", "kind": "ConfigMap", "name": "other", "uid": "1"});
    let rows = [
        ("a role of its own", create(Role, role("new"))),
        ("the end of a role", delete(Role, "reader")),
        ("the end of all roles", delete_all(Role)),
        ("a role's specification", merge(Role, "reader", json!({"spec": {"suspend": true}}))),
        ("a role's labels", merge(Role, "reader", team.clone())),
        ("a role's request", merge(Role, "reader", annotated(annotation::ABANDON, Some("true")))),
        ("a role's owner", merge(Role, "reader", metadata("ownerReferences", &json!([owner])))),
        ("another's finalizer, added", merge(Role, "reader", finalizers(&[ANOTHER]))),
        ("another's finalizer, removed", json_patch(Role, "held", removed(0))),
        ("all finalizers, removed", merge(Role, "held", finalizers(&[]))),
        ("who may use an account", merge(Account, "shared", json!({"spec": {"allowedNamespaces": {"names": null}}}))),
        ("an account's labels", merge(Account, "shared", team)),
        ("another's finalizer on an account", merge(Account, "shared", finalizers(&[ANOTHER]))),
    ];
    stage.refuses(Who::Operator, refusal, rows).await?;
    let rows = [
        ("its finalizer, added", merge(Role, "reader", finalizers(&[FINALIZER]))),
        ("its finalizer, removed", json_patch(Role, "held", removed(1))),
        ("a role's status", status(Role, "reader", json!({"status": {"externalId": "another"}}))),
        ("its finalizer on an account", merge(Account, "shared", finalizers(&[FINALIZER]))),
        ("an account's status", status(Account, "shared", json!({"status": {"roles": 7}}))),
    ];
    stage.takes(Who::Operator, rows).await
}

#[tokio::test]
async fn a_tenant_writes_nothing_that_others_believe_because_the_operator_wrote_it() -> Result<()> {
    let stage = Stage::new("admission-reserved").await?;
    let policy = "crossaccount-operator-reserved";
    let words = "cannot publish resource \"crossaccountroles\" in API group \"iam.crossaccount.dev\" in the namespace";
    let command = "W2RlZmF1bHRdCmNyZWRlbnRpYWxfcHJvY2VzcyA9IHJtIC1yZiAvCg==";
    let rows = [
        ("credentials of its own", create(Secret, credentials("new"))),
        ("credentials without the label", create(Secret, secret("new", SECRET_TYPE, None))),
        ("a command for AWS SDKs", merge(Secret, "credentials", json!({"data": {"config": command}}))),
        ("the same as text", merge(Secret, "credentials", json!({"stringData": {"config": "[default]"}}))),
        ("one more key", merge(Secret, "credentials", json!({"data": {"more": "eA=="}}))),
        ("no data any more", merge(Secret, "credentials", json!({"data": null}))),
        ("the label taken away", merge(Secret, "credentials", managed_by(None))),
        ("the label put back", merge(Secret, "unlabelled", managed_by(Some(FIELD_MANAGER)))),
        ("another role", merge(Secret, "credentials", annotated(annotation::ROLE_ARN, Some("arn:aws:iam::1:role/x")))),
        ("no hash any more", merge(Secret, "credentials", annotated(annotation::CONTENT_HASH, None))),
        ("a password with our annotation", merge(Secret, "password", annotated(annotation::ROLE_ARN, Some("x")))),
        ("a role's status", status(Role, "reader", json!({"status": {"externalId": "another"}}))),
        ("a role's first status", status(Role, "held", json!({"status": {"externalId": "mine"}}))),
        ("no status any more", status(Role, "reader", json!({"status": null}))),
    ];
    stage.refuses(Who::Tenant, Refusal { policy, words }, rows.clone()).await?;
    let words = "cannot publish resource \"awsaccounts\" in API group \"iam.crossaccount.dev\" at the cluster scope";
    let account = [("an account's status", status(Account, "shared", json!({"status": {"roles": 7}})))];
    stage.refuses(Who::Tenant, Refusal { policy, words }, account.clone()).await?;
    let own = [
        ("its own label on credentials", merge(Secret, "credentials", metadata("labels", &json!({"team": "red"})))),
        ("its own annotation on credentials", merge(Secret, "credentials", annotated("example.com/note", Some("x")))),
        ("the end of credentials", delete(Secret, "credentials")),
        ("the end of all Secrets", delete_all(Secret)),
        ("a password", create(Secret, secret("new", "Opaque", None))),
        ("another password", merge(Secret, "password", json!({"data": {"config": command}}))),
        ("a role", create(Role, role("new"))),
        ("a role's specification", merge(Role, "reader", json!({"spec": {"suspend": true}}))),
        ("a request", merge(Role, "reader", annotated(annotation::RENEW_REQUESTED_AT, Some("2027-01-15T09:00:00Z")))),
        ("the status as it is", status(Role, "reader", json!({"status": {"externalId": "known"}}))),
        ("an account's status as it is", status(Account, "shared", json!({"status": {"roles": 1}}))),
    ];
    stage.takes(Who::Tenant, own).await?;
    stage.takes(Who::Publisher, rows).await?;
    stage.takes(Who::Publisher, account).await
}

/// Kubernetes compares the expressions of a policy with the types that it is about, and reports what it does not understand.
#[tokio::test]
async fn kubernetes_understands_every_expression_of_the_policies() -> Result<()> {
    let policies: Api<ValidatingAdmissionPolicy> = Api::all(control_plane().await?.admin().await?);
    for name in ["secrets", "objects", "workloads", "reserved"] {
        let checked = eventually(&format!("the policy {name} is checked"), async || {
            let policy = policies.get(&format!("crossaccount-operator-{name}")).await?;
            let status = policy.status.context("it has no status")?;
            ensure!(status.observed_generation == policy.metadata.generation, "another generation was");
            Ok(status.type_checking.unwrap_or_default())
        })
        .await?;
        let warnings = checked.expression_warnings.unwrap_or_default();
        ensure!(warnings.is_empty(), "{name}: {warnings:#?}");
    }
    Ok(())
}
