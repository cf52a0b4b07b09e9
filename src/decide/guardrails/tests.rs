use serde_json::{Value, json};

use super::*;

fn check(rules: &Value, change: &Value) -> Result<(), String> {
    let mut base = json!({"permissionsBoundary": "arn:aws:iam::222222222222:policy/boundary"});
    merge(&mut base, rules);
    let account = json!({"accountId": "222222222222", "region": "eu-west-1", "guardrails": base});
    let account = AWSAccount::new("analytics", serde_json::from_value(account).expect("an account"));
    let mut spec = json!({"accountRef": {"name": "analytics"}});
    merge(&mut spec, change);
    let mut role = CrossAccountRole::new("reader", serde_json::from_value(spec).expect("a spec"));
    role.metadata.namespace = Some("team".into());
    declared(&account, &role).map_err(|refusal| refusal.message)
}

fn merge(into: &mut Value, from: &Value) {
    into.as_object_mut().expect("an object").extend(from.as_object().expect("an object").clone());
}

fn inline(statement: &Value) -> Value {
    json!({"role": {"inlinePolicies": {"p": {"Version": "2012-10-17", "Statement": statement}}}})
}

#[test]
fn each_guardrail_lets_in_what_it_says_and_names_what_breaks_it() {
    let s3 = json!({"actions": ["s3:Get*", "s3:List*"]});
    let managed = json!({"managedPolicies": ["arn:aws:iam::aws:policy/AmazonS3*"]});
    let attach = |arn: &str| json!({"role": {"managedPolicyArns": [arn]}});
    let trust = |principal: &str| json!({"trust": {"principals": [principal]}});
    let ci = json!({"principals": ["arn:aws:iam::111111111111:*"]});
    for (what, rules, change, broken) in [
        ("nothing asked", json!({}), json!({}), None),
        ("no boundary", json!({"permissionsBoundary": null}), json!({}), Some("permissionsBoundary")),
        ("no boundary, allowed", json!({"permissionsBoundary": null, "allowUnbounded": true}), json!({}), None),
        ("a lifecycle", json!({"lifecycles": ["Observe"]}), json!({}), Some("lifecycles")),
        (
            "a long role",
            json!({"maxSessionDurationSeconds": 3600}),
            json!({"role": {"maxSessionDurationSeconds": 7200}}),
            Some("role.maxSessionDurationSeconds is 7200"),
        ),
        ("a managed policy", managed.clone(), attach("arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"), None),
        ("another one", managed, attach("arn:aws:iam::aws:policy/AdministratorAccess"), Some("AdministratorAccess")),
        (
            "none may be attached",
            json!({"managedPolicies": []}),
            attach("arn:aws:iam::aws:policy/x"),
            Some("managedPolicies"),
        ),
        ("any principal without a rule", json!({}), trust("111111111111"), Some("111111111111")),
        ("an account", ci.clone(), trust("111111111111"), None),
        ("a user of it", ci.clone(), trust("arn:aws:iam::111111111111:user/x"), None),
        ("another account", ci, trust("333333333333"), Some("333333333333")),
        ("the default name, without a rule", json!({"roleNames": []}), json!({}), None),
        ("a name of the namespace", json!({}), json!({"role": {"name": "TEAM-reports"}}), None),
        ("a name of another", json!({}), json!({"role": {"name": "payroll-reports"}}), Some("guardrails.roleNames")),
        (
            "a name that is listed",
            json!({"roleNames": ["Payroll-*"]}),
            json!({"role": {"name": "payroll-reports"}}),
            None,
        ),
        (
            "a name, whatever the lifecycle",
            json!({"lifecycles": ["Adopt"]}),
            json!({"role": {"name": "x", "lifecycle": "Adopt"}}),
            Some("roleNames"),
        ),
        ("a role tag", json!({}), json!({"role": {"tags": {"team": "a"}}}), Some("principalTagKeys")),
        (
            "a session tag",
            json!({"principalTagKeys": ["cost"]}),
            json!({"session": {"tags": {"team": "a"}}}),
            Some("the tag key team"),
        ),
        (
            "tags that are listed",
            json!({"principalTagKeys": ["Team"]}),
            json!({"session": {"tags": {"team": "a"}}}),
            None,
        ),
        ("the operator's own session tags", json!({}), json!({"session": {"kubernetesTags": true}}), None),
        ("a source identity", json!({}), json!({"session": {"sourceIdentity": "team"}}), Some("sourceIdentities")),
        ("its own", json!({"sourceIdentities": ["{namespace}"]}), json!({"session": {"sourceIdentity": "team"}}), None),
        (
            "another's",
            json!({"sourceIdentities": ["{namespace}"]}),
            json!({"session": {"sourceIdentity": "teams"}}),
            Some("teams"),
        ),
        ("the account's own end", json!({}), json!({"role": {"deletionPolicy": "Delete"}}), None),
        ("another end", json!({}), json!({"role": {"deletionPolicy": "Retain"}}), Some("deletionPolicies")),
        (
            "an end that is listed",
            json!({"deletionPolicies": ["Retain"]}),
            json!({"role": {"deletionPolicy": "Retain"}}),
            None,
        ),
        (
            "an end that is not",
            json!({"deletionPolicies": ["Retain"]}),
            json!({"role": {"deletionPolicy": "Delete"}}),
            Some("deletionPolicies"),
        ),
        ("an action", s3.clone(), inline(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})), None),
        ("its case", s3.clone(), inline(&json!({"Effect": "Allow", "Action": "S3:getobject", "Resource": "*"})), None),
        (
            "a wildcard within",
            s3.clone(),
            inline(&json!({"Effect": "Allow", "Action": ["s3:GetObject*"], "Resource": "*"})),
            None,
        ),
        (
            "a wildcard beyond",
            s3.clone(),
            inline(&json!({"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"})),
            Some("s3:*"),
        ),
        (
            "NotAction",
            s3.clone(),
            inline(&json!({"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"})),
            Some("NotAction"),
        ),
        (
            "a denial of anything",
            s3.clone(),
            inline(&json!({"Effect": "Deny", "NotAction": "iam:*", "Resource": "*"})),
            None,
        ),
        (
            "an action that is no text",
            s3,
            inline(&json!({"Effect": "Allow", "Action": [5], "Resource": "*"})),
            Some("not a text"),
        ),
    ] {
        match (check(&rules, &change), broken) {
            (Ok(()), None) => {}
            (Err(message), Some(broken)) => assert!(message.contains(broken), "{what}: {message}"),
            (verdict, _) => panic!("{what}: {verdict:?}"),
        }
    }
}

#[test]
fn a_role_and_a_session_may_last_as_long_as_the_account_lets_them() {
    let limit = json!({"maxSessionDurationSeconds": 7200});
    let lasting = |role: u32, session: u32| {
        let change = json!({"role": {"maxSessionDurationSeconds": role}, "session": {"durationSeconds": session}});
        check(&limit, &change)
    };
    assert_eq!(lasting(7200, 7200), Ok(()));
    assert!(lasting(7201, 3600).is_err_and(|message| message.contains("role.maxSessionDurationSeconds is 7201")));
    assert!(lasting(3600, 7201).is_err_and(|message| message.contains("session.durationSeconds is 7201")));
    assert_eq!(check(&json!({}), &json!({"role": {"maxSessionDurationSeconds": 43200}})), Ok(()), "no limit");
}

#[test]
fn what_cannot_be_read_is_left_to_the_rules_of_the_declaration() {
    let strict = json!({"managedPolicies": [], "actions": [], "principals": []});
    for (what, change) in [
        ("a policy ARN", json!({"role": {"managedPolicyArns": ["x"]}})),
        ("a principal", json!({"trust": {"principals": ["everyone"]}})),
        ("a policy", json!({"role": {"inlinePolicies": {"p": {"Statement": []}}}})),
    ] {
        assert_eq!(check(&strict, &change), Ok(()), "{what}");
    }
}

#[test]
fn an_allow_without_an_action_cannot_be_bounded() {
    let checked = check(&json!({"actions": ["*"]}), &inline(&json!({"Effect": "Allow", "Resource": "*"})));
    assert!(checked.is_err_and(|message| message.contains("not a text")));
}

#[test]
fn every_allow_of_a_policy_is_judged() {
    let statements = json!([{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"},
                            {"Effect": "Deny", "Action": "*", "Resource": "*"},
                            {"Effect": "Allow", "Action": ["s3:GetObject", "iam:PassRole"], "Resource": "*"}]);
    assert!(
        check(&json!({"actions": ["s3:*"]}), &inline(&statements))
            .is_err_and(|message| message.contains("iam:PassRole"))
    );
}

#[test]
fn a_placeholder_stands_for_the_namespace_of_the_object_and_for_no_other() {
    let named = |name: &str| {
        check(&json!({"roleNames": ["{namespace}", "app-{namespace}-?"]}), &json!({"role": {"name": name}}))
    };
    for (name, allowed) in
        [("team", true), ("Team", true), ("app-team-1", true), ("app-other-1", false), ("team-2", false)]
    {
        assert_eq!(named(name).is_ok(), allowed, "{name}");
    }
}

#[test]
fn an_account_lets_its_roles_end_as_it_says_and_else_by_its_own_policy() {
    let account = |spec: Value| {
        let mut whole = json!({"accountId": "222222222222", "region": "eu-west-1"});
        merge(&mut whole, &spec);
        AWSAccount::new("analytics", serde_json::from_value(whole).expect("an account"))
    };
    for (what, spec, delete, retain) in [
        ("nothing said", json!({}), true, false),
        ("Retain by default", json!({"deletionPolicy": "Retain"}), false, true),
        ("both listed", json!({"guardrails": {"deletionPolicies": ["Delete", "Retain"]}}), true, true),
        ("none listed", json!({"guardrails": {"deletionPolicies": []}}), false, false),
    ] {
        let account = account(spec);
        assert_eq!(
            (
                allows_deletion_policy(&account, DeletionPolicy::Delete),
                allows_deletion_policy(&account, DeletionPolicy::Retain)
            ),
            (delete, retain),
            "{what}"
        );
    }
}
