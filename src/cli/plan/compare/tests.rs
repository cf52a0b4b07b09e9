use serde_json::{Value, json};

use super::*;
use crate::api::Reason;

fn account(guardrails: &Value) -> AWSAccount {
    serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": "prod"},
        "spec": {
            "accountId": "222222222222", "region": "eu-west-1", "allowedNamespaces": {"names": ["analytics"]},
            "guardrails": guardrails,
        },
    }))
    .unwrap()
}

fn role(spec: &Value) -> CrossAccountRole {
    let mut whole = json!({"accountRef": {"name": "prod"}});
    whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": "reader", "namespace": "analytics", "generation": 1}, "spec": whole,
        "status": {"role": {"arn": "arn:aws:iam::222222222222:role/crossaccount/analytics-reader", "created": true}},
    }))
    .unwrap()
}

fn planned(present: Option<&Value>, wanted: &Value, guardrails: &Value) -> Result<Vec<String>, Refusal> {
    let (account, present, wanted) = (account(guardrails), present.map(role), role(wanted));
    let namespace = Namespace { name: "analytics".into(), ..Namespace::default() };
    let now = "2027-01-15T08:00:00Z".parse().unwrap();
    changes(present.as_ref(), &wanted, Around { account: Some(&account), namespace: &namespace, live: None, now })
}

#[test]
fn each_change_of_the_declaration_is_a_line() {
    let open = json!({"allowUnbounded": true, "lifecycles": ["Create", "Adopt", "Observe"]});
    let read = |resource: &str| {
        let statement = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource});
        json!({"Version": "2012-10-17", "Statement": [statement]})
    };
    let inline = json!({"role": {"inlinePolicies": {"read": read("arn:aws:s3:::a/*")}}});
    let grant = json!({"sourceGrants": [{"accountRef": {"name": "ci"}, "user": "deployer"}]});
    for (what, present, wanted, expected) in [
        ("the same", Some(inline.clone()), inline.clone(), vec![]),
        (
            "a new object",
            None,
            inline.clone(),
            vec!["role: create /crossaccount/analytics-reader", "inline policy read: add"],
        ),
        (
            "another policy",
            Some(inline.clone()),
            json!({"role": {"inlinePolicies": {"read": read("arn:aws:s3:::b/*")}}}),
            vec!["inline policy read: replace"],
        ),
        ("a policy less", Some(inline.clone()), json!({}), vec!["inline policy read: delete"]),
        (
            "a description and a longer session",
            Some(json!({})),
            json!({"role": {"description": "Reads", "maxSessionDurationSeconds": 7200}}),
            vec!["max session: 3600 s -> 7200 s", "description: none -> \"Reads\""],
        ),
        (
            "another session",
            Some(json!({})),
            json!({"session": {"durationSeconds": 1800}}),
            vec!["credentials: a new set, since the session differs"],
        ),
        ("a grant", Some(json!({})), grant.clone(), vec!["grant for user deployer of AWSAccount ci: add"]),
        ("a grant less", Some(grant), json!({}), vec!["grant for user deployer of AWSAccount ci: take back"]),
        ("a suspension", Some(json!({})), json!({"suspend": true, "role": {"description": "Reads"}}), vec![]),
        ("an observed role", None, json!({"role": {"lifecycle": "Observe", "name": "analytics-x"}}), vec![]),
    ] {
        assert_eq!(planned(present.as_ref(), &wanted, &open).unwrap(), expected, "{what}");
    }
    let adopted = planned(None, &json!({"role": {"lifecycle": "Adopt"}}), &open).unwrap();
    assert!(adopted[0].contains("take over analytics-reader") && adopted[0].contains("Observe first"), "{adopted:?}");
}

#[test]
fn what_the_operator_would_refuse_is_refused_here() {
    for (wanted, guardrails, reason) in [
        (json!({}), json!({}), Reason::NotAllowed),
        (json!({"role": {"lifecycle": "Adopt"}}), json!({"allowUnbounded": true}), Reason::NotAllowed),
        (json!({"session": {"durationSeconds": 10}}), json!({"allowUnbounded": true}), Reason::InvalidSpec),
    ] {
        assert_eq!(planned(None, &wanted, &guardrails).unwrap_err().reason, reason, "{wanted}");
    }
}

#[test]
fn an_object_is_as_declared_when_the_operator_says_so_of_its_present_generation() {
    let mut present = role(&json!({}));
    assert_eq!(pending(&present), ["RoleReady: the operator has not come to this yet"]);
    let condition = |status: &str, reason: &str, generation: i64| {
        serde_json::from_value(json!({
            "type": "RoleReady", "status": status, "reason": reason, "message": "words", "observedGeneration": generation,
            "lastTransitionTime": "2027-01-15T08:00:00Z",
        }))
        .unwrap()
    };
    for (condition, expected) in [
        (condition("True", "Available", 1), vec![]),
        (condition("True", "Available", 0), vec!["RoleReady: the operator has not yet looked at the latest change"]),
        (condition("False", "ManagerDenied", 1), vec!["RoleReady, ManagerDenied: words"]),
    ] {
        present.status.as_mut().unwrap().conditions = vec![condition];
        assert_eq!(pending(&present), expected);
    }
    present.spec.role.lifecycle = Lifecycle::Observe;
    present.status.as_mut().unwrap().planned_changes = vec!["tag a: add".to_owned()];
    assert_eq!(pending(&present), ["Create or Adopt would change: tag a: add"]);
}
