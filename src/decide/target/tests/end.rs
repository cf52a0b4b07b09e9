//! What becomes of the role when its object is deleted.

use super::*;
use crate::decide::role::denial::{Denied, denied};
use crate::decide::role::{Goal, fixture, plan};

#[test]
fn a_deleted_object_leaves_its_role_only_where_it_asks_for_that_and_the_guardrails_allow_it() {
    let retain = json!({"role": {"deletionPolicy": "Retain"}});
    let adopt = json!({"role": {"lifecycle": "Adopt"}});
    let observe = json!({"role": {"lifecycle": "Observe"}});
    let listed = json!({"guardrails": {"deletionPolicies": ["Delete", "Retain"]}});
    let adoptable = json!({"guardrails": {"lifecycles": ["Create", "Adopt"]}});
    let retaining =
        json!({"guardrails": {"lifecycles": ["Create", "Adopt"], "deletionPolicies": ["Delete", "Retain"]}});
    for (what, role, account, expected) in [
        ("a created role", json!({}), json!({}), "Absent"),
        ("a role that is only observed: its tags say what becomes of it", observe, json!({}), "Absent"),
        ("Retain, which the account lists", retain.clone(), listed.clone(), "Released"),
        ("Retain, which the account does not list", retain.clone(), json!({}), "Absent"),
        ("Retain by the account's default", json!({}), json!({"deletionPolicy": "Retain"}), "Released"),
        (
            "Delete, where the account's default is Retain",
            json!({"role": {"deletionPolicy": "Delete"}}),
            json!({"deletionPolicy": "Retain"}),
            "Absent",
        ),
        (
            "Retain by a default that the account itself does not list",
            json!({}),
            json!({"deletionPolicy": "Retain", "guardrails": {"deletionPolicies": ["Delete"]}}),
            "Absent",
        ),
        (
            "Adopt, where the account does not list Retain: its tags say what becomes of it",
            adopt.clone(),
            adoptable.clone(),
            "Absent",
        ),
        ("Adopt, where the account lists Retain", adopt.clone(), retaining.clone(), "Released"),
        ("Adopt, suspended", json!({"role": {"lifecycle": "Adopt"}, "suspend": true}), retaining.clone(), "Released"),
        ("an object with a Secret that is not valid", json!({"secret": {"profile": "a]"}}), json!({}), "Absent"),
    ] {
        assert_eq!(world(&role, &account).deleted().in_words(), expected, "{what}");
    }
    let released = || world(&retain, &listed).deleted();
    for (what, world, expected) in [
        ("in conflict", released().but(conflict), "Released"),
        ("without an identity of the operator", released().but(no_identity), "Released"),
        ("together with its account", released().but(account_goes), "Released"),
        ("without an account", released().but(|world| world.account = None), "Absent"),
    ] {
        assert_eq!(world.in_words(), expected, "{what}");
    }
}

#[test]
fn a_role_that_may_not_be_open_is_closed_before_it_is_given_up() {
    let retain = json!({"role": {"deletionPolicy": "Retain"}});
    let wide = json!({"role": {"deletionPolicy": "Retain"}, "trust": {"principals": ["333333333333"]}});
    let listed = |more: Value| {
        let mut account = json!({"guardrails": {"deletionPolicies": ["Retain"], "lifecycles": ["Create", "Adopt"]}});
        merge(&mut account, &more);
        account
    };
    for (what, role, account) in [
        ("the namespace is not allowed", &retain, listed(json!({"allowedNamespaces": null}))),
        ("a guardrail is broken", &wide, listed(json!({}))),
        (
            "an adopted role of a namespace that is not allowed",
            &json!({"role": {"lifecycle": "Adopt"}}),
            listed(json!({"allowedNamespaces": null})),
        ),
    ] {
        assert_eq!(world(role, &account).deleted().in_words(), "Released, closed NotAllowed", "{what}");
    }
}

/// The tags say that the object adopted the role and did not create it. Where the account no longer lets it, the role is closed
/// while the object is there, and stays closed when the object goes.
#[test]
fn a_role_that_was_adopted_where_adopting_is_no_longer_allowed_is_closed_before_it_is_given_up() {
    let world = world(&json!({"role": {"lifecycle": "Adopt"}}), &json!({"guardrails": {"lifecycles": ["Create"]}}));
    assert_eq!(world.in_words(), "Closed NotAllowed");
    let (object, boundary) = (fixture::object(), fixture::arn("boundary"));
    let mut adopted = fixture::state();
    adopted.role.tags = object.role_tags();
    let goal = match world.deleted().target() {
        Target::Released { closed } => Goal::Released { closed: closed.is_some() },
        Target::Absent { closed } => Goal::Absent { closed: closed.is_some() },
        _ => Goal::Kept,
    };
    let planned = plan(goal, &fixture::given(&object, &boundary), Some(&adopted)).expect("a plan");
    let left = planned.result(Some(&adopted)).expect("a role");
    assert_eq!(denied(&left, []), Denied::Everyone, "{:?}", left.inline);
}
