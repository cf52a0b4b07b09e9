//! What trust policies say to one caller.

use serde_json::json;

use super::*;

const OPERATOR: &str = "arn:aws:iam::111111111111:role/ops/operator";
const SESSION: &str = "arn:aws:sts::111111111111:assumed-role/operator/pod";

fn caller(external_id: Option<&str>) -> Caller {
    Caller { principal: OPERATOR.into(), session: Some(SESSION.into()), external_id: external_id.map(str::to_owned) }
}

fn read(statements: &Value, action: &str) -> Reading {
    let trust =
        PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).expect("a policy");
    reading(&trust, action, &caller(Some("ours")))
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn statement(effect: &str, principal: &Value, condition: &Value) -> Value {
    let mut statement = json!({"Effect": effect, "Principal": principal, "Action": "sts:AssumeRole"});
    if !condition.is_null() {
        statement["Condition"] = condition.clone();
    }
    statement
}

fn allow(principal: &Value, condition: &Value) -> Value {
    statement("Allow", principal, condition)
}

#[test]
fn a_caller_is_named_by_its_arn_its_session_its_account_or_with_everyone() {
    for name in [OPERATOR, SESSION, "111111111111", "arn:aws:iam::111111111111:root", "*"] {
        assert_eq!(
            read(&allow(&json!({"AWS": ["x", name]}), &Value::Null), "sts:AssumeRole"),
            Reading::Allows,
            "{name}"
        );
    }
    assert_eq!(read(&allow(&json!("*"), &Value::Null), "sts:AssumeRole"), Reading::Allows);
    for other in ["arn:aws:iam::111111111111:role/operator", "222222222222", "AROA1EXAMPLE"] {
        assert_eq!(
            read(&allow(&json!({"AWS": other}), &Value::Null), "sts:AssumeRole"),
            Reading::NotMentioned,
            "{other}"
        );
    }
    assert_eq!(
        read(&allow(&json!({"Service": "ec2.amazonaws.com"}), &Value::Null), "sts:AssumeRole"),
        Reading::NotMentioned
    );
}

#[test]
fn the_external_id_decides_and_is_told() {
    let operator = json!({"AWS": OPERATOR});
    for (condition, expected) in [
        (json!({"StringEquals": {"sts:ExternalId": "ours"}}), Reading::Allows),
        (json!({"StringEquals": {"sts:externalid": ["a", "ours"]}}), Reading::Allows),
        (json!({"StringLike": {"sts:ExternalId": "our?"}}), Reading::Allows),
        (json!({"StringNotEquals": {"sts:ExternalId": "theirs"}}), Reading::Allows),
        (json!({"StringEquals": {"sts:ExternalId": ["a", "b"]}}), Reading::RequiresExternalId(set(&["a", "b"]))),
        (
            json!({"StringEquals": {"sts:ExternalId": "ours", "aws:SourceIp": "10.0.0.1"}}),
            Reading::Depends(set(&["aws:SourceIp"])),
        ),
        (
            json!({"StringEquals": {"sts:ExternalId": "a", "aws:SourceIp": "10.0.0.1"}}),
            Reading::RequiresExternalId(set(&["a"])),
        ),
        (
            json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
            Reading::Depends(set(&["aws:MultiFactorAuthPresent"])),
        ),
    ] {
        assert_eq!(read(&allow(&operator, &condition), "sts:AssumeRole"), expected, "{condition}");
    }
    let wants = PolicyDocument::from_value(
        json!({"Statement": allow(&operator, &json!({"StringEquals": {"sts:ExternalId": "a"}}))}),
    );
    assert_eq!(
        reading(&wants.expect("a policy"), "sts:AssumeRole", &caller(None)),
        Reading::RequiresExternalId(set(&["a"]))
    );
}

#[test]
fn a_deny_wins_where_it_certainly_applies_and_leaves_doubt_where_it_may() {
    let open = allow(&json!("*"), &Value::Null);
    let deny = |condition: &Value| json!([statement("Deny", &json!("*"), condition), open]);
    for (condition, expected) in [
        (Value::Null, Reading::Denies),
        (json!({"StringNotEquals": {"sts:ExternalId": "theirs"}}), Reading::RequiresExternalId(set(&["theirs"]))),
        (json!({"StringNotEquals": {"sts:ExternalId": "ours"}}), Reading::Allows),
        (json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), Reading::Depends(set(&["aws:SourceIp"]))),
    ] {
        assert_eq!(read(&deny(&condition), "sts:AssumeRole"), expected, "{condition}");
    }
    let all_but = json!([{"Effect": "Deny", "NotPrincipal": {"AWS": OPERATOR}, "Action": "*"}, open]);
    assert_eq!(read(&all_but, "sts:AssumeRole"), Reading::Depends(set(&["NotPrincipal"])));
    let other = json!([statement("Deny", &json!({"AWS": "222222222222"}), &Value::Null), open]);
    assert_eq!(read(&other, "sts:AssumeRole"), Reading::Allows);
}

#[test]
fn the_arn_of_the_caller_is_known_and_a_wildcard_in_an_arn_is_not_judged() {
    let everyone = json!("*");
    for (condition, expected) in [
        (json!({"ArnNotEquals": {"aws:PrincipalArn": [OPERATOR]}}), Reading::NotMentioned),
        (json!({"ArnEquals": {"aws:principalarn": OPERATOR}}), Reading::Allows),
        (json!({"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/ops/*"}}), Reading::Allows),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/*"}}),
            Reading::Depends(set(&["aws:PrincipalArn"])),
        ),
    ] {
        assert_eq!(read(&allow(&everyone, &condition), "sts:AssumeRole"), expected, "{condition}");
    }
}

#[test]
fn doubt_about_a_further_allow_is_no_doubt() {
    let certain = allow(&json!({"AWS": OPERATOR}), &json!({"StringEquals": {"sts:ExternalId": "ours"}}));
    let doubtful = allow(&json!({"AWS": OPERATOR}), &json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}));
    assert_eq!(read(&json!([certain, doubtful]), "sts:AssumeRole"), Reading::Allows);
}

#[test]
fn each_action_is_allowed_by_itself() {
    let trust = json!([
        allow(&json!({"AWS": OPERATOR}), &json!({"StringEquals": {"sts:ExternalId": "ours"}})),
        {"Effect": "Allow", "Principal": {"AWS": OPERATOR}, "Action": ["STS:tag*"]},
    ]);
    assert_eq!(read(&trust, "sts:TagSession"), Reading::Allows);
    assert_eq!(read(&trust, "sts:SetSourceIdentity"), Reading::NotMentioned);
    let not_action = json!({"Effect": "Allow", "Principal": "*", "NotAction": "sts:AssumeRole"});
    assert_eq!(read(&not_action, "sts:AssumeRole"), Reading::NotMentioned);
    assert_eq!(read(&not_action, "sts:TagSession"), Reading::Allows);
}

#[test]
fn an_external_id_asked_of_another_action_is_not_judged() {
    let mut both = allow(&json!("*"), &json!({"StringEquals": {"sts:ExternalId": "a"}}));
    both["Action"] = json!(["sts:AssumeRole", "sts:TagSession"]);
    assert_eq!(read(&both, "sts:TagSession"), Reading::Depends(set(&["sts:ExternalId"])));
}
