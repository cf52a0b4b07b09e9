//! Each difference and the steps it gives, in order: what narrows first, what widens last.

use serde_json::json;

use super::*;
use crate::decide::role::denial::{DENY, own_denial};
use crate::decide::role::fixture::{DEPLOYER, allow, arn, deny, desired, object, policy, state, trust};
use crate::domain::tag;

fn put(state: &mut IamRoleState, name: &str, document: PolicyDocument) {
    state.inline.insert(name.to_owned(), Some(document));
}

#[test]
fn each_difference_gives_its_steps_in_order() {
    type Change = fn(&mut IamRoleState);
    let table: [(&str, Change, &str); 27] = [
        ("none", |_| {}, ""),
        ("the boundary is gone", |s| s.role.boundary = None, "bound by boundary"),
        ("another boundary", |s| s.role.boundary = Some(arn("older")), "bound by boundary"),
        ("a managed policy is gone", |s| s.attached.clear(), "attach managed"),
        ("a managed policy more", |s| s.attached.extend([arn("admin")]), "detach admin"),
        ("another managed policy", |s| s.attached = [arn("admin")].into(), "detach admin | attach managed"),
        ("an inline policy is gone", |s| s.inline.clear(), "put read [s3:GetObject]"),
        ("an inline policy more", |s| put(s, "more", allow("*")), "delete more"),
        ("a wider inline policy", |s| put(s, "read", allow("s3:*")), "put read [s3:GetObject]"),
        ("another inline policy", |s| put(s, "read", allow("ec2:*")), "delete read | put read [s3:GetObject]"),
        (
            "an inline policy that cannot be read",
            |s| drop(s.inline.insert("read".into(), None)),
            "delete read | put read [s3:GetObject]",
        ),
        ("a text that cannot be read", |s| drop(s.inline.insert("text".into(), None)), "delete text"),
        (
            "a policy that is to go and one whose place is free",
            |s| (s.inline, s.attached) = ([("more".to_owned(), Some(allow("*")))].into(), [arn("admin")].into()),
            "delete more, detach admin | put read [s3:GetObject], attach managed",
        ),
        (
            "a principal more",
            |s| s.role.trust = Some(trust(&[DEPLOYER, "333333333333"])),
            "trust operator+deployer+deployer-with-mfa",
        ),
        ("a principal is missing", |s| s.role.trust = Some(trust(&[])), "trust operator+deployer+deployer-with-mfa"),
        (
            "another principal",
            |s| s.role.trust = Some(trust(&["333333333333"])),
            "trust operator | trust operator+deployer+deployer-with-mfa",
        ),
        (
            "a trust in everyone",
            |s| {
                s.role.trust =
                    Some(policy(&json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*"}])));
            },
            "trust operator | trust operator+deployer+deployer-with-mfa",
        ),
        (
            "a trust that cannot be read",
            |s| s.role.trust = None,
            "trust operator | trust operator+deployer+deployer-with-mfa",
        ),
        (
            "a trust in nobody",
            |s| s.role.trust = Some(PolicyDocument::trusting_nobody()),
            "trust operator | trust operator+deployer+deployer-with-mfa",
        ),
        ("a longer session", |s| s.role.settings.max_session_seconds = 7200, "update to 3600 s"),
        ("another description", |s| s.role.settings.description = None, " ~ update to 3600 s"),
        ("a tag of ours is gone", |s| drop(s.role.tags.remove(tag::UID)), " ~ tag uid"),
        (
            "a tag of ours from an earlier object",
            |s| drop(s.role.tags.insert(tag::UID.into(), "uid-0".into())),
            " ~ tag uid",
        ),
        (
            "a tag that the object declared before",
            |s| drop(s.role.tags.insert("cost".into(), "1".into())),
            " ~ untag cost",
        ),
        ("a tag of somebody else", |s| drop(s.role.tags.insert("terraform".into(), "yes".into())), ""),
        ("the tag of an earlier release", |s| s.role.tags.extend([object().released_tag()]), " ~ untag released-from"),
        (
            "everything at once",
            |s| {
                s.role.boundary = None;
                s.role.trust = Some(trust(&["333333333333"]));
                s.role.settings.max_session_seconds = 7200;
                s.attached = [arn("admin")].into();
                s.inline = [("more".to_owned(), Some(allow("*"))), ("read".to_owned(), Some(allow("ec2:*")))].into();
                s.role.tags.remove(tag::UID);
            },
            "delete more, delete read, detach admin, trust operator, update to 3600 s, bound by boundary | \
             put read [s3:GetObject], attach managed | trust operator+deployer+deployer-with-mfa ~ tag uid",
        ),
    ];
    for (what, change, expected) in table {
        let mut state = state();
        change(&mut state);
        let declared = ["cost".to_owned()];
        let planned = plan_with(Goal::Declared(&desired()), Some(&state), |given| given.declared_tags = &declared);
        assert_eq!(in_words(&planned.expect("a plan")), expected, "{what}");
    }
}

#[test]
fn what_the_declaration_asks_more_or_less_than_before_gives_its_steps_in_order() {
    type Change = fn(&mut DesiredRole);
    let table: [(&str, Change, &str); 9] = [
        ("a longer session", |d| d.settings.max_session_seconds = 7200, "update to 7200 s"),
        ("no boundary", |d| d.boundary = None, "unbound"),
        ("no policies", |d| (d.inline, d.managed) = Default::default(), "delete read, detach managed"),
        (
            "a policy that only denies",
            |d| drop(d.inline.insert("guard".into(), deny("s3:PutObject"))),
            "put guard [not s3:PutObject]",
        ),
        (
            "a managed policy that only denies and one that gives",
            |d| d.managed.extend([PolicyArn::parse(model::DENY_ALL).expect("an ARN"), arn("admin")]),
            "attach AWSDenyAll | attach admin",
        ),
        (
            "another boundary and a managed policy that only denies",
            |d| {
                d.boundary = Some(arn("stricter"));
                d.managed.insert(PolicyArn::parse(model::DENY_ALL).expect("an ARN"));
            },
            "bound by stricter, attach AWSDenyAll",
        ),
        (
            "another action and a denial",
            |d| {
                let statements = json!([{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"},
                                        {"Effect": "Deny", "Action": "s3:GetObject", "Resource": "*"}]);
                d.inline.insert("read".into(), policy(&statements));
            },
            "put read [not s3:GetObject] | put read [s3:PutObject; not s3:GetObject]",
        ),
        (
            "a wider policy and no boundary",
            |d| (d.boundary, d.inline) = (None, [("read".to_owned(), allow("s3:*"))].into()),
            "put read [s3:*] | unbound",
        ),
        (
            "a narrower policy and one principal more",
            |d| {
                d.trust = trust(&[DEPLOYER, "333333333333"]);
                d.managed.clear();
            },
            "detach managed | trust operator+deployer+deployer-with-mfa+stranger",
        ),
    ];
    for (what, change, expected) in table {
        let mut desired = desired();
        change(&mut desired);
        let planned = plan_with(Goal::Declared(&desired), Some(&state()), |_| {}).expect("a plan");
        assert_eq!(in_words(&planned), expected, "{what}");
    }
}

#[test]
fn a_missing_role_is_created_with_trust_boundary_and_tags_in_one_call_and_then_gets_its_policies() {
    let planned = plan_with(Goal::Declared(&desired()), None, |_| {}).expect("a plan");
    assert_eq!(in_words(&planned), "create team-reader | put read [s3:GetObject], attach managed");
    let Some(Step::Create(role)) = planned.steps().next() else { panic!("{planned:?}") };
    let DesiredRole { trust, boundary, tags, .. } = &**role;
    assert_eq!((trust, boundary), (&desired().trust, &desired().boundary));
    assert!(object().has_created(tags), "only CreateRole says that the operator created the role");
}

#[test]
fn what_a_new_role_is_denied_is_on_it_before_what_it_is_given() {
    let mut desired = desired();
    desired.inline.insert("restrict".into(), deny("s3:PutObject"));
    desired.managed.insert(PolicyArn::parse(model::DENY_ALL).expect("an ARN"));
    let planned = plan_with(Goal::Declared(&desired), None, |_| {}).expect("a plan");
    assert_eq!(
        in_words(&planned),
        "create team-reader | put restrict [not s3:PutObject], attach AWSDenyAll | put read [s3:GetObject], attach managed"
    );
}

#[test]
fn an_equivalent_spelling_of_a_policy_that_allows_and_denies_is_no_difference() {
    let statements = |action: serde_json::Value| {
        policy(
            &json!([{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}, {"Effect": "Deny", "Action": action, "Resource": "*"}]),
        )
    };
    let (mut desired, mut state) = (desired(), state());
    desired.inline.insert("read".into(), statements(json!("s3:PutObject")));
    put(&mut state, "read", statements(json!(["S3:putobject"])));
    assert_eq!(in_words(&plan_with(Goal::Declared(&desired), Some(&state), |_| {}).expect("a plan")), "");
}

#[test]
fn the_boundary_of_an_adopted_role_stays_where_the_account_has_none() {
    let mut desired = desired();
    desired.boundary = None;
    let mut adopted = state();
    adopted.role.tags = object().role_tags();
    assert_eq!(in_words(&plan_with(Goal::Adopted(&desired), Some(&adopted), |_| {}).expect("a plan")), "");
}

#[test]
fn what_only_denies_stays_unless_the_object_declared_it_before() {
    let console = Denial::before(minutes_ago(30)).document().expect("a policy");
    let mut denied = state();
    for (name, document) in
        [("AWSRevokeOlderSessions", console), ("quarantine", deny("*")), ("guard", deny("s3:PutObject"))]
    {
        put(&mut denied, name, document);
    }
    denied.attached.insert(PolicyArn::parse(model::DENY_ALL).expect("an ARN"));
    put(&mut denied, "crossaccount-green", allow("sts:AssumeRole"));
    assert_eq!(in_words(&to_declared(&denied)), "", "nor does what source grants give to the role go");
    let object = object();
    let boundary = arn("boundary");
    let given = fixture::given(&object, &boundary);
    assert_eq!(foreign_denials(&desired(), &given, &denied), ["AWSRevokeOlderSessions", "guard", "quarantine"]);

    let before = ["guard".to_owned(), "AWSRevokeOlderSessions".to_owned()];
    let planned = plan_with(Goal::Declared(&desired()), Some(&denied), |given| given.declared_inline = &before);
    assert_eq!(in_words(&planned.expect("a plan")), "delete guard", "the console's denial is nobody's declaration");
    put(&mut denied, "crossaccount-green", allow("s3:*"));
    assert_eq!(in_words(&to_declared(&denied)), "delete crossaccount-green", "a name alone is no excuse");
}

#[test]
fn a_role_of_somebody_else_is_refused_and_its_owner_named() {
    let with = |tags: crate::domain::RoleTags| {
        let mut state = state();
        state.role.tags = tags;
        state
    };
    let mut anothers = object().role_tags();
    anothers.insert(tag::CLUSTER.into(), "green".into());
    let (nobodys, anothers) = (with([].into()), with(anothers));
    let released = with([object().released_tag()].into());
    for (what, state, created, adopted) in [
        (
            "nobody's",
            &nobodys,
            Some("was not made by this operator; to take it over, set spec.role.lifecycle: Adopt"),
            None,
        ),
        ("released", &released, Some("was released by CrossAccountRole blue/team/reader"), None),
        ("another's", &anothers, Some("CrossAccountRole team/reader of cluster green"), Some("of cluster green")),
    ] {
        for (goal, message) in [(Goal::Declared(&desired()), created), (Goal::Adopted(&desired()), adopted)] {
            let planned = plan_with(goal, Some(state), |_| {});
            match message {
                None => assert!(planned.is_ok(), "{what}"),
                Some(message) => {
                    let refusal = planned.expect_err(what);
                    assert_eq!(refusal.reason, Reason::RoleNotOwned);
                    assert!(refusal.message.contains(message), "{what}: {}", refusal.message);
                }
            }
        }
        for goal in [Goal::Kept, Goal::Closed, Goal::Absent { closed: false }, Goal::Released { closed: true }] {
            assert_eq!(plan_with(goal, Some(state), |_| {}), Ok(Plan::default()), "{what}");
        }
    }
}

#[test]
fn the_refusal_of_another_objects_role_names_the_ways_out() {
    let of = |cluster: &str, name: &str| {
        let mut found = state();
        let tags = [(tag::CLUSTER, cluster), (tag::NAME, name)];
        found.role.tags.extend(tags.map(|(key, value)| (key.to_owned(), value.to_owned())));
        plan_with(Goal::Declared(&desired()), Some(&found), |_| {}).expect_err("another's").message
    };
    let tags = "crossaccount.dev/cluster=blue, crossaccount.dev/namespace=team and crossaccount.dev/name=reader";
    let renamed = of("green", "reader");
    assert!(renamed.contains("--cluster-name=green") && renamed.contains(tags), "{renamed}");
    let other = of("blue", "writer");
    assert!(!other.contains("--cluster-name") && other.contains(tags), "{other}");
}

#[test]
fn a_role_that_is_adopted_has_to_be_there_and_is_claimed_before_anything_else() {
    let refusal = plan_with(Goal::Adopted(&desired()), None, |_| {}).expect_err("no role");
    assert_eq!(refusal.reason, Reason::RoleNotFound);
    assert!(refusal.message.contains("team-reader"), "{}", refusal.message);
    let mut found = state();
    found.role.tags = [("terraform".to_owned(), "yes".to_owned()), object().released_tag()].into();
    found.role.boundary = None;
    let planned = plan_with(Goal::Adopted(&desired()), Some(&found), |_| {}).expect("a plan");
    assert_eq!(in_words(&planned), "tag cluster+name+namespace+uid | bound by boundary ~ untag released-from");
}

#[test]
fn access_returns_last_and_earlier_sessions_stay_denied() {
    let mut closed = state();
    put(&mut closed, DENY, Denial::of_everyone().document().expect("a policy"));
    closed.role.trust = Some(trust(&[]));
    put(&mut closed, "read", allow("s3:*"));
    assert_eq!(
        in_words(&to_declared(&closed)),
        "put read [s3:GetObject] | trust operator+deployer+deployer-with-mfa | deny before 08:00:01"
    );
    for (what, revoke, expected) in [
        ("asked before", minutes_ago(5), "deny before 08:00:01 and as asked at 07:55:00"),
        ("asked a little ahead", minutes_ago(-3), "deny before 08:00:01 and as asked at 08:03:00"),
        ("asked for later", minutes_ago(-6), "deny before 08:00:01"),
    ] {
        let mut denied = state();
        put(&mut denied, DENY, Denial::of_everyone().document().expect("a policy"));
        let planned = plan_with(Goal::Declared(&desired()), Some(&denied), |given| given.revoke = Some(revoke));
        assert_eq!(in_words(&planned.expect("a plan")), expected, "{what}");
    }
}

#[test]
fn a_denial_goes_when_no_session_is_left_for_it() {
    let denied = |minutes: i64| {
        let mut state = state();
        put(&mut state, DENY, Denial::before(minutes_ago(minutes)).document().expect("a policy"));
        state
    };
    assert_eq!(in_words(&to_declared(&denied(719))), "");
    assert_eq!(in_words(&to_declared(&denied(721))), "delete crossaccount-deny");
    assert_eq!(in_words(&plan_with(Goal::Kept, Some(&denied(721)), |_| {}).expect("a plan")), "");
}

#[test]
fn a_revocation_comes_first_and_once_whether_the_role_is_declared_or_kept() {
    let mut unbound = state();
    unbound.role.boundary = None;
    let desired = desired();
    for (goal, expected) in [
        (Goal::Declared(&desired), "deny before 08:00:01 and as asked at 07:59:00, bound by boundary"),
        (Goal::Kept, "deny before 08:00:01 and as asked at 07:59:00, bound by boundary"),
    ] {
        let revoke = |given: &mut Given<'_>| given.revoke = Some(minutes_ago(1));
        let planned = plan_with(goal, Some(&unbound), revoke).expect("a plan");
        assert_eq!(in_words(&planned), expected);
        assert!(plan_with(goal, planned.result(Some(&unbound)).as_ref(), revoke).expect("a plan").is_empty());
    }
}

#[test]
fn what_somebody_wrote_into_the_denial_stays_through_every_change_of_it() {
    let mut edited = state();
    let other = json!([{"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:userid": "*:ci"}}}]);
    put(&mut edited, DENY, policy(&other));
    let revoke = |given: &mut Given<'_>| given.revoke = Some(minutes_ago(1));
    for goal in [Goal::Kept, Goal::Closed, Goal::Released { closed: false }, Goal::Released { closed: true }] {
        let after = plan_with(goal, Some(&edited), revoke).expect("a plan").result(Some(&edited)).expect("a role");
        assert_eq!(own_denial(&after).others, own_denial(&edited).others, "{goal:?}");
        assert_ne!(own_denial(&after), own_denial(&edited), "{goal:?}");
    }
}

#[test]
fn a_role_that_is_closed_just_after_a_write_is_written_whatever_it_seems_to_be() {
    let closed = plan_with(Goal::Closed, Some(&state()), |_| {}).expect("a plan").result(Some(&state()));
    assert!(plan_with(Goal::Closed, closed.as_ref(), |_| {}).expect("a plan").is_empty());
    let again = plan_with(Goal::Closed, closed.as_ref(), |given| given.unsettled = true).expect("a plan");
    assert_eq!(in_words(&again), "deny everyone, trust operator");
}

#[test]
fn a_revocation_takes_room_from_source_grants_and_not_from_what_is_declared() {
    let mut full = state();
    let bulk = |action: &str, size: usize| {
        policy(&json!([{"Effect": "Allow", "Action": action, "Resource": "x".repeat(size)}]))
    };
    put(&mut full, "read", bulk("s3:GetObject", 9_600));
    put(&mut full, "crossaccount-green", bulk("sts:AssumeRole", 400));
    let revoke = |given: &mut Given<'_>| given.revoke = Some(minutes_ago(1));
    let planned = plan_with(Goal::Kept, Some(&full), revoke).expect("a plan");
    assert_eq!(in_words(&planned), "delete crossaccount-green, deny before 08:00:01 and as asked at 07:59:00");
}

#[test]
fn a_forged_hint_never_takes_off_the_tag_that_permits_deletion() {
    let forged = [tag::CREATED.to_owned(), tag::CLUSTER.to_owned()];
    let planned = plan_with(Goal::Declared(&desired()), Some(&state()), |given| given.declared_tags = &forged);
    assert_eq!(in_words(&planned.expect("a plan")), "");
}

#[test]
fn an_edited_denial_is_reduced_to_what_it_denies_and_never_taken_off() {
    let mut edited = state();
    let statements = json!([{"Effect": "Deny", "Action": "*", "Resource": "*"}, {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}]);
    put(&mut edited, DENY, policy(&statements));
    let left = to_declared(&edited).result(Some(&edited)).expect("a role");
    let denial = left.inline.get(DENY).cloned().flatten();
    assert!(denial.is_some_and(|denial| denial.only_denies()), "{:?}", left.inline.keys());
}
