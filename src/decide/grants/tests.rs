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
                 "guardrails": {"allowUnbounded": true, "grantees": ["arn:aws:iam::111111111111:user/ci/*"]}},
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

fn arns(declared: &Declared) -> Vec<String> {
    wanted(&user("deployer"), USER_ARN, POLICY, declared).into_iter().map(|line| line.role_arn).collect()
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
        ("it is not remembered yet", json!({"status": {"sourceGrants": []}}), none.clone(), none.clone(), false),
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
fn who_asked_first_stands_first_and_the_older_object_among_equals() {
    let born = |at: &str| json!({"metadata": {"creationTimestamp": at}});
    let roles = vec![
        role("late", 9, &born("2026-01-01T00:00:00Z")),
        role("younger", 5, &born("2026-05-05T00:00:00Z")),
        role("older", 5, &born("2026-04-04T00:00:00Z")),
        role("early", 1, &born("2026-12-12T00:00:00Z")),
    ];
    let order = ["early", "older", "younger", "late"].map(arn);
    assert_eq!(arns(&declared(roles, &json!({}), &json!({}))), order);
}

#[test]
fn an_object_remembers_all_only_if_it_remembers_exactly_what_it_declares_and_may() {
    let all = declared(Vec::new(), &json!({}), &json!({}));
    let whole = |role: &CrossAccountRole, role_arn: &str| {
        remembers_all(role, role_arn, POLICY, &all.accounts, &all.namespaces["team"])
    };
    assert!(whole(&role("a", 1, &json!({})), &arn("a")));
    assert!(!whole(&role("a", 1, &json!({})), &arn("elsewhere/a")), "the role has another ARN");
    let two =
        json!([{"accountRef": {"name": "ci"}, "user": "deployer"}, {"accountRef": {"name": "ci"}, "user": "second"}]);
    assert!(!whole(&role("a", 1, &json!({"spec": {"sourceGrants": two}})), &arn("a")), "one more is declared");
    assert!(!whole(&role("a", 1, &json!({"spec": {"sourceGrants": []}})), &arn("a")), "none is declared");
    let closed = declared(Vec::new(), &json!({"spec": {"guardrails": {"grantees": []}}}), &json!({}));
    assert!(!remembers_all(&role("a", 1, &json!({})), &arn("a"), POLICY, &closed.accounts, &closed.namespaces["team"]));
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
    assert!(grant(json!({})).is_err_and(|told| told.contains("exactly one of user, group and role")));
    assert!(grant(json!({"user": "a", "role": "b"})).is_err());
    assert!(grant(json!({"user": "ci/deployer"})).is_err_and(|told| told.contains("without its path")));
}

proptest! {
    #[test]
    fn twenty_objects_that_come_and_go_in_any_order_give_exactly_the_union_of_those_present(
        moves in prop::collection::vec((0_usize..20, any::<bool>(), 1_i64..5), 1..100),
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
