//! The steps by which access is kept, closed, deleted and released.

use serde_json::json;

use super::*;
use crate::decide::role::denial::DENY;
use crate::decide::role::fixture::{allow, arn, deny, object, policy, state, trust};
use crate::domain::INLINE_QUOTA_OF_ROLE;

fn put(state: &mut IamRoleState, name: &str, document: PolicyDocument) {
    state.inline.insert(name.to_owned(), Some(document));
}

fn adopted() -> IamRoleState {
    let mut state = state();
    state.role.tags = object().role_tags();
    state
}

/// A policy of that many characters.
fn of_size(size: usize) -> PolicyDocument {
    let of = |resource: usize| {
        policy(&json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "x".repeat(resource)}]))
    };
    of(size - of(0).quota_size())
}

fn towards(goal: Goal<'_>, state: &IamRoleState) -> String {
    in_words(&plan_with(goal, Some(state), |_| {}).expect("a plan"))
}

#[test]
fn a_role_that_is_kept_gets_the_boundary_of_its_account_and_nothing_else() {
    let mut drifted = state();
    (drifted.role.boundary, drifted.role.trust) = (Some(arn("older")), Some(trust(&["333333333333"])));
    put(&mut drifted, "more", allow("*"));
    assert_eq!(towards(Goal::Kept, &drifted), "bound by boundary");
    let planned = plan_with(Goal::Kept, Some(&drifted), |given| given.boundary = None).expect("a plan");
    assert_eq!(in_words(&planned), "", "an account without a boundary takes none off");
}

#[test]
fn closing_denies_everyone_leaves_the_operators_own_statement_and_puts_the_boundary_on() {
    let mut open = state();
    open.role.boundary = None;
    assert_eq!(towards(Goal::Closed, &open), "deny everyone, trust operator, bound by boundary");
    let closed = plan_with(Goal::Closed, Some(&open), |_| {}).expect("a plan").result(Some(&open));
    assert_eq!(towards(Goal::Closed, closed.as_ref().expect("a role")), "");
}

#[test]
fn closing_keeps_what_an_earlier_denial_says_beside() {
    let current = Denial {
        own: Some(("AROA1:team.reader".into(), minutes_ago(5))),
        request: Some(minutes_ago(9)),
        ..Denial::before(minutes_ago(8))
    };
    let mut denied = state();
    put(&mut denied, DENY, current.document().expect("a policy"));
    let expected = "deny everyone and own before 07:55:00 and as asked at 07:51:00, trust operator";
    assert_eq!(towards(Goal::Closed, &denied), expected);
}

#[test]
fn closing_without_the_operators_principal_keeps_the_statement_with_the_objects_external_id_or_nobody() {
    for (what, current, expected) in [
        ("the operator among others", Some(trust(&["333333333333"])), vec!["operator"]),
        (
            "others only",
            Some(policy(
                &json!([{"Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "sts:AssumeRole"}]),
            )),
            vec![],
        ),
        ("a text that cannot be read", None, vec![]),
    ] {
        let mut state = state();
        state.role.trust = current;
        let planned = plan_with(Goal::Closed, Some(&state), |given| given.operator = None).expect("a plan");
        let closed = planned.result(Some(&state)).expect("a role");
        assert_eq!(model::trusted(closed.role.trust.as_ref()), expected, "{what}");
    }
}

#[test]
fn what_leaves_no_room_for_the_denial_is_deleted_first_the_largest_first_and_what_denies_last() {
    let full = |policies: &[(&str, PolicyDocument)]| {
        let mut state = state();
        state.inline = policies.iter().map(|(name, document)| ((*name).to_owned(), Some(document.clone()))).collect();
        state.role.trust = Some(trust(&[]));
        state
    };
    let large_denial = policy(&json!([{"Effect": "Deny", "Action": "s3:PutObject", "Resource": "x".repeat(6_300)}]));
    for (what, policies, expected) in [
        ("room enough", vec![("a", of_size(5_000)), ("b", of_size(5_000))], "deny everyone"),
        ("no room", vec![("a", of_size(5_000)), ("b", of_size(5_200))], "delete b, deny everyone"),
        ("a large denial", vec![("a", of_size(4_000)), ("b", large_denial)], "delete a, deny everyone"),
    ] {
        assert_eq!(towards(Goal::Closed, &full(&policies)), expected, "{what}");
    }
    let mut unreadable = full(&[("a", of_size(100))]);
    unreadable.inline.insert("text".into(), None);
    assert_eq!(
        towards(Goal::Closed, &unreadable),
        "delete text, deny everyone",
        "a text that cannot be read counts as too large"
    );
}

#[test]
fn a_created_role_is_deleted_with_what_it_gives_first_and_what_it_denies_last() {
    let mut guarded = state();
    put(&mut guarded, "guard", deny("s3:PutObject"));
    put(&mut guarded, DENY, Denial::before(minutes_ago(5)).document().expect("a policy"));
    let expected = "delete read, detach managed | delete crossaccount-deny, delete guard | delete role";
    assert_eq!(towards(Goal::Absent { closed: false }, &guarded), expected);
}

#[test]
fn a_role_whose_deletion_failed_before_is_closed_first_and_leaves_its_instance_profiles() {
    let profiles = ["web".to_owned()];
    let planned = plan_with(Goal::Absent { closed: false }, Some(&state()), |given| given.deletion_failed = true)
        .expect("a plan");
    let expected =
        "deny everyone, trust operator | delete read, detach managed | delete crossaccount-deny | delete role";
    assert_eq!(in_words(&planned), expected);
    let planned =
        plan_with(Goal::Absent { closed: false }, Some(&state()), |given| given.instance_profiles = &profiles)
            .expect("a plan");
    assert_eq!(in_words(&planned), "leave web, delete read, detach managed | delete role");
}

#[test]
fn a_boundary_that_may_not_be_there_keeps_no_role_from_being_deleted() {
    let mut unbounded = state();
    unbounded.role.boundary = None;
    let planned = plan_with(Goal::Absent { closed: true }, Some(&unbounded), |_| {}).expect("a plan");
    assert!(!planned.steps().any(|step| matches!(step, Step::PutBoundary(_))), "{}", in_words(&planned));
    assert!(in_words(&planned).starts_with("deny everyone, trust operator | "), "{}", in_words(&planned));
}

#[test]
fn a_deletion_that_takes_a_denial_away_with_a_permission_closes_the_role_first() {
    let statements = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
                            {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*"}]);
    let (mut mixed, mut quarantined) = (state(), state());
    put(&mut mixed, "read", policy(&statements));
    quarantined.attached.insert(PolicyArn::parse(model::DENY_ALL).expect("an ARN"));
    for (what, state) in [("a policy that allows and denies", mixed), ("AWSDenyAll", quarantined)] {
        let planned = plan_with(Goal::Absent { closed: false }, Some(&state), |_| {}).expect("a plan");
        let first = planned.stages.first().expect("a stage");
        assert!(first.contains(&Step::Deny(Denial::of_everyone())), "{what}: {}", in_words(&planned));
    }
}

#[test]
fn a_role_that_the_object_did_not_create_is_released_when_the_object_goes() {
    let expected = "deny own before 08:00:01 | tag released-from | untag cluster+name+namespace+uid";
    for goal in [Goal::Absent { closed: false }, Goal::Released { closed: false }] {
        assert_eq!(towards(goal, &adopted()), expected);
    }
    let expected = "deny own before 08:00:01 | tag released-from | untag cluster+created+name+namespace+uid";
    assert_eq!(towards(Goal::Released { closed: false }, &state()), expected, "its permission to be deleted goes, too");
}

#[test]
fn a_released_role_keeps_every_denial_as_strong_as_it_is() {
    let mut closed = state();
    put(&mut closed, DENY, Denial::of_everyone().document().expect("a policy"));
    let released = towards(Goal::Released { closed: false }, &closed);
    assert!(released.starts_with("deny everyone and own before 08:00:01 |"), "{released}");
    put(&mut closed, DENY, Denial::before(minutes_ago(5)).document().expect("a policy"));
    let released = towards(Goal::Released { closed: false }, &closed);
    assert!(released.starts_with("deny before 07:55:00 and own before 08:00:01 |"), "{released}");
}

#[test]
fn a_role_that_may_not_be_open_is_closed_in_the_stage_before_it_is_released() {
    let mut open = adopted();
    open.role.boundary = None;
    let released = towards(Goal::Released { closed: true }, &open);
    let expected = "trust operator, bound by boundary, deny everyone and own before 08:00:01 | tag released-from | \
                    untag cluster+name+namespace+uid";
    assert_eq!(released, expected);
}

#[test]
fn the_whole_denial_fits_when_a_full_role_is_closed_and_released() {
    let room = Denial::of_everyone().document().expect("a policy").quota_size();
    for current in [None, Denial::of_everyone().document()] {
        let mut full = adopted();
        full.inline = [("read".to_owned(), Some(of_size(INLINE_QUOTA_OF_ROLE - room)))].into();
        full.inline.extend(current.map(|document| (DENY.to_owned(), Some(document))));
        let planned = plan_with(Goal::Released { closed: true }, Some(&full), |_| {}).expect("a plan");
        let after = planned.result(Some(&full)).expect("a role");
        assert!(model::inline_size(&after) <= INLINE_QUOTA_OF_ROLE, "{}", in_words(&planned));
    }
}

#[test]
fn towards_an_end_a_role_that_is_gone_needs_nothing() {
    for goal in [Goal::Kept, Goal::Closed, Goal::Absent { closed: false }, Goal::Released { closed: true }] {
        assert_eq!(plan_with(goal, None, |_| {}), Ok(Plan::default()));
    }
}
