//! The advice for each answer of AWS and each trust policy that can be read.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::attempt::caller;
use super::trusted::{Caller, Reading, reading};
use super::*;
use crate::decide::role::trust::entry;
use crate::domain::policy::PolicyDocument;
use crate::domain::{
    AccountId, BaseIdentity, CallerIdentity, Hop, IamRole, Region, RoleSettings, RoleTags, SessionRequest,
};

const ROLE: &str = "arn:aws:iam::222222222222:role/crossaccount/reader";
const OPERATOR: &str = "arn:aws:iam::111111111111:user/operator";
const SETTLED: FailureContext = FailureContext { propagating: false, trust_verified: false, repair_comes: false };

fn base() -> BaseIdentity {
    let account = AccountId::parse("111111111111").expect("an account id");
    let caller = CallerIdentity { account, arn: OPERATOR.into(), user_id: "AIDA1".into() };
    BaseIdentity { caller, principal_arn: OPERATOR.into(), guessed: None }
}

fn access(chain: &[&str]) -> AccountAccess {
    let hop = |arn: &&str| Hop {
        role_arn: RoleArn::parse(arn).expect("an ARN"),
        external_id: Some("7d1f0a".into()),
        session_tags: [].into(),
        transitive_tag_keys: Vec::new(),
    };
    AccountAccess {
        name: "analytics".into(),
        id: AccountId::parse("222222222222").expect("an account id"),
        region: Region::parse("eu-west-1").expect("a region"),
        chain: chain.iter().map(hop).collect(),
    }
}

fn role_with(trust: &Value) -> IamRole {
    IamRole {
        arn: RoleArn::parse(ROLE).expect("an ARN"),
        id: "AROA1".into(),
        created_at: Timestamp::UNIX_EPOCH,
        settings: RoleSettings { description: None, max_session_seconds: 3600 },
        boundary: None,
        trust: PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": trust})).ok(),
        tags: RoleTags::new(),
        last_used: None,
    }
}

fn failure(service: &'static str, operation: &'static str, kind: FailureKind, message: &str) -> AwsFailure {
    AwsFailure { service, operation, kind, code: "Code".into(), message: message.into() }
}

fn denial(action: &str, reason: &str) -> AwsFailure {
    let message = format!("User: {OPERATOR} is not authorized to perform: {action} on resource: {ROLE}{reason}");
    failure("sts", "AssumeRole", FailureKind::Denied, &message)
}

fn tagged(seconds: i32) -> SessionRequest {
    SessionRequest {
        duration_seconds: seconds,
        ..SessionRequest::for_hop(&[("team".to_owned(), "blue".to_owned())].into(), &[])
    }
}

fn judge(trust: Option<&Value>, failure: &AwsFailure, context: FailureContext) -> Verdict {
    let (access, role) = (access(&[]), RoleArn::parse(ROLE).expect("an ARN"));
    let found = trust.map(role_with);
    let attempt =
        Attempt::into_role(&base(), &access, &role, &tagged(7200)).with_external_id("ours").found(found.as_ref());
    attempt.verdict(failure, context)
}

fn allow(action: &str, external_id: Option<&str>) -> Value {
    let mut statement = entry(OPERATOR, external_id);
    statement["Action"] = action.into();
    statement
}

const IN_TRUST: &str = "In account 222222222222 (the role's), add to the trust policy of role reader: ";
const AT_CALLER: &str = "In account 111111111111 (the operator's own), add to a policy of user operator: ";

#[test]
fn the_side_is_what_aws_says_or_else_what_the_trust_policy_says() {
    use Reason::{IdentityDenied, TrustDenied};
    let trusted = json!([allow("sts:AssumeRole", Some("ours")), allow("sts:TagSession", None)]);
    let silent = json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "333333333333"}}]);
    let conditional = json!([{"Effect": "Allow", "Action": "sts:*", "Principal": {"AWS": OPERATOR},
                              "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]);
    let identity = " because no identity-based policy allows the sts:AssumeRole action";
    let by_trust = " because no role trust policy allows the sts:AssumeRole action";
    let scp = " with an explicit deny in a service control policy";
    let rcp = " with an explicit deny in a resource control policy";
    for (what, trust, reason, expected, places) in [
        ("nothing is known", None, "", TrustDenied, vec!["AWS does not say", IN_TRUST, AT_CALLER]),
        ("a trust that is silent", Some(&silent), "", TrustDenied, vec!["does not allow sts:AssumeRole", IN_TRUST]),
        ("a trust that lets in", Some(&trusted), "", IdentityDenied, vec!["trusts the caller", AT_CALLER]),
        (
            "a trust with a condition",
            Some(&conditional),
            "",
            TrustDenied,
            vec!["MultiFactorAuthPresent", IN_TRUST, AT_CALLER],
        ),
        ("an identity that lacks it", None, identity, IdentityDenied, vec![AT_CALLER]),
        ("both", Some(&silent), identity, IdentityDenied, vec!["refuses as well", IN_TRUST, AT_CALLER]),
        ("a trust policy, unread", None, by_trust, TrustDenied, vec![IN_TRUST]),
        ("the caller's organization", Some(&trusted), scp, IdentityDenied, vec!["111111111111", "remove the Deny"]),
        (
            "the role's organization",
            Some(&trusted),
            rcp,
            TrustDenied,
            vec!["222222222222", "resource control policies"],
        ),
    ] {
        let verdict = judge(trust, &denial("sts:AssumeRole", reason), SETTLED);
        assert_eq!((verdict.reason, verdict.retry), (expected, Retry::Slow), "{what}: {}", verdict.message);
        for place in &places {
            assert!(verdict.message.contains(place), "{what}: {}", verdict.message);
        }
        let named = [IN_TRUST, AT_CALLER].iter().filter(|place| verdict.message.contains(*place)).count();
        let expected = places.iter().filter(|place| [IN_TRUST, AT_CALLER].contains(place)).count();
        assert_eq!(named, expected, "{what}: {}", verdict.message);
    }
}

#[test]
fn the_statement_comes_last_and_makes_the_policy_let_the_operator_in() {
    let other_id = json!([allow("sts:AssumeRole", Some("theirs")), allow("sts:TagSession", None)]);
    let message = judge(Some(&other_id), &denial("sts:AssumeRole", ""), SETTLED).message;
    assert!(message.contains("asks for the external id theirs, and ours is sent"), "{message}");
    let (_, statement) = message.split_once(IN_TRUST).expect("a statement for the trust policy");
    let statement: Value = serde_json::from_str(statement).expect("one statement, and nothing after it");
    let repaired = role_with(&json!([other_id[0], other_id[1], statement]));
    let caller = Caller { external_id: Some("ours".into()), ..caller(&base()) };
    assert_eq!(reading(repaired.trust.as_ref().expect("a policy"), ASSUME_ROLE, &caller), Reading::Allows);
}

#[test]
fn a_statement_is_whole_even_where_arns_are_as_long_as_they_can_be() {
    let long = format!("arn:aws:iam::222222222222:role/{}/reader", "p".repeat(400));
    let (access, role) = (access(&[]), RoleArn::parse(&long).expect("an ARN"));
    let attempt = Attempt::into_role(&base(), &access, &role, &tagged(3600)).with_external_id("ours");
    let refused = failure("sts", "AssumeRole", FailureKind::Denied, &"m".repeat(600));
    let message = attempt.verdict(&refused, SETTLED).message;
    assert!(message.len() <= ROOM && message.ends_with(&format!(r#""Resource":"{long}"}}"#)), "{message}");
}

#[test]
fn tags_that_are_not_allowed_ask_for_that_alone() {
    let untagged = json!([allow("sts:AssumeRole", Some("ours"))]);
    let message = judge(Some(&untagged), &denial("sts:TagSession", ""), SETTLED).message;
    let expected =
        format!(r#"{IN_TRUST}{{"Action":["sts:TagSession"],"Effect":"Allow","Principal":{{"AWS":"{OPERATOR}"}}}}"#);
    assert!(message.ends_with(&expected), "{message}");

    let trusted = json!([allow("sts:AssumeRole", Some("ours")), allow("sts:TagSession", None)]);
    let message = judge(Some(&trusted), &denial("sts:TagSession", ""), SETTLED).message;
    let expected = format!(r#"{AT_CALLER}{{"Action":["sts:TagSession"],"Effect":"Allow","Resource":"{ROLE}"}}"#);
    assert!(message.ends_with(&expected), "{message}");
}

#[test]
fn a_trust_that_the_operator_is_about_to_mend_is_no_case_for_people() {
    let silent = json!([allow("sts:AssumeRole", Some("theirs"))]);
    let context = FailureContext { repair_comes: true, ..SETTLED };
    let verdict = judge(Some(&silent), &denial("sts:AssumeRole", ""), context);
    assert_eq!((verdict.reason, verdict.retry), (Reason::Progressing, Retry::Soon));
    let new = FailureContext { propagating: true, ..SETTLED };
    assert_eq!(judge(Some(&silent), &denial("sts:AssumeRole", ""), new).reason, Reason::Propagating);
}

#[test]
fn a_hop_is_refused_between_its_own_account_and_that_of_the_one_before() {
    let (hub, manager) = ("arn:aws:iam::333333333333:role/hub", "arn:aws:iam::222222222222:role/manager");
    let access = access(&[hub, manager]);
    let failure = denial("sts:AssumeRole", "");
    let message =
        |hop| Attempt::of_hop(&base(), &access, hop).map(|attempt| attempt.verdict(&failure, SETTLED).message);
    for (hop, role, caller) in [
        (1, "In account 333333333333 (the role's)", "In account 111111111111 (the operator's own)"),
        (2, "In account 222222222222 (the role's)", "In account 333333333333 (that of hop 1)"),
    ] {
        let message = message(hop).expect("there is such a hop");
        assert!(message.contains(role) && message.contains(caller), "{message}");
        assert!(message.contains(r#""sts:ExternalId":"7d1f0a""#), "{message}");
    }
    assert_eq!((message(0), message(3)), (None, None));
}

#[test]
fn a_session_longer_than_the_role_allows_is_told_with_both_numbers() {
    let refused = failure("sts", "AssumeRole", FailureKind::DurationExceedsRole, "exceeds the MaxSessionDuration");
    let verdict = judge(Some(&json!([allow("sts:AssumeRole", None)])), &refused, SETTLED);
    assert_eq!(verdict.reason, Reason::DurationExceedsRole);
    for part in ["7200 s", "3600 s at most", "account 222222222222", "--max-session-duration 7200"] {
        assert!(verdict.message.contains(part), "{}", verdict.message);
    }
}

#[test]
fn a_region_is_activated_in_the_account_that_aws_names() {
    for (message, account) in [
        ("STS is not activated in this region for account:111111111111.", "account 111111111111 (the operator's own)"),
        ("STS is not activated in the requested region", "account 222222222222 (the role's)"),
    ] {
        let refused = failure("sts", "AssumeRole", FailureKind::RegionDisabled, message);
        let message = judge(None, &refused, SETTLED).message;
        assert!(
            message.contains(account) && message.contains("eu-west-1") && message.contains("analytics"),
            "{message}"
        );
    }
}

#[test]
fn a_manager_is_told_the_permission_on_the_very_role() {
    let role = RoleArn::parse(ROLE).expect("an ARN");
    let failure = failure(
        "iam",
        "UpdateAssumeRolePolicy",
        FailureKind::Denied,
        "User: arn:aws:sts::222222222222:assumed-role/op/s is not authorized",
    );
    let permission = format!(r#"{{"Action":["iam:UpdateAssumeRolePolicy"],"Effect":"Allow","Resource":"{ROLE}"}}"#);
    for (chain, who) in [(vec!["arn:aws:iam::222222222222:role/manager"], "role manager"), (vec![], "role op")] {
        let verdict = managing(&access(&chain), &role, &failure, SETTLED);
        assert_eq!(verdict.reason, Reason::ManagerDenied);
        let message = format!("In account 222222222222 (the role's), add to a policy of {who}: {permission}");
        assert!(verdict.message.ends_with(&message), "{}", verdict.message);
    }
}
