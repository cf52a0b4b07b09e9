//! Whose a Secret is.

use serde_json::json;

use super::*;
use crate::api::SecretSpec;
use crate::decide::credentials::secret::DesiredSecret;
use crate::domain::{Credentials, Region};

fn role() -> CrossAccountRole {
    serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": "reader", "namespace": "team", "uid": "uid-1"}, "spec": {"accountRef": {"name": "a"}},
    }))
    .expect("a role")
}

fn observed(change: &serde_json::Value) -> ObservedSecret {
    let mut value = json!({
        "metadata": {"name": "reader", "ownerReferences": [
            {"apiVersion": "v", "kind": "k", "name": "reader", "uid": "uid-1", "controller": true}]},
        "type": SECRET_TYPE,
    });
    value.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
    observe(serde_json::from_value(value).expect("a Secret"), &role(), Some("222222222222"))
}

#[test]
fn only_a_secret_of_our_type_that_this_object_controls_is_ours() {
    assert!(matches!(observed(&json!({})), ObservedSecret::Ours(_)));
    assert!(matches!(observed(&json!({"immutable": true})), ObservedSecret::Ours(secret) if secret.immutable));
    let owner = |uid: &str, controller: bool| {
        json!({"metadata": {"name": "reader", "ownerReferences": [
            {"apiVersion": "v", "kind": "k", "name": "reader", "uid": uid, "controller": controller}]}})
    };
    for (what, change) in [
        ("no owner, and nothing of ours in it", json!({"metadata": {"name": "reader"}})),
        ("an earlier object of the same name", owner("uid-0", true)),
        ("an owner that is not its controller", owner("uid-1", false)),
        ("another type", json!({"type": "Opaque"})),
    ] {
        assert!(matches!(observed(&change), ObservedSecret::Foreign(_)), "{what}");
    }
}

/// A backup is restored without owner references.
#[test]
fn a_secret_without_an_owner_is_ours_by_what_it_holds() {
    let set = PublishedCredentials {
        credentials: Credentials {
            access_key_id: SecretText::new("ASIAKEY".into()),
            secret_access_key: SecretText::new("secret".into()),
            session_token: SecretText::new("token".into()),
            expires_at: "2027-01-15T09:00:00Z".parse().expect("a time"),
        },
        role_arn: "arn:aws:iam::222222222222:role/crossaccount/team-reader".into(),
        issued_at: "2027-01-15T08:00:00Z".parse().expect("a time"),
        inputs_hash: "inputs".into(),
        answered: None,
    };
    let region = Region::parse("eu-west-1").expect("a region");
    let written = |set: &PublishedCredentials| {
        let spec = SecretSpec::default();
        let content = DesiredSecret::of(&spec, "reader", region.clone()).expect("a secret").render(set);
        let data: BTreeMap<_, _> = content.data.iter().map(|(key, text)| (key, bytes(text))).collect();
        json!({"metadata": {"name": "reader", "labels": content.labels, "annotations": content.annotations}, "data": data})
    };
    let restored = written(&set);
    let ObservedSecret::Ours(secret) = observed(&restored) else { panic!("{restored}") };
    assert!(!secret.is_controlled && secret.publication.is_some(), "it is written again, with its owner");
    let without = |pointer: &str| {
        let mut changed = restored.clone();
        *changed.pointer_mut(pointer).expect("it is there") = json!({});
        changed
    };
    let of_another = PublishedCredentials { role_arn: set.role_arn.replace("reader", "writer"), ..set.clone() };
    let elsewhere =
        PublishedCredentials { role_arn: set.role_arn.replace("222222222222", "333333333333"), ..set.clone() };
    for (what, change) in [
        ("without the label", without("/metadata/labels")),
        ("without the annotations", without("/metadata/annotations")),
        ("edited", without("/data")),
        ("credentials of another role", written(&of_another)),
        ("credentials of another account", written(&elsewhere)),
    ] {
        assert!(matches!(observed(&change), ObservedSecret::Foreign(_)), "{what}");
    }
}
