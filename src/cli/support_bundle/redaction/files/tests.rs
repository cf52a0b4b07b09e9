//! What stays of objects, and what does not.

use serde_json::{Value, json};

use super::*;

const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

/// What stays of an object.
fn shown(kind: Kind, object: Value) -> Value {
    kinds::shown(kind, &object, &Cleaner::of([]).unwrap())
}

fn deployment(container: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"template": {"spec": {"containers": [container]}}}})
}

fn container(shown: &Value) -> &Value {
    &shown["spec"]["template"]["spec"]["containers"][0]
}

#[test]
fn of_an_environment_only_values_of_known_variables_stay() {
    let env = json!([
        {"name": "AWS_REGION", "value": "eu-west-1"},
        {"name": "CROSSACCOUNT_CONCURRENCY", "value": "10"},
        {"name": "https_proxy", "value": "http://jane:pass@proxy:3128"},
        {"name": "DB", "value": "anything"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "id"}}},
    ]);
    let stays = shown(Kind::Workload, deployment(json!({"name": "operator", "args": ["run", "--a=b"], "env": env})));
    let expected = json!([
        {"name": "AWS_REGION", "value": "eu-west-1"},
        {"name": "CROSSACCOUNT_CONCURRENCY", "value": "10"},
        {"name": "https_proxy", "value": "http://[removed]@proxy:3128"},
        {"name": "DB", "value": "[removed]"},
        {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys", "key": "id"}}},
    ]);
    assert_eq!(container(&stays)["env"], expected);
    assert_eq!(container(&stays)["args"], json!(["run", "--a=b"]));
}

#[test]
fn what_a_later_version_adds_keeps_its_name_and_loses_its_value() {
    let stays = shown(Kind::Workload, deployment(json!({"name": "operator", "novelty": {"a": "b"}, "empty": {}})));
    assert_eq!(*container(&stays), json!({"name": "operator", "novelty": "[removed]", "empty": {}}));
    let probe = json!({"httpGet": {"path": "/", "httpHeaders": [{"name": "Authorization", "value": "x"}]}});
    let stays = shown(Kind::Workload, deployment(json!({"livenessProbe": probe})));
    assert_eq!(container(&stays)["livenessProbe"]["httpGet"], json!({"path": "/", "httpHeaders": "[removed]"}));
    let stays = shown(Kind::Workload, deployment(json!("of another type")));
    assert_eq!(*container(&stays), json!("[removed]"));
}

#[test]
fn of_annotations_only_known_ones_stay_and_managed_fields_are_left_out() {
    let object = json!({"kind": "Pod", "metadata": {
        "name": "a", "labels": {"team": "b"}, "managedFields": [{"manager": "kubectl"}],
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
            "iam.crossaccount.dev/expires-at": "2027-01-15T08:00:00Z",
            "eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/operator",
        },
    }});
    let expected = json!({"name": "a", "labels": {"team": "b"}, "annotations": {
        "kubectl.kubernetes.io/last-applied-configuration": "[removed]",
        "iam.crossaccount.dev/expires-at": "2027-01-15T08:00:00Z",
        "eks.amazonaws.com/role-arn": "arn:aws:iam::111111111111:role/operator",
    }});
    assert_eq!(shown(Kind::Pod, object)["metadata"], expected);
}

#[test]
fn a_declaration_loses_its_external_ids_and_what_looks_like_a_key() {
    let stays = shown(
        Kind::Declaration,
        json!({
            "spec": {
                "accountId": "222222222222",
                "access": {"chain": [{"roleArn": "arn:aws:iam::222222222222:role/m", "externalId": "platform"}]},
                "role": {"description": format!("uses {SECRET}")},
                "trust": {"conditions": {"StringEquals": {"sts:ExternalId": "partner"}}},
                "secret": {"name": "reader", "annotations": {"reloader": "x"}},
            },
            "status": {"externalId": "car-0", "conditions": [{"message": format!("key {SECRET}")}]},
        }),
    );
    let expected = json!({
        "spec": {
            "accountId": "222222222222",
            "access": {"chain": [{"roleArn": "arn:aws:iam::222222222222:role/m", "externalId": "[removed]"}]},
            "role": {"description": "uses [removed]"},
            "trust": {"conditions": {"StringEquals": {"sts:ExternalId": "[removed]"}}},
            "secret": {"name": "reader", "annotations": {"reloader": "[removed]"}},
        },
        "status": {"externalId": "[removed]", "conditions": [{"message": "key [removed]"}]},
    });
    assert_eq!(stays, expected);
}

#[test]
fn of_a_secret_the_keys_are_shown_by_who_wrote_them() {
    let managed = json!([
        {"manager": "crossaccount-operator", "fieldsV1": {"f:data": {"f:config": {}, "f:credentials.json": {}}}},
        {"manager": "kubectl", "fieldsV1": {"f:metadata": {}}},
    ]);
    let stays =
        shown(Kind::SecretMetadata, json!({"metadata": {"name": "reader", "managedFields": managed}, "data": "x"}));
    let expected = json!({
        "metadata": {"name": "reader"},
        "data": "[removed]",
        "dataKeysByManager": {"crossaccount-operator": ["config", "credentials.json"]},
    });
    assert_eq!(stays, expected);
}

#[test]
fn of_a_definition_the_versions_stay_without_their_schemas() {
    let versions = json!([{"name": "v1alpha1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {}}}]);
    let stays =
        shown(Kind::Definition, json!({"spec": {"versions": versions}, "status": {"storedVersions": ["v1alpha1"]}}));
    let expected = json!({
        "spec": {"versions": [{"name": "v1alpha1", "served": true, "storage": true}]},
        "status": {"storedVersions": ["v1alpha1"]},
    });
    assert_eq!(stays, expected);
}

#[test]
fn what_is_secret_in_one_part_is_removed_from_all() {
    let account = json!({"kind": "AWSAccount", "spec": {"access": {"chain": [{"externalId": "7d1f0a"}]}}});
    let parts = vec![
        Part::new("accounts.yaml", Content::Objects(Kind::Declaration, vec![account.clone(), account])),
        Part::new("operator.log", Content::Text("assumes with 7d1f0a\n".to_owned())),
        Part::new("status.json", Content::Document(json!({"reason": null, "message": "7d1f0a"}))),
        Part::new("none.yaml", Content::Objects(Kind::Pod, Vec::new())),
        Part::missing("pods.yaml", "you may not list pods; 7d1f0a"),
    ];
    let Files { texts, missing } = redacted(parts).unwrap();
    assert_eq!(texts["operator.log"], "assumes with [removed]\n");
    assert_eq!(texts["status.json"], "{\n  \"message\": \"[removed]\",\n  \"reason\": null\n}\n");
    assert_eq!(texts["none.yaml"], "# There are none.\n");
    assert_eq!(missing, [("pods.yaml".to_owned(), "you may not list pods; [removed]".to_owned())]);
    let accounts = &texts["accounts.yaml"];
    assert_eq!((accounts.matches("kind: AWSAccount").count(), accounts.matches("---\n").count()), (2, 1), "{accounts}");
    assert!(!accounts.contains("7d1f0a"), "{accounts}");
}
