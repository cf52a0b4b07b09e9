//! Halves of edits, by example and against a plain reading of what a document allows.

use proptest::prelude::*;

use super::*;

fn policy(statements: Value) -> PolicyDocument {
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).expect("a policy")
}

fn allow(actions: &[&str], resources: &[&str]) -> Value {
    json!({"Effect": "Allow", "Action": actions, "Resource": resources})
}

fn deny(actions: &[&str]) -> Value {
    json!({"Effect": "Deny", "Action": actions, "Resource": "*"})
}

#[test]
fn a_plain_narrowing_and_a_plain_widening_are_one_write_each() {
    let wide = policy(json!([allow(&["s3:*"], &["*"])]));
    let narrow = policy(json!([allow(&["s3:Get*"], &["arn:aws:s3:::reports/*"])]));
    assert_eq!(edit(Some(&wide), Some(&narrow)), Edit { narrowing: Some(Write::Put(narrow.clone())), widening: None });
    assert_eq!(edit(Some(&narrow), Some(&wide)), Edit { narrowing: None, widening: Some(Write::Put(wide.clone())) });
    assert_eq!(edit(Some(&wide), None), Edit { narrowing: Some(Write::Delete), widening: None });
    assert_eq!(edit(None, Some(&wide)), Edit { narrowing: None, widening: Some(Write::Put(wide.clone())) });
    assert_eq!(edit(Some(&wide), Some(&wide)), Edit::default());
}

#[test]
fn what_both_documents_allow_stays_during_an_edit() {
    let old = policy(json!([allow(&["s3:Get*", "s3:DeleteObject"], &["a", "b"])]));
    let new = policy(json!([allow(&["s3:GetObject", "s3:PutObject"], &["b", "c"])]));
    let Edit { narrowing: Some(Write::Put(between)), widening } = edit(Some(&old), Some(&new)) else {
        panic!("something stays")
    };
    assert_eq!(between, policy(json!([allow(&["s3:GetObject"], &["b"])])));
    assert_eq!(widening, Some(Write::Put(new)));
}

#[test]
fn a_denial_comes_with_the_first_half_and_goes_with_the_second() {
    let plain = policy(json!([allow(&["s3:*"], &["*"])]));
    let guarded = policy(json!([allow(&["s3:*"], &["*"]), deny(&["s3:DeleteObject"])]));
    assert_eq!(edit(Some(&plain), Some(&guarded)).widening, None);
    assert_eq!(edit(Some(&guarded), Some(&plain)).narrowing, None);
    let only = policy(json!([deny(&["s3:DeleteObject"])]));
    let gone = edit(Some(&guarded), None);
    assert_eq!(gone, Edit { narrowing: Some(Write::Put(only)), widening: Some(Write::Delete) });
}

#[test]
fn a_principal_is_added_or_removed_in_one_write_and_a_condition_only_narrows() {
    let trust = |principals: Value, condition: Value| {
        let mut statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principals}});
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        policy(json!([statement]))
    };
    let (one, two) =
        (trust(json!("111111111111"), json!(null)), trust(json!(["111111111111", "222222222222"]), json!(null)));
    assert_eq!(edit(Some(&one), Some(&two)).narrowing, None);
    assert_eq!(edit(Some(&two), Some(&one)).widening, None);
    let root = trust(json!("arn:aws:iam::111111111111:root"), json!({"StringEquals": {"sts:ExternalId": "x"}}));
    assert_eq!(edit(Some(&one), Some(&root)), Edit { narrowing: Some(Write::Put(root.clone())), widening: None });
    assert_eq!(edit(Some(&root), Some(&one)).narrowing, None);
}

/// A plain reading of a document: whether it allows, and whether it denies, an action on a resource.
fn reads(document: Option<&PolicyDocument>, action: &str, resource: &str) -> (bool, bool) {
    let statements: Vec<Statement<'_>> = document.into_iter().flat_map(PolicyDocument::statements).collect();
    let applies = |statement: &&Statement<'_>| {
        statement.texts("Action").iter().any(|glob| glob_covers(glob, action))
            && statement.texts("Resource").iter().any(|glob| glob_covers(glob, resource))
    };
    let mut applying = statements.iter().filter(applies);
    (applying.clone().any(Statement::allows), applying.any(|statement| !statement.allows()))
}

fn texts_of(alphabet: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(prop::sample::select(alphabet), 1..3)
}

fn documents() -> impl Strategy<Value = Option<PolicyDocument>> {
    let statement = (any::<bool>(), texts_of(&["a:x", "a:y", "a:*", "*"]), texts_of(&["r", "s", "r*", "*"])).prop_map(
        |(denies, actions, resources)| {
            json!({"Effect": if denies { "Deny" } else { "Allow" }, "Action": actions, "Resource": resources})
        },
    );
    prop::collection::vec(statement, 0..4).prop_map(|statements| document(&statements))
}

proptest! {
    #[test]
    fn the_first_half_only_takes_away_and_the_second_only_gives(old in documents(), new in documents()) {
        let between = common(old.as_ref(), new.as_ref());
        for action in ["a:x", "a:y", "b:z"] {
            for resource in ["r", "s", "rr"] {
                let (before, after) = (reads(old.as_ref(), action, resource), reads(new.as_ref(), action, resource));
                let (allows, denies) = reads(between.as_ref(), action, resource);
                prop_assert!(!allows || (before.0 && after.0), "{between:?}");
                prop_assert!(denies || !(before.1 || after.1), "{between:?}");
            }
        }
        prop_assert_eq!(edit(new.as_ref(), new.as_ref()), Edit::default());
    }
}
