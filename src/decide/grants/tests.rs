use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::domain::AccountId;

const POLICY: &str = "crossaccount-c";
const USER_ARN: &str = "arn:aws:iam::111111111111:user/ci/deployer";

fn arn(name: &str) -> String {
    format!("arn:aws:iam::222222222222:role/crossaccount/{name}")
}

fn merge(into: &mut Value, from: &Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// An object that grants to the user, asked for at this second, with a change.
fn role(name: &str, second: i64, change: &Value) -> CrossAccountRole {
    let grant = json!({"accountRef": {"name": "ci"}, "user": "deployer"});
    let since = Timestamp::from_second(second).expect("a time").to_string();
    let remembered = json!({"account": "ci", "user": "deployer", "policy": POLICY, "principalArn": USER_ARN, "roleArn": arn(name), "since": since});
    let mut whole = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": name, "namespace": "team", "uid": name, "creationTimestamp": "2027-01-01T00:00:00Z"},
        "spec": {"accountRef": {"name": "analytics"}, "role": {"name": name}, "sourceGrants": [grant]},
        "status": {"sourceGrants": [remembered]},
    });
    merge(&mut whole, change);
    serde_json::from_value(whole).expect("a role")
}

fn account(name: &str, id: &str, change: &Value) -> (String, AWSAccount) {
    let mut whole = json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": name},
        "spec": {"accountId": id, "region": "eu-west-1", "allowedNamespaces": {"names": ["team"]},
                 "guardrails": {"allowUnbounded": true, "roleNames": ["*"], "grantees": ["arn:aws:iam::111111111111:user/ci/*"]}},
    });
    merge(&mut whole, change);
    (name.to_owned(), serde_json::from_value(whole).expect("an account"))
}

fn declared(roles: Vec<CrossAccountRole>, ci: &Value, analytics: &Value) -> Declared {
    let namespace = Namespace { name: "team".into(), ..Namespace::default() };
    Declared {
        roles,
        accounts: [account("ci", "111111111111", ci), account("analytics", "222222222222", analytics)].into(),
        namespaces: [("team".to_owned(), namespace)].into(),
    }
}

fn user(name: &str) -> Grantee {
    let account = AccountId::parse("111111111111").expect("an account");
    Grantee::new(account, GranteeKind::User, name).expect("a user")
}

/// The roles that the user may assume by the policy, where AWS names these now.
fn arns_beside(current: &[String], declared: &Declared) -> Vec<String> {
    let (grantee, current) = (&user("deployer"), &current.iter().cloned().collect());
    let of = PolicyTarget { grantee, arn: USER_ARN, policy: POLICY, current };
    wanted(of, declared).into_iter().map(|line| line.role_arn).collect()
}

fn arns(declared: &Declared) -> Vec<String> {
    arns_beside(&[], declared)
}

#[test]
fn a_grant_counts_as_long_as_everything_about_it_holds() {
    let none = json!({});
    let remembered = |change: &Value| {
        let mut entry =
            serde_json::to_value(&role("a", 1, &json!({})).status).expect("a status")["sourceGrants"][0].clone();
        merge(&mut entry, change);
        json!({"status": {"sourceGrants": [entry]}})
    };
    for (what, role_change, ci, analytics, counts) in [
        ("all holds", none.clone(), none.clone(), none.clone(), true),
        (
            "another case of the name",
            json!({"spec": {"sourceGrants": [{"accountRef": {"name": "ci"}, "user": "Deployer"}]},
            "status": remembered(&json!({"user": "Deployer"}))["status"]}),
            none.clone(),
            none.clone(),
            true,
        ),
        (
            "the object is being deleted",
            json!({"metadata": {"deletionTimestamp": "2027-01-02T00:00:00Z"}}),
            none.clone(),
            none.clone(),
            false,
        ),
        ("it is not declared any more", json!({"spec": {"sourceGrants": []}}), none.clone(), none.clone(), false),
        ("it is not announced yet", json!({"status": {"sourceGrants": []}}), none.clone(), none.clone(), false),
        ("it is being taken back", remembered(&json!({"roleArn": null})), none.clone(), none.clone(), false),
        (
            "it is in the policy of another cluster",
            remembered(&json!({"policy": "crossaccount-d"})),
            none.clone(),
            none.clone(),
            false,
        ),
        (
            "the role of another account",
            remembered(&json!({"roleArn": "arn:aws:iam::333333333333:role/crossaccount/a"})),
            none.clone(),
            none.clone(),
            false,
        ),
        ("another role", remembered(&json!({"roleArn": arn("b")})), none.clone(), none.clone(), false),
        ("every role", remembered(&json!({"roleArn": "*"})), none.clone(), none.clone(), false),
        (
            "a path that is a wildcard in a policy",
            remembered(&json!({"roleArn": "arn:aws:iam::222222222222:role/*/a"})),
            none.clone(),
            none.clone(),
            false,
        ),
        (
            "another kind of principal",
            json!({"spec": {"sourceGrants": [{"accountRef": {"name": "ci"}, "group": "deployer"}]},
            "status": remembered(&json!({"user": null, "group": "deployer"}))["status"]}),
            none.clone(),
            none.clone(),
            false,
        ),
        (
            "the source account does not let the namespace in",
            none.clone(),
            json!({"spec": {"allowedNamespaces": {"names": []}}}),
            none.clone(),
            false,
        ),
        (
            "the principal is not among the grantees",
            none.clone(),
            json!({"spec": {"guardrails": {"grantees": ["arn:aws:iam::111111111111:user/x"]}}}),
            none.clone(),
            false,
        ),
        ("no grantees", none.clone(), json!({"spec": {"guardrails": {"grantees": []}}}), none.clone(), false),
        ("any grantee", none.clone(), json!({"spec": {"guardrails": {"grantees": null}}}), none.clone(), true),
        (
            "the source account is another one now",
            none.clone(),
            json!({"spec": {"accountId": "333333333333"}}),
            none.clone(),
            false,
        ),
        (
            "the object's account does not let the namespace in",
            none.clone(),
            none.clone(),
            json!({"spec": {"allowedNamespaces": null}}),
            false,
        ),
    ] {
        let lines = arns(&declared(vec![role("a", 1, &role_change)], &ci, &analytics));
        assert_eq!(lines, if counts { vec![arn("a")] } else { Vec::new() }, "{what}");
    }
}

#[test]
fn an_account_that_is_gone_and_a_namespace_that_is_gone_give_nothing() {
    for gone in ["ci", "analytics", "team"] {
        let mut all = declared(vec![role("a", 1, &json!({}))], &json!({}), &json!({}));
        all.accounts.remove(gone);
        all.namespaces.remove(gone);
        assert_eq!(arns(&all), Vec::<String>::new(), "{gone}");
    }
}

#[test]
fn what_stands_in_aws_comes_first_and_then_the_older_object() {
    let born = |at: &str| json!({"metadata": {"creationTimestamp": at}});
    let roles = vec![
        role("youngest", 1, &born("2026-05-05T00:00:00Z")),
        role("oldest", 9, &born("2026-03-03T00:00:00Z")),
        role("older", 5, &born("2026-04-04T00:00:00Z")),
        role("also-older", 5, &born("2026-04-04T00:00:00Z")),
    ];
    let all = declared(roles, &json!({}), &json!({}));
    assert_eq!(
        arns(&all),
        ["oldest", "also-older", "older", "youngest"].map(arn),
        "the time of the request is no matter"
    );
    assert_eq!(arns_beside(&[arn("youngest")], &all), ["youngest", "oldest", "also-older", "older"].map(arn));
}

#[test]
fn what_stands_in_aws_counts_without_an_announcement_as_long_as_the_object_declares_it() {
    let unannounced = json!({"status": {"sourceGrants": []}});
    let withdrawn = json!({"spec": {"sourceGrants": []}, "status": {"sourceGrants": []}});
    let ends = json!({"status": {"sourceGrants": [{"account": "ci", "user": "deployer", "policy": POLICY}]}});
    let of = |name: &str, change: &Value| declared(vec![role(name, 1, change)], &json!({}), &json!({}));
    for (what, current, all, expected) in [
        ("a restored object without a status", arn("a"), of("a", &unannounced), vec![arn("a")]),
        ("an object that declares it no more", arn("a"), of("a", &withdrawn), vec![]),
        ("an object that takes it back", arn("a"), of("a", &ends), vec![]),
        ("the role of another object", arn("b"), of("a", &unannounced), vec![]),
        ("the role in another account", "arn:aws:iam::333333333333:role/a".into(), of("a", &unannounced), vec![]),
        ("the role at another path, beside the announced one", arn("x/a"), of("a", &json!({})), vec![arn("a")]),
        ("a line that is announced and stands", arn("a"), of("a", &json!({})), vec![arn("a")]),
    ] {
        assert_eq!(arns_beside(&[current], &all), expected, "{what}");
    }
}

#[test]
fn two_objects_that_name_one_role_give_it_one_line() {
    let naming = |name: &str| {
        let entry = json!({"account": "ci", "user": "deployer", "policy": POLICY, "roleArn": arn("team-shared")});
        role(name, 1, &json!({"spec": {"role": {"name": "team-shared"}}, "status": {"sourceGrants": [entry]}}))
    };
    assert_eq!(arns(&declared(vec![naming("a"), naming("b")], &json!({}), &json!({}))), [arn("team-shared")]);
}

#[test]
fn an_object_beyond_the_guardrails_of_its_own_account_gives_nothing() {
    let wide = json!({"spec": {"trust": {"principals": ["333333333333"]}}});
    assert_eq!(
        arns_beside(&[arn("a")], &declared(vec![role("a", 1, &wide)], &json!({}), &json!({}))),
        Vec::<String>::new()
    );
}

#[test]
fn an_object_remembers_all_only_if_it_remembers_exactly_what_it_declares_and_may() {
    let all = declared(Vec::new(), &json!({}), &json!({}));
    let whole = |role: &CrossAccountRole, role_arn: &str| {
        ledger_matches(role, role_arn, POLICY, &all.accounts, &all.namespaces["team"])
    };
    assert!(whole(&role("a", 1, &json!({})), &arn("a")));
    assert!(!whole(&role("a", 1, &json!({})), &arn("elsewhere/a")), "the role has another ARN");
    let two =
        json!([{"accountRef": {"name": "ci"}, "user": "deployer"}, {"accountRef": {"name": "ci"}, "user": "second"}]);
    assert!(!whole(&role("a", 1, &json!({"spec": {"sourceGrants": two}})), &arn("a")), "one more is declared");
    assert!(!whole(&role("a", 1, &json!({"spec": {"sourceGrants": []}})), &arn("a")), "none is declared");
    let closed = declared(Vec::new(), &json!({"spec": {"guardrails": {"grantees": []}}}), &json!({}));
    assert!(!ledger_matches(
        &role("a", 1, &json!({})),
        &arn("a"),
        POLICY,
        &closed.accounts,
        &closed.namespaces["team"]
    ));
}

#[test]
fn what_is_announced_is_refused_once_it_is_no_longer_allowed_or_declared() {
    let refused = |change: &Value, source: &Value| {
        let all = declared(Vec::new(), source, &json!({}));
        has_refused(&role("a", 1, change), &all.accounts, &all.namespaces["team"])
    };
    let nothing = json!({});
    assert!(!refused(&nothing, &nothing));
    for (what, change, source) in [
        ("not declared", json!({"spec": {"sourceGrants": []}}), nothing.clone()),
        ("the namespace is not allowed", nothing.clone(), json!({"spec": {"allowedNamespaces": {"names": []}}})),
        ("the principal is not covered", nothing.clone(), json!({"spec": {"guardrails": {"grantees": []}}})),
    ] {
        assert!(refused(&change, &source), "{what}");
    }
}

#[test]
fn a_grant_names_one_principal_in_iams_alphabet() {
    let (_, ci) = account("ci", "111111111111", &json!({}));
    let grant = |fields: Value| {
        let mut whole = json!({"accountRef": {"name": "ci"}});
        merge(&mut whole, &fields);
        grantee(&serde_json::from_value(whole).expect("a grant"), &ci)
            .map(|found| found.to_string())
            .map_err(|r| r.message)
    };
    assert_eq!(grant(json!({"group": "deployers"})), Ok("group deployers of account 111111111111".into()));
    assert!(grant(json!({})).is_err_and(|message| message.contains("exactly one of user, group and role")));
    assert!(grant(json!({"user": "a", "role": "b"})).is_err());
    assert!(grant(json!({"user": "ci/deployer"})).is_err_and(|message| message.contains("without its path")));
}

#[test]
fn a_grant_in_an_account_that_is_not_there_or_does_not_let_the_namespace_in_is_refused_by_name() {
    let namespace = Namespace { name: "team".into(), ..Namespace::default() };
    let grant = &role("a", 1, &json!({})).spec.source_grants[0];
    let (_, open) = account("ci", "111111111111", &json!({}));
    let (_, closed) = account("ci", "111111111111", &json!({"spec": {"allowedNamespaces": {"names": []}}}));
    assert!(check_grant_allowed(grant, Some(&open), &namespace).is_ok());
    for (account, message) in [(None, "there is no AWSAccount ci"), (Some(&closed), "does not allow namespace team")] {
        let refusal = check_grant_allowed(grant, account, &namespace).expect_err(message);
        assert_eq!(refusal.reason, Reason::NotAllowed);
        assert!(refusal.message.contains(message), "{}", refusal.message);
    }
}

#[test]
fn a_principal_outside_the_grantees_is_refused_by_its_arn() {
    let (_, ci) = account("ci", "111111111111", &json!({}));
    assert_eq!(check_grantee(&ci, USER_ARN), Ok(()));
    let refusal = check_grantee(&ci, "arn:aws:iam::111111111111:user/admin").expect_err("not listed");
    assert_eq!(refusal.reason, Reason::NotAllowed);
    assert!(refusal.message.contains("user/admin") && refusal.message.contains("AWSAccount ci"), "{}", refusal.message);
}

#[test]
fn only_the_plain_arn_of_the_objects_own_role_can_be_granted() {
    let (_, analytics) = account("analytics", "222222222222", &json!({}));
    let named = role("a", 1, &json!({}));
    let unnamed = role("a", 1, &json!({"spec": {"role": {"name": null}}}));
    for (what, role, granted, fine) in [
        ("its role", &named, arn("a"), true),
        ("its role in another case", &named, arn("A"), true),
        ("its role at another path", &named, "arn:aws:iam::222222222222:role/a".to_owned(), true),
        ("the role of its default name", &unnamed, arn("team-a"), true),
        ("a role of another name", &unnamed, arn("a"), false),
        ("a path with a variable", &named, "arn:aws:iam::222222222222:role/${aws:username}/a".to_owned(), false),
        ("a path with a wildcard", &named, "arn:aws:iam::222222222222:role/x?/a".to_owned(), false),
        ("no ARN", &named, "a".to_owned(), false),
    ] {
        let verdict = own_role(role, &analytics, &granted);
        assert_eq!(
            verdict.clone().map_err(|refusal| refusal.reason),
            if fine { Ok(()) } else { Err(Reason::NotSupported) },
            "{what}"
        );
    }
}

proptest! {
    #[test]
    fn twenty_objects_that_come_and_go_in_any_order_give_exactly_the_union_of_those_present(
        moves in prop::collection::vec((0_usize..20, any::<bool>(), 1_i64..5), 1..40),
    ) {
        let mut present: BTreeMap<usize, i64> = BTreeMap::new();
        for (number, comes, second) in moves {
            if comes {
                present.entry(number).or_insert(second);
            } else {
                present.remove(&number);
            }
            let roles = present.iter().map(|(number, second)| role(&format!("r{number}"), *second, &json!({}))).collect();
            let mut lines = arns(&declared(roles, &json!({}), &json!({})));
            lines.sort_unstable();
            let mut union: Vec<String> = present.keys().map(|number| arn(&format!("r{number}"))).collect();
            union.sort_unstable();
            prop_assert_eq!(lines, union);
        }
    }
}
