//! The objects that the writes of these tests are about.

use crossaccount::api::{FIELD_MANAGER, FINALIZER, MANAGED_BY_LABEL, SECRET_TYPE, annotation};
use serde_json::{Value, json};

use super::write::Kind;

/// A Secret with some data and the annotations of the operator, if it is of the operator's type.
pub fn secret(name: &str, type_: &str, manager: Option<&str>) -> Value {
    let mut secret = json!({"metadata": {"name": name}, "type": type_, "data": {"config": "W2RlZmF1bHRdCg=="}});
    if let Some(manager) = manager {
        secret["metadata"]["labels"] = json!({(MANAGED_BY_LABEL): manager});
    }
    if type_ == SECRET_TYPE {
        secret["metadata"]["annotations"] = json!({(annotation::ROLE_ARN): "arn", (annotation::CONTENT_HASH): "hash"});
    }
    secret
}

/// A Secret as the operator writes it.
pub fn credentials(name: &str) -> Value {
    secret(name, SECRET_TYPE, Some(FIELD_MANAGER))
}

/// A role in an account that does not exist: no operator runs in these tests.
pub fn role(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"accountRef": {"name": "none"}}})
}

/// A role that the operator and somebody else hold.
pub fn held_role(name: &str) -> Value {
    let mut role = role(name);
    role["metadata"]["finalizers"] = json!(["example.com/another", FINALIZER]);
    role
}

/// A workload whose pods have an annotation. It has no pods.
pub fn workload(kind: Kind, name: &str) -> Value {
    let labels = json!({"app": name});
    let metadata = json!({"labels": labels, "annotations": {"example.com/note": "this"}});
    let mut workload = json!({
        "metadata": {"name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": metadata, "spec": containers()}},
    });
    if kind != Kind::DaemonSet {
        workload["spec"]["replicas"] = json!(0);
    }
    workload
}

/// A pod with an annotation. There is no node that would run it.
pub fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name, "annotations": {"example.com/note": "this"}}, "spec": containers()})
}

/// One container, and no token of the namespace's account, which is made only some time after the namespace.
fn containers() -> Value {
    let container = json!({"name": "app", "image": "app"});
    json!({"serviceAccountName": "tenant", "automountServiceAccountToken": false, "containers": [container]})
}
