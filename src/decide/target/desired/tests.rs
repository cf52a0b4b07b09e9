use serde_json::{Value, json};

use super::*;
use crate::domain::{AccountId, CallerIdentity, ObjectIdentity};

fn base(arn: &str, user_id: &str) -> BaseIdentity {
    let account = AccountId::parse("111111111111").expect("an account");
    let caller = CallerIdentity { account, arn: arn.into(), user_id: user_id.into() };
    BaseIdentity { principal_arn: caller.arn.clone(), caller, guessed: None }
}

fn a_user() -> BaseIdentity {
    base("arn:aws:iam::111111111111:user/operator", "AIDAOPERATOR")
}

fn a_role_session() -> BaseIdentity {
    base("arn:aws:sts::111111111111:assumed-role/operator/s", "AROAOPERATOR:s")
}

fn parse(spec: &Value, base: &BaseIdentity) -> Result<Desired, Refusal> {
    let mut whole = json!({"accountRef": {"name": "analytics"}});
    whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
    let mut role = CrossAccountRole::new("reader", serde_json::from_value(whole).expect("a spec"));
    role.metadata.namespace = Some("team".into());
    let account = AWSAccount::new(
        "analytics",
        serde_json::from_value(json!({
            "accountId": "222222222222", "region": "eu-west-1",
            "guardrails": {"permissionsBoundary": "arn:aws:iam::222222222222:policy/boundary"},
        }))
        .expect("a spec"),
    );
    let object =
        ObjectIdentity { cluster: "c".into(), namespace: "team".into(), name: "reader".into(), uid: "u".into() };
    let at = RoleLocation::of(&role, &account, &object)?;
    desired(&role, &account, at, base)
}

#[test]
fn a_minimal_declaration_gets_a_name_a_path_a_boundary_and_our_tags() {
    let parsed = parse(&json!({}), &a_user()).expect("a declaration");
    assert_eq!(parsed.at.role_arn.to_string(), "arn:aws:iam::222222222222:role/crossaccount/team-reader");
    assert_eq!(parsed.at.session_name.as_str(), "team.reader");
    let role = parsed.role.expect("a role");
    assert_eq!(role.boundary.map(|b| b.to_string()).as_deref(), Some("arn:aws:iam::222222222222:policy/boundary"));
    assert_eq!(role.tags, parsed.at.object.role_tags());
}

#[test]
fn more_than_an_hour_from_a_role_session_is_refused_up_front_and_from_a_user_it_is_not() {
    let spec = json!({"session": {"durationSeconds": 7200}, "role": {"maxSessionDurationSeconds": 7200}});
    let refusal = parse(&spec, &a_role_session()).expect("a declaration").session.expect_err("too long");
    assert_eq!(refusal.reason, Reason::RoleChainingLimit);
    assert_eq!(parse(&spec, &a_user()).expect("a declaration").session.map(|s| s.duration_seconds), Ok(7200));
}

#[test]
fn a_mistake_in_the_role_leaves_the_session_usable_and_the_other_way_round() {
    let role =
        parse(&json!({"role": {"inlinePolicies": {"p": {"Version": "2012-10-17"}}}}), &a_user()).expect("parsed");
    assert!(role.role.is_err() && role.session.is_ok());
    let session = parse(&json!({"session": {"policyArns": ["x"]}}), &a_user()).expect("parsed");
    assert!(session.role.is_ok() && session.session.is_err());
}

#[test]
fn the_rules_of_the_schema_are_checked_again() {
    for (what, spec) in [
        ("a role name", json!({"role": {"name": "a b"}})),
        ("a mount path", json!({"secret": {"mountPath": "/x\ncredential_process = y"}})),
        ("a profile", json!({"secret": {"profile": "a]"}})),
    ] {
        assert_eq!(parse(&spec, &a_user()).map(|_| ()).map_err(|r| r.reason), Err(Reason::InvalidSpec), "{what}");
    }
    for (what, spec) in [
        ("a reserved tag", json!({"role": {"tags": {"crossaccount.dev/uid": "x"}}})),
        ("a short role maximum", json!({"role": {"maxSessionDurationSeconds": 60}})),
        ("a policy ARN", json!({"role": {"managedPolicyArns": ["x"]}})),
    ] {
        let role = parse(&spec, &a_user()).map(|d| d.role.map(|_| ()).map_err(|r| r.reason));
        assert_eq!(role, Ok(Err(Reason::InvalidSpec)), "{what}");
    }
    for (what, spec) in [
        ("a short session", json!({"session": {"durationSeconds": 60}})),
        ("a renewal before the issue", json!({"session": {"durationSeconds": 900, "renewBeforeSeconds": 900}})),
    ] {
        let session = parse(&spec, &a_user()).map(|d| d.session.map(|_| ()).map_err(|r| r.reason));
        assert_eq!(session, Ok(Err(Reason::InvalidSpec)), "{what}");
    }
}

#[test]
fn a_session_longer_than_the_declared_maximum_raises_it() {
    let max = |spec: &Value| parse(spec, &a_user()).expect("parsed").role.expect("a role").settings.max_session_seconds;
    assert_eq!(max(&json!({})), 3600);
    assert_eq!(max(&json!({"session": {"durationSeconds": 43200}})), 43_200);
    assert_eq!(max(&json!({"role": {"maxSessionDurationSeconds": 7200}, "session": {"durationSeconds": 900}})), 7200);
}

#[test]
fn kubernetes_tags_say_cluster_namespace_and_name() {
    let session = parse(&json!({"session": {"kubernetesTags": true, "tags": {"a": "b"}}}), &a_user());
    let tags = session.expect("parsed").session.expect("a session").tags;
    let keys: Vec<&str> = tags.keys().map(String::as_str).collect();
    assert_eq!(keys, ["a", tag::CLUSTER, tag::NAME, tag::NAMESPACE]);
}
