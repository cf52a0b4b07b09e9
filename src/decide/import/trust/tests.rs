use serde_json::{Value, json};

use super::*;
use crate::decide::role::fixture::{OPERATOR, object, policy, state};
use crate::domain::policy::PolicyDocument;
use crate::domain::{ExternalId, ObjectIdentity};

const X: &str = "arn:aws:iam::333333333333:user/x";
const Y: &str = "arn:aws:iam::333333333333:role/y";

fn imported(document: Option<PolicyDocument>, origin: Origin<'_>) -> (TrustSpec, Vec<String>) {
    let mut notes = Vec::new();
    let spec = trust(&IamRole { trust: document, ..state().role }, origin, &mut notes);
    (spec, notes.iter().map(Note::to_string).collect())
}

fn allow(principal: &Value) -> Value {
    json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
}

fn with(mut statement: Value, element: &str, value: Value) -> Value {
    statement[element] = value;
    statement
}

fn mfa(principal: &str) -> Value {
    with(allow(&json!({"AWS": principal})), "Condition", json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}))
}

/// Statements, the principals that are declared, and words of each note.
type Case = (&'static str, Value, &'static [&'static str], &'static [&'static str]);

#[test]
fn what_can_be_declared_is_declared_and_everything_else_is_named() {
    let assume = || allow(&json!({"AWS": X}));
    let cases: Vec<Case> = vec![
        ("a user", json!([assume()]), &[X], &[]),
        ("a statement without a list", assume(), &[X], &[]),
        ("an account by its id", json!([allow(&json!({"AWS": "333333333333"}))]), &["333333333333"], &[]),
        ("several of one statement", json!([allow(&json!({"AWS": [X, Y, X]}))]), &[X, Y], &[]),
        ("several statements", json!([assume(), allow(&json!({"AWS": [Y, X]}))]), &[X, Y], &[]),
        ("another case of the action", json!([with(assume(), "Action", json!("STS:assumerole"))]), &[X], &[]),
        ("a condition", json!([mfa(X)]), &[X], &[]),
        (
            "the same condition in other words",
            json!([
                mfa(X),
                with(allow(&json!({"AWS": Y})), "Condition", json!({"Bool": {"AWS:multifactorauthpresent": [true]}}))
            ]),
            &[X, Y],
            &[],
        ),
        (
            "different conditions",
            json!([mfa(X), allow(&json!({"AWS": [Y, "333333333333"]}))]),
            &[Y, "333333333333"],
            &[
                "Statement[0]: arn:aws:iam::333333333333:user/x may assume the role on other conditions than in trust policy, Statement[1]",
            ],
        ),
        (
            "a service",
            json!([allow(&json!({"Service": "ec2.amazonaws.com"}))]),
            &[],
            &["it trusts the service ec2.amazonaws.com"],
        ),
        (
            "a service beside a user in one statement",
            json!([allow(&json!({"Service": ["ec2.amazonaws.com", "ecs.amazonaws.com"], "AWS": X}))]),
            &[X],
            &["the service ec2.amazonaws.com", "the service ecs.amazonaws.com"],
        ),
        (
            "an identity provider",
            json!([with(
                allow(&json!({"Federated": "arn:aws:iam::222222222222:oidc-provider/issuer"})),
                "Action",
                json!("sts:AssumeRoleWithWebIdentity")
            )]),
            &[],
            &[
                "the identity provider arn:aws:iam::222222222222:oidc-provider/issuer",
                "it allows sts:AssumeRoleWithWebIdentity",
            ],
        ),
        ("another kind", json!([allow(&json!({"CanonicalUser": "79a5"}))]), &[], &["it trusts CanonicalUser 79a5"]),
        ("everyone", json!([allow(&json!("*"))]), &[], &["it trusts everyone (*)"]),
        ("everyone, as a kind", json!([allow(&json!({"AWS": "*"}))]), &[], &["it trusts everyone (*)"]),
        (
            "a session",
            json!([allow(&json!({"AWS": "arn:aws:sts::333333333333:assumed-role/a/b"}))]),
            &[],
            &["arn:aws:sts::333333333333:assumed-role/a/b, which is not an account"],
        ),
        (
            "a deleted principal",
            json!([allow(&json!({"AWS": ["AIDADELETED", X]}))]),
            &[X],
            &["AIDADELETED, a principal that was deleted"],
        ),
        (
            "no principal",
            json!([{"Effect": "Allow", "Action": "sts:AssumeRole"}]),
            &[],
            &["no principal that can be read"],
        ),
        (
            "everyone but some",
            json!([{"Effect": "Allow", "NotPrincipal": {"AWS": X}, "Action": "sts:AssumeRole"}]),
            &[],
            &["NotPrincipal"],
        ),
        (
            "everything but some actions",
            json!([{"Effect": "Allow", "Principal": {"AWS": X}, "NotAction": "sts:TagSession"}]),
            &[],
            &["NotAction"],
        ),
        (
            "a denial",
            json!([assume(), {"Effect": "Deny", "Principal": {"AWS": Y}, "Action": "sts:AssumeRole"}]),
            &[X],
            &["Statement[1]: it denies sts:AssumeRole"],
        ),
        (
            "a denial of everything but one action",
            json!([{"Effect": "Deny", "Principal": {"AWS": Y}, "NotAction": "sts:TagSession"}]),
            &[],
            &["it denies everything but sts:TagSession"],
        ),
        (
            "session tags",
            json!([with(assume(), "Action", json!(["sts:AssumeRole", "sts:TagSession"]))]),
            &[X],
            &["it allows more than sts:AssumeRole: sts:TagSession"],
        ),
        (
            "a wider action",
            json!([with(assume(), "Action", json!("sts:*"))]),
            &[X],
            &["more than sts:AssumeRole: sts:*"],
        ),
        (
            "other actions only",
            json!([with(assume(), "Action", json!("sts:TagSession"))]),
            &[],
            &["it allows sts:TagSession"],
        ),
        (
            "a condition of an odd operator",
            json!([with(assume(), "Condition", json!({"Bool2": {"a": "b"}}))]),
            &[],
            &["a condition that cannot be declared"],
        ),
        (
            "a condition of an odd value",
            json!([with(assume(), "Condition", json!({"Bool": {"a": {"b": "c"}}}))]),
            &[],
            &["a condition that cannot be declared"],
        ),
        (
            "a condition of an odd shape",
            json!([with(assume(), "Condition", json!("x"))]),
            &[],
            &["a condition that cannot"],
        ),
    ];
    for (what, statements, principals, words) in cases {
        let (spec, notes) = imported(Some(policy(&statements)), Origin::Elsewhere);
        assert_eq!(spec.principals, principals, "{what}: {notes:?}");
        assert_eq!(notes.len(), words.len(), "{what}: {notes:?}");
        for (note, word) in notes.iter().zip(words) {
            assert!(note.contains(word) && note.contains("Observe"), "{what}: {word} is not in {note}");
        }
        assert!(spec.conditions.is_empty() || !spec.principals.is_empty(), "{what}: {spec:?}");
    }
}

#[test]
fn a_condition_is_declared_as_it_is_and_goes_with_its_principals_only() {
    let (spec, _) = imported(Some(policy(&json!([mfa(X), mfa(Y)]))), Origin::Elsewhere);
    assert_eq!(json!(spec.conditions), json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}));
    let (spec, _) =
        imported(Some(policy(&json!([mfa(X), allow(&json!({"AWS": [Y, "333333333333"]}))]))), Origin::Elsewhere);
    assert!(spec.conditions.is_empty(), "{spec:?}");
}

#[test]
fn a_trust_policy_that_cannot_be_read_is_named() {
    let (spec, notes) = imported(None, Origin::Elsewhere);
    assert_eq!((spec, notes.len()), (TrustSpec::default(), 1));
    assert!(notes[0].starts_with("trust policy: it cannot be read"), "{notes:?}");
}

#[test]
fn a_policy_variable_is_declared_only_where_it_is_one() {
    let condition = json!({"StringEquals": {"aws:PrincipalTag/team": "${aws:PrincipalTag/unit}"}});
    let statement = with(allow(&json!({"AWS": X})), "Condition", condition);
    for (version, declared) in [("2012-10-17", 1), ("2008-10-17", 0)] {
        let document =
            PolicyDocument::from_value(json!({"Version": version, "Statement": [statement]})).expect("a policy");
        let (spec, notes) = imported(Some(document), Origin::Elsewhere);
        assert_eq!((spec.principals.len(), notes.len()), (declared, 1 - declared), "{version}: {notes:?}");
    }
}

#[test]
fn the_statements_of_an_operator_are_not_declared_and_are_named_unless_the_object_had_them() {
    let own = with(
        allow(&json!({"AWS": OPERATOR})),
        "Condition",
        json!({"StringEquals": {"sts:ExternalId": ExternalId::of(&object()).as_str()}}),
    );
    let extras = with(allow(&json!({"AWS": OPERATOR})), "Action", json!(["sts:TagSession", "sts:SetSourceIdentity"]));
    let document = policy(&json!([own, extras, mfa(X)]));
    let (spec, notes) = imported(Some(document.clone()), Origin::Orphan(&object()));
    assert_eq!((spec.principals, notes), (vec![X.to_owned()], Vec::new()));
    let (spec, notes) = imported(Some(document), Origin::Elsewhere);
    assert_eq!((spec.principals.len(), notes.len()), (1, 2));
    assert!(notes.iter().all(|note| note.contains("for a CrossAccountRole operator")), "{notes:?}");
    // That of another object is named.
    let another = ObjectIdentity { name: "another".to_owned(), ..object() };
    let (spec, notes) = imported(Some(policy(&json!([own]))), Origin::Orphan(&another));
    assert_eq!((spec.principals.len(), notes.len()), (0, 1));
    // An external id of another form is somebody else's.
    let other = with(own, "Condition", json!({"StringEquals": {"sts:ExternalId": "7d1f0a"}}));
    let (spec, notes) = imported(Some(policy(&json!([other]))), Origin::Orphan(&object()));
    assert_eq!((spec.principals, notes), (vec![OPERATOR.to_owned()], Vec::new()));
}

#[test]
fn principals_beyond_the_number_that_an_object_declares_are_named_each() {
    let many: Vec<String> = (0..52).map(|number| format!("{}", 333_333_333_300_u64 + number)).collect();
    let (spec, notes) = imported(Some(policy(&json!([allow(&json!({"AWS": many}))]))), Origin::Elsewhere);
    assert_eq!((spec.principals.len(), notes.len()), (50, 2));
    assert!(notes[1].contains("333333333351 is left out"), "{notes:?}");
}
