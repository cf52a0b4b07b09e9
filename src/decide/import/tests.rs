//! A role, imported and declared, is the role again; and no import gives anybody more than the role does.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::api::{AWSAccount, Lifecycle};
use crate::decide::account::allowed::Namespace;
use crate::decide::role::plan::differences;
use crate::decide::role::{Given, describe, fixture};
use crate::decide::target::desired::desired;
use crate::decide::target::role_location::RoleLocation;
use crate::domain::policy::{PolicyDocument, Statement};
use crate::domain::{AccountId, BaseIdentity, CallerIdentity, DesiredRole, PolicyArn};

fn account(guardrails: &Value) -> AWSAccount {
    let spec = json!({
        "accountId": "222222222222", "region": "eu-west-1", "allowedNamespaces": {"names": ["team"]}, "guardrails": guardrails,
    });
    AWSAccount::new("analytics", serde_json::from_value(spec).expect("an account"))
}

fn wanted(lifecycle: Lifecycle, origin: Origin<'_>) -> Wanted<'_> {
    Wanted { name: "reader", namespace: Some("team"), account: "analytics", lifecycle, origin }
}

/// The role as the operator would make it of the object.
fn declared(role: &CrossAccountRole) -> DesiredRole {
    let account = account(&json!({"permissionsBoundary": fixture::arn("boundary").as_str()}));
    let at = RoleLocation::of(role, &account, &fixture::object()).expect("a location");
    let caller = CallerIdentity {
        account: AccountId::parse("111111111111").expect("an account"),
        arn: fixture::OPERATOR.into(),
        user_id: "AIDAOPERATOR".into(),
    };
    let base = BaseIdentity { principal_arn: fixture::OPERATOR.into(), caller, guessed: None };
    desired(role, &account, at, &base).expect("a declaration").role.expect("a role")
}

/// What the operator would change.
fn changes(role: &CrossAccountRole, state: &IamRoleState) -> Vec<String> {
    let (object, boundary) = (fixture::object(), fixture::arn("boundary"));
    let given = Given { declared_inline: &[], ..fixture::given(&object, &boundary) };
    describe::changes(Some(state), differences(&declared(role), &given, state).result(Some(state)).as_ref())
}

#[test]
fn a_role_that_the_operator_kept_is_declared_again_without_a_change() {
    let state = fixture::state();
    let Imported { role, notes } = import(&state, &wanted(Lifecycle::Create, Origin::Orphan(&fixture::object())));
    assert_eq!((notes, changes(&role, &state)), (Vec::new(), Vec::new()));
    assert_eq!(role.spec.role.name, None, "it is the default");
    assert_eq!(role.spec.trust.principals, [fixture::DEPLOYER]);
}

#[test]
fn only_roles_that_others_than_aws_can_change_are_imported() {
    for (arn, fine) in [
        ("arn:aws:iam::222222222222:role/reports", true),
        ("arn:aws:iam::222222222222:role/service-role/reports", true),
        ("arn:aws:iam::222222222222:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS", false),
        ("arn:aws:iam::222222222222:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_0123", false),
    ] {
        let arn = RoleArn::parse(arn).expect("an ARN");
        let refusal = changeable(&arn).err();
        assert_eq!(refusal.is_none(), fine, "{arn}");
        assert!(refusal.is_none_or(|refusal| refusal.message.contains(&arn.to_string())));
    }
}

#[test]
fn a_role_of_this_cluster_is_refused_with_its_object_and_one_of_another_is_not() {
    let found = fixture::state().role;
    let refusal = unowned(&found, "blue", "analytics").expect_err("it is of this cluster");
    assert!(refusal.message.contains("team/reader") && refusal.message.contains("orphans adopt analytics team-reader"));
    assert_eq!(unowned(&found, "green", "analytics"), Ok(()));
}

#[test]
fn what_the_account_refuses_or_changes_is_named() {
    let boundary = fixture::arn("boundary");
    let generous = json!({
        "permissionsBoundary": boundary.as_str(), "lifecycles": ["Create", "Adopt", "Observe"],
        "principals": ["arn:aws:iam::111111111111:*"], "principalTagKeys": ["team"],
    });
    let mut state = fixture::state();
    state.role.tags = [("team".to_owned(), "finance".to_owned())].into();
    let Imported { role, .. } = import(&state, &wanted(Lifecycle::Observe, Origin::Elsewhere));
    let said = |change: Value, namespace: &str| {
        let mut rules = generous.clone();
        rules.as_object_mut().expect("an object").extend(change.as_object().expect("an object").clone());
        let namespace = Namespace { name: namespace.to_owned(), ..Namespace::default() };
        judge(&role, &state.role, &account(&rules), Some(&namespace)).iter().map(Note::to_string).collect::<Vec<_>>()
    };
    assert_eq!(said(json!({}), "team"), Vec::<String>::new());
    for (change, words) in [
        (
            json!({"lifecycles": ["Create", "Adopt"]}),
            &["role.lifecycle Observe is not one of guardrails.lifecycles"][..],
        ),
        (json!({"lifecycles": ["Observe"]}), &["for Adopt, guardrails of the AWSAccount: role.lifecycle Adopt"]),
        (json!({"managedPolicies": [], "actions": ["ec2:*"]}), &["policy/managed", "s3:GetObject"]),
        (json!({"principals": [], "principalTagKeys": []}), &[fixture::DEPLOYER, "the tag key team"]),
        (json!({"rolePath": "/elsewhere/"}), &["the role is at path /crossaccount/, and guardrails.rolePath"]),
        (
            json!({"permissionsBoundary": "arn:aws:iam::222222222222:policy/other"}),
            &[
                "policy/boundary, and guardrails.permissionsBoundary of the AWSAccount is arn:aws:iam::222222222222:policy/other",
            ],
        ),
        (json!({"permissionsBoundary": null, "allowUnbounded": true}), &["of the AWSAccount is none. It stays"]),
        (
            json!({"permissionsBoundary": null}),
            &["for Adopt, guardrails of the AWSAccount: no guardrails.perm", "It stays"],
        ),
    ] {
        let notes = said(change.clone(), "team");
        assert_eq!(notes.len(), words.len(), "{change}: {notes:?}");
        for (note, word) in notes.iter().zip(words) {
            assert!(note.contains(word), "{change}: {word} is not in {note}");
        }
    }
    let elsewhere = said(json!({}), "payroll");
    assert!(
        elsewhere[0].starts_with("spec.accountRef: ") && elsewhere[0].contains("namespace payroll"),
        "{elsewhere:?}"
    );
}

fn policies() -> impl Strategy<Value = IamRoleState> {
    let name = "[A-Za-z0-9_+=,.@-]{1,20}";
    let action = prop::sample::select(vec!["s3:GetObject", "s3:*", "*", "sts:AssumeRole"]);
    let inline = prop::collection::btree_map(name, (any::<bool>(), action), 0..4);
    let tags = prop::collection::btree_map("[a-z]{1,8}", "[A-Za-z0-9 _.:/=+@-]{0,8}", 0..4);
    let managed = prop::collection::btree_set("[a-z]{1,8}", 0..4);
    let description = prop::option::of("[ -~\u{a1}-\u{ff}\t\r\n]{1,20}");
    (inline, tags, managed, description, 3600..43_200_i32).prop_map(|(inline, tags, managed, description, seconds)| {
        let mut state = fixture::state();
        let document = |allows, action| if allows { fixture::allow(action) } else { fixture::deny(action) };
        state.inline =
            inline.into_iter().map(|(name, (allows, action))| (name, Some(document(allows, action)))).collect();
        state.attached = managed.iter().map(|name| fixture::arn(name)).collect();
        state.role.tags = tags;
        state.role.settings.description = description;
        state.role.settings.max_session_seconds = seconds;
        state
    })
}

/// Any statement of a trust policy, often one that can be declared.
fn statement() -> impl Strategy<Value = Value> {
    let principal = prop::sample::select(vec![
        json!({"AWS": "333333333333"}),
        json!({"AWS": ["arn:aws:iam::333333333333:user/x", "arn:aws:iam::333333333333:root"]}),
        json!({"AWS": "arn:aws:iam::333333333333:role/y"}),
        json!({"AWS": ["*", "arn:aws:iam::333333333333:role/y"]}),
        json!({"AWS": "AIDADELETED"}),
        json!({"Service": "ec2.amazonaws.com"}),
        json!("*"),
    ]);
    let action = prop::sample::select(vec![
        json!("sts:AssumeRole"),
        json!(["sts:AssumeRole", "sts:TagSession"]),
        json!("sts:*"),
        json!("sts:TagSession"),
    ]);
    let condition = prop::sample::select(vec![
        Value::Null,
        json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        json!({"StringEquals": {"sts:ExternalId": "7d1f0a"}}),
    ]);
    let effect = prop::sample::select(vec!["Allow", "Allow", "Allow", "Deny"]);
    (effect, principal, action, condition).prop_map(|(effect, principal, action, condition)| {
        let mut statement = json!({"Effect": effect, "Principal": principal, "Action": action});
        if !condition.is_null() {
            statement["Condition"] = condition;
        }
        statement
    })
}

/// Principals with the conditions on which a document lets them assume the role.
fn lets_in(document: &PolicyDocument) -> BTreeSet<(String, String)> {
    let assumes = |statement: &Statement<'_>| {
        let actions = statement.texts("Action");
        statement.allows() && actions.iter().any(|action| ["sts:AssumeRole", "sts:*"].contains(action))
    };
    document
        .statements()
        .filter(assumes)
        .flat_map(|statement| {
            let condition = statement.get("Condition").map(Value::to_string).unwrap_or_default();
            statement.principals().into_iter().map(move |principal| (principal.to_owned(), condition.clone()))
        })
        .collect()
}

proptest! {
    #[test]
    fn policies_tags_and_settings_come_back_and_what_does_not_is_named(mut state in policies()) {
        state.role.trust = Some(fixture::trust(&[fixture::DEPLOYER]));
        state.role.tags.extend(fixture::state().role.tags);
        let Imported { role, notes } = import(&state, &wanted(Lifecycle::Create, Origin::Orphan(&fixture::object())));
        prop_assert_eq!(changes(&role, &state).len(), notes.len(), "{:?}: {:?}", changes(&role, &state), notes);
    }

    #[test]
    fn no_import_trusts_anybody_whom_the_role_does_not_trust_on_the_same_conditions(
        statements in prop::collection::vec(statement(), 1..5),
    ) {
        let mut state = fixture::state();
        let document = fixture::policy(&json!(statements));
        state.role.trust = Some(document.clone());
        let Imported { role, notes } = import(&state, &wanted(Lifecycle::Adopt, Origin::Elsewhere));
        let (before, after) = (lets_in(&document), lets_in(&declared(&role).trust));
        let new: Vec<_> = after.difference(&before).filter(|(principal, _)| principal != fixture::OPERATOR).collect();
        prop_assert!(new.is_empty(), "{:?}", new);
        let lost = before.difference(&after).count();
        prop_assert!(lost == 0 || !notes.is_empty(), "{} are lost, and nothing is said", lost);
    }
}

#[test]
fn the_arn_of_every_attached_policy_is_declared() {
    let state = fixture::state();
    let Imported { role, .. } = import(&state, &wanted(Lifecycle::Observe, Origin::Elsewhere));
    let attached: Vec<String> = state.attached.iter().map(PolicyArn::to_string).collect();
    assert_eq!(role.spec.role.managed_policy_arns, attached);
    assert_eq!(role.spec.role.name.as_deref(), Some("team-reader"), "a role of somebody else is named");
}
