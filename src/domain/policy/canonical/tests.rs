use proptest::prelude::*;
use serde_json::{Value, json};

use super::canonical;

fn statement(extra: Value) -> Value {
    let mut base = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111111111111"}});
    base.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
    json!({"Version": "2012-10-17", "Statement": [base]})
}

fn condition(operator: &str, key: &str, value: Value) -> Value {
    statement(json!({"Condition": {operator: {key: value}}}))
}

#[test]
fn equivalent_forms_are_equal() {
    let table = [
        ("one action and a list of it", statement(json!({"Action": "a:b"})), statement(json!({"Action": ["a:b"]}))),
        (
            "order of actions",
            statement(json!({"Action": ["a:b", "c:d"]})),
            statement(json!({"Action": ["c:d", "a:b"]})),
        ),
        ("a repeated action", statement(json!({"Action": ["a:b", "a:b"]})), statement(json!({"Action": "a:b"}))),
        ("case of actions", statement(json!({"Action": "S3:getobject"})), statement(json!({"Action": "s3:GetObject"}))),
        ("case of the effect", statement(json!({"Effect": "allow"})), statement(json!({"Effect": "Allow"}))),
        ("order of resources", statement(json!({"Resource": ["x", "y"]})), statement(json!({"Resource": ["y", "x"]}))),
        (
            "an account and its root",
            statement(json!({"Principal": {"AWS": "111111111111"}})),
            statement(json!({"Principal": {"AWS": ["arn:aws:iam::111111111111:root"]}})),
        ),
        (
            "an account and its root in China",
            statement(json!({"Principal": {"AWS": "111111111111"}})),
            statement(json!({"Principal": {"AWS": "arn:aws-cn:iam::111111111111:root"}})),
        ),
        ("everyone, both ways", statement(json!({"Principal": "*"})), statement(json!({"Principal": {"AWS": ["*"]}}))),
        ("a boolean condition", condition("Bool", "a:b", json!(true)), condition("Bool", "a:b", json!(["true"]))),
        ("a number", condition("NumericEquals", "a:b", json!(5)), condition("NumericEquals", "a:b", json!("5"))),
        (
            "case of condition keys",
            condition("StringEquals", "aws:PrincipalARN", json!("x")),
            condition("StringEquals", "aws:principalarn", json!("x")),
        ),
        (
            "order of values",
            condition("StringLike", "a:b", json!(["x", "y"])),
            condition("StringLike", "a:b", json!(["y", "x"])),
        ),
        (
            "no list and an empty list",
            statement(json!({"Principal": {"AWS": "1", "Service": []}})),
            statement(json!({"Principal": {"AWS": "1"}})),
        ),
        ("no condition and an empty one", statement(json!({"Condition": {}})), statement(json!({}))),
        (
            "one statement and a list of it",
            json!({"Statement": {"Effect": "Deny"}}),
            json!({"Statement": [{"Effect": "Deny"}]}),
        ),
        (
            "a repeated statement",
            json!({"Statement": [{"Effect": "Deny"}, {"Effect": "Deny"}]}),
            json!({"Statement": {"Effect": "Deny"}}),
        ),
        (
            "the default version",
            json!({"Statement": {"Effect": "Deny"}}),
            json!({"Version": "2008-10-17", "Statement": {"Effect": "Deny"}}),
        ),
    ];
    for (what, a, b) in table {
        assert_eq!(canonical(&a), canonical(&b), "{what}");
    }
}

#[test]
fn documents_of_different_meaning_differ() {
    let table = [
        (
            "version",
            json!({"Version": "2012-10-17", "Statement": {"Effect": "Deny"}}),
            json!({"Version": "2008-10-17", "Statement": {"Effect": "Deny"}}),
        ),
        ("sid", statement(json!({"Sid": "A"})), statement(json!({"Sid": "B"}))),
        (
            "id",
            json!({"Id": "a", "Statement": {"Effect": "Deny"}}),
            json!({"Id": "b", "Statement": {"Effect": "Deny"}}),
        ),
        ("effect", statement(json!({"Effect": "Deny"})), statement(json!({"Effect": "Allow"}))),
        (
            "action and not-action",
            json!({"Statement": {"Effect": "Deny", "Action": "a:b"}}),
            json!({"Statement": {"Effect": "Deny", "NotAction": "a:b"}}),
        ),
        ("case of resources", statement(json!({"Resource": "X"})), statement(json!({"Resource": "x"}))),
        (
            "case of values",
            condition("StringEquals", "sts:ExternalId", json!("A")),
            condition("StringEquals", "sts:ExternalId", json!("a")),
        ),
        ("a missing condition", condition("StringEquals", "sts:ExternalId", json!("A")), statement(json!({}))),
        ("operator", condition("StringEquals", "k", json!("A")), condition("StringLike", "k", json!("A"))),
        (
            "a user and its unique id, which shows that the user was deleted",
            statement(json!({"Principal": {"AWS": "arn:aws:iam::111111111111:user/x"}})),
            statement(json!({"Principal": {"AWS": "AIDAEXAMPLE"}})),
        ),
        (
            "another account's root",
            statement(json!({"Principal": {"AWS": "111111111111"}})),
            statement(json!({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}})),
        ),
        ("a wider action", statement(json!({"Action": "s3:Get*"})), statement(json!({"Action": "s3:GetObject"}))),
    ];
    for (what, a, b) in table {
        assert_ne!(canonical(&a), canonical(&b), "{what}");
    }
}

/// Documents of up to four statements over small alphabets, so that collisions do happen.
fn any_document() -> impl Strategy<Value = Value> {
    let words = |pattern: &'static str| proptest::collection::vec(pattern, 1..4);
    let statement = (prop::bool::ANY, words("s3:(Get|Put)[A-C]"), words("arn:[a-c]"), words("[x-z]")).prop_map(
        |(allow, actions, resources, values)| {
            json!({"Effect": if allow { "Allow" } else { "Deny" }, "Action": actions, "Resource": resources,
                   "Condition": {"StringEquals": {"aws:Tag": values}}})
        },
    );
    proptest::collection::vec(statement, 1..5).prop_map(|s| json!({"Version": "2012-10-17", "Statement": s}))
}

/// The same document written another way: lists turned round, single values unwrapped, statements repeated.
fn rewritten(value: &Value) -> Value {
    match value {
        Value::Array(many) if many.len() == 1 && many[0].is_string() => many[0].clone(),
        Value::Array(many) => {
            let mut turned: Vec<Value> = many.iter().rev().map(rewritten).collect();
            turned.extend(many.first().map(rewritten));
            turned.into()
        }
        Value::Object(map) => {
            map.iter().rev().map(|(k, v)| (k.clone(), rewritten(v))).collect::<serde_json::Map<_, _>>().into()
        }
        other => other.clone(),
    }
}

proptest! {
    #[test]
    fn writing_a_document_another_way_keeps_its_canonical_form(document in any_document()) {
        prop_assert_eq!(canonical(&document), canonical(&rewritten(&document)));
    }

    #[test]
    fn the_canonical_form_is_its_own(document in any_document()) {
        let once = canonical(&document);
        prop_assert_eq!(canonical(&once), once);
    }

    #[test]
    fn one_more_action_in_one_statement_is_a_difference(document in any_document()) {
        let mut changed = document.clone();
        changed["Statement"][0]["Action"].as_array_mut().expect("a list").push("s3:New".into());
        prop_assert_ne!(canonical(&document), canonical(&changed));
    }
}
