use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::domain::{RoleArn, RoleName, RolePath};

fn object() -> ObjectIdentity {
    ObjectIdentity { cluster: "c".into(), namespace: "team".into(), name: "reader".into(), uid: "uid-1".into() }
}

fn policy(actions: &[&str]) -> PolicyDocument {
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statement})).expect("a policy")
}

fn trust(external_id: &str) -> PolicyDocument {
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
    }]}))
    .expect("a policy")
}

fn arn(name: &str) -> PolicyArn {
    PolicyArn::parse(&format!("arn:aws:iam::aws:policy/{name}")).expect("an ARN")
}

fn desired() -> DesiredRole {
    let mut tags = object().role_tags();
    tags.insert("cost".into(), "42".into());
    DesiredRole {
        path: RolePath::parse("/crossaccount/").expect("a path"),
        name: RoleName::parse("team-reader").expect("a name"),
        trust: trust("x"),
        settings: RoleSettings { description: Some("reads".into()), max_session_seconds: 3600 },
        boundary: Some(arn("boundary")),
        tags,
        managed: BTreeSet::from([arn("A")]),
        inline: [("read".to_owned(), policy(&["s3:GetObject"]))].into(),
    }
}

/// What IAM shows after `desired` was brought about.
fn settled() -> IamRoleState {
    let DesiredRole { path, name, trust, settings, boundary, tags, managed, inline } = desired();
    let arn = RoleArn::parse(&format!("arn:aws:iam::222222222222:role{}{name}", path.as_str())).expect("an ARN");
    IamRoleState {
        role: IamRole {
            arn,
            id: "AROA1".into(),
            created_at: Timestamp::UNIX_EPOCH,
            settings,
            boundary,
            trust: Some(trust),
            tags,
            last_used: None,
        },
        attached: managed,
        inline: inline.into_iter().map(|(name, document)| (name, Some(document))).collect(),
    }
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The plan at ten o'clock.
fn plan_as(
    lifecycle: Lifecycle,
    desired: &DesiredRole,
    observed: Option<&IamRoleState>,
    revoke_requested_at: Option<Timestamp>,
) -> Result<Vec<RoleStep>, Refusal> {
    let object = &object();
    role_plan(
        &Goal { object, lifecycle, role: desired, revoke_requested_at, now: at("2027-01-15T10:00:00Z") },
        observed,
    )
}

fn plan(desired: &DesiredRole, observed: Option<&IamRoleState>) -> Vec<RoleStep> {
    plan_as(Lifecycle::Create, desired, observed, None).expect("a plan")
}

#[test]
fn a_missing_role_is_created_with_trust_boundary_and_tags_in_one_call_and_then_gets_its_policies() {
    let steps = plan(&desired(), None);
    assert_eq!(
        steps,
        [
            RoleStep::Create(Box::new(desired())),
            RoleStep::PutInline("read".into(), policy(&["s3:GetObject"])),
            RoleStep::Attach(arn("A")),
        ]
    );
}

#[test]
fn a_role_that_is_as_declared_is_left_alone() {
    assert_eq!(plan(&desired(), Some(&settled())), []);
}

#[test]
fn equivalent_policies_are_no_difference() {
    let mut state = settled();
    state.role.trust = Some(
        PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Allow", "Principal": {"AWS": ["arn:aws:iam::111111111111:root"]}, "Action": ["sts:assumerole"],
            "Condition": {"StringEquals": {"STS:ExternalId": ["x"]}},
        }}))
        .expect("a policy"),
    );
    assert_eq!(plan(&desired(), Some(&state)), []);
}

#[test]
fn each_difference_is_one_step_that_names_it() {
    type Change = fn(&mut IamRoleState);
    let table: [(&str, Change, RoleStep); 9] = [
        ("trust", |s| s.role.trust = Some(trust("other")), RoleStep::UpdateTrust(trust("x"))),
        ("unreadable trust", |s| s.role.trust = None, RoleStep::UpdateTrust(trust("x"))),
        ("boundary gone", |s| s.role.boundary = None, RoleStep::PutBoundary(arn("boundary"))),
        ("another policy attached", |s| s.attached.extend([arn("B")]), RoleStep::Detach(arn("B"))),
        ("policy detached", |s| s.attached.clear(), RoleStep::Attach(arn("A"))),
        (
            "foreign inline policy",
            |s| drop(s.inline.insert("more".into(), Some(policy(&["*"])))),
            RoleStep::DeleteInline("more".into()),
        ),
        (
            "inline policy widened",
            |s| drop(s.inline.insert("read".into(), Some(policy(&["s3:*"])))),
            RoleStep::PutInline("read".into(), policy(&["s3:GetObject"])),
        ),
        (
            "tag changed",
            |s| drop(s.role.tags.insert("cost".into(), "1".into())),
            RoleStep::Tag([("cost".into(), "42".into())].into()),
        ),
        ("tag added", |s| drop(s.role.tags.insert("more".into(), "1".into())), RoleStep::Untag(vec!["more".into()])),
    ];
    for (what, change, step) in table {
        let mut state = settled();
        change(&mut state);
        assert_eq!(plan(&desired(), Some(&state)), [step], "{what}");
    }
    let mut state = settled();
    state.role.settings.max_session_seconds = 7200;
    assert_eq!(plan(&desired(), Some(&state)), [RoleStep::Update(desired().settings)]);
}

#[test]
fn what_narrows_comes_before_what_widens() {
    let mut state = settled();
    state.role.boundary = None;
    state.role.trust = Some(trust("other"));
    state.attached = BTreeSet::from([arn("B")]);
    state.inline = [("more".to_owned(), Some(policy(&["*"])))].into();
    let steps = plan(&desired(), Some(&state));
    let order: Vec<&str> = steps
        .iter()
        .map(|step| match step {
            RoleStep::PutBoundary(_) | RoleStep::Detach(_) | RoleStep::DeleteInline(_) => "narrows",
            RoleStep::UpdateTrust(_) => "trust",
            RoleStep::PutInline(..) | RoleStep::Attach(_) | RoleStep::DeleteBoundary => "widens",
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(order, ["narrows", "narrows", "narrows", "trust", "widens", "widens"]);

    let mut unbounded = desired();
    unbounded.boundary = None;
    unbounded.managed.insert(arn("C"));
    assert_eq!(plan(&unbounded, Some(&settled())).last(), Some(&RoleStep::DeleteBoundary));
    unbounded.managed.clear();
    let adopted = plan_as(Lifecycle::Adopt, &unbounded, Some(&settled()), None).expect("a plan");
    assert_eq!(adopted, [RoleStep::Detach(arn("A"))], "the boundary of its owner stays");
}

#[test]
fn the_denial_of_older_sessions_and_tags_of_aws_are_not_drift() {
    let mut state = settled();
    state.inline.insert(DENY_OLDER_SESSIONS.into(), Some(policy(&["*"])));
    state.role.tags.insert("aws:cloudformation:stack-name".into(), "x".into());
    assert_eq!(plan(&desired(), Some(&state)), []);
}

#[test]
fn a_foreign_role_is_refused_and_its_owner_named() {
    let mut untagged = settled();
    untagged.role.tags.clear();
    let mut anothers = settled();
    anothers.role.tags.insert(tag::NAMESPACE.into(), "other".into());
    for (state, told) in
        [(untagged, "was not made by this operator"), (anothers, "CrossAccountRole other/reader of cluster c")]
    {
        let refusal = plan_as(Lifecycle::Create, &desired(), Some(&state), None).expect_err("foreign");
        assert_eq!(refusal.reason, Reason::RoleNotOwned);
        assert!(refusal.message.contains(told), "{}", refusal.message);
    }
}

#[test]
fn a_role_that_is_adopted_or_observed_has_to_be_there() {
    for lifecycle in [Lifecycle::Adopt, Lifecycle::Observe] {
        let refusal = plan_as(lifecycle, &desired(), None, None).expect_err("no role");
        assert_eq!(refusal.reason, Reason::RoleNotFound);
        assert!(refusal.message.contains("team-reader"), "{}", refusal.message);
    }
}

#[test]
fn a_foreign_role_is_adopted_as_declared_but_keeps_the_tags_of_its_owner() {
    let mut state = settled();
    state.role.tags = [("terraform".to_owned(), "yes".to_owned())].into();
    state.role.settings.max_session_seconds = 7200;
    let steps = plan_as(Lifecycle::Adopt, &desired(), Some(&state), None).expect("a plan");
    assert_eq!(steps, [RoleStep::Tag(desired().tags), RoleStep::Update(desired().settings)]);
    assert_eq!(
        plan_as(Lifecycle::Observe, &desired(), Some(&state), None),
        Ok(steps),
        "and is told the same when observed"
    );
}

#[test]
fn the_role_of_another_object_is_not_adopted() {
    let mut state = settled();
    state.role.tags.insert(tag::CLUSTER.into(), "other".into());
    let refusal = plan_as(Lifecycle::Adopt, &desired(), Some(&state), None).expect_err("another's");
    assert_eq!(refusal.reason, Reason::RoleNotOwned);
    assert!(refusal.message.contains("of cluster other"), "{}", refusal.message);
}

#[test]
fn a_requested_revocation_comes_first_and_only_once() {
    let requested = Some(at("2027-01-15T09:59:30Z"));
    let revoke = |state: &IamRoleState| {
        let steps = plan_as(Lifecycle::Create, &desired(), Some(state), requested).expect("a plan");
        steps.iter().map(RoleStep::subject).collect::<Vec<_>>()
    };
    let mut state = settled();
    state.role.boundary = None;
    assert_eq!(revoke(&state), ["denial of sessions issued before 2027-01-15T10:00:01Z", "permissions boundary"]);
    let denied = |until: &str| {
        let denial = deny_older_sessions(at(until)).expect("a policy");
        let mut state = settled();
        state.inline.insert(DENY_OLDER_SESSIONS.into(), Some(denial));
        state
    };
    assert_eq!(revoke(&denied("2027-01-15T09:59:00Z")).len(), 1, "a denial of before the request is not enough");
    assert!(revoke(&denied("2027-01-15T09:59:31Z")).is_empty());
}

#[test]
fn a_denial_goes_when_no_session_is_left_for_it() {
    let mut state = settled();
    let denial = deny_older_sessions(at("2027-01-14T21:59:59Z")).expect("a policy");
    state.inline.insert(DENY_OLDER_SESSIONS.into(), Some(denial));
    assert_eq!(plan(&desired(), Some(&state)), [RoleStep::DeleteInline(DENY_OLDER_SESSIONS.into())]);
    assert_eq!(plan_as(Lifecycle::Observe, &desired(), Some(&state), None), Ok(Vec::new()));
}

#[test]
fn a_recreated_object_takes_its_role_over_with_its_own_uid_but_did_not_create_it() {
    let mut state = settled();
    state.role.tags.insert(tag::UID.into(), "uid-0".into());
    assert_eq!(plan(&desired(), Some(&state)), [RoleStep::Tag([(tag::UID.into(), "uid-1".into())].into())]);
    let created =
        |status_says, lifecycle, state: &IamRoleState| created_by_us(status_says, lifecycle, &state.role, &object());
    assert!(!created(None, Lifecycle::Create, &state));
    assert!(created(None, Lifecycle::Create, &settled()));
    assert!(!created(None, Lifecycle::Adopt, &settled()), "an adopted role has our tags, too");
    assert!(created(Some(true), Lifecycle::Create, &state));
    assert!(!created(Some(false), Lifecycle::Create, &settled()));
}

#[test]
fn what_source_grants_of_any_cluster_give_a_role_is_no_drift_and_a_name_alone_is_no_excuse() {
    let mut state = settled();
    state.inline.insert("crossaccount-blue".into(), Some(policy(&["sts:AssumeRole"])));
    assert_eq!(plan(&desired(), Some(&state)), []);
    for actions in [&["s3:*"][..], &["sts:AssumeRole", "s3:*"]] {
        state.inline.insert("crossaccount-blue".into(), Some(policy(actions)));
        assert_eq!(plan(&desired(), Some(&state)), [RoleStep::DeleteInline("crossaccount-blue".into())]);
    }
}
