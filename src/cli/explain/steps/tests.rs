use serde_json::{Value, json};

use super::*;
use crate::cli::cluster::{Permission, Scope};

fn now() -> Timestamp {
    "2027-01-15T08:00:00Z".parse().unwrap()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
           "lastTransitionTime": "2027-01-15T08:00:00Z"})
}

fn available() -> Vec<Value> {
    ["Ready", "RoleReady", "CredentialsReady"].map(|kind| condition(kind, "True", "Available", "good")).to_vec()
}

/// An object whose steps all work, with these conditions.
fn facts(conditions: &[Value]) -> Facts {
    let object = serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
        "metadata": {"name": "reader", "namespace": "analytics", "generation": 1},
        "spec": {"accountRef": {"name": "prod"}},
        "status": {"conditions": conditions, "role": {"arn": "arn:aws:iam::222222222222:role/r", "created": true}},
    }));
    let account = serde_json::from_value(json!({
        "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount",
        "metadata": {"name": "prod", "generation": 1},
        "spec": {"accountId": "222222222222", "region": "eu-west-1", "allowedNamespaces": {"names": ["analytics"]},
                 "guardrails": {"allowUnbounded": true}},
        "status": {"conditions": [condition("Ready", "True", "Available", "good")], "callerArn": "arn:manager"},
    }));
    let secret =
        [(annotation::EXPIRES_AT, "2027-01-15T08:43:00Z"), (annotation::ROLE_ARN, "arn:aws:iam::222222222222:role/r")];
    Facts {
        object: object.unwrap(),
        account: Seen::Found(account.unwrap()),
        labels: Seen::Found(BTreeMap::new()),
        secret: Seen::Found(secret.map(|(key, value)| (key.to_owned(), value.to_owned())).into()),
        events: Seen::Found(Vec::new()),
    }
}

fn hidden<T>() -> Seen<T> {
    Seen::Hidden(Permission::of::<AWSAccount>("get", Scope::Cluster))
}

fn states(facts: &Facts) -> Vec<State> {
    steps(facts, now()).iter().map(|step| step.state).collect()
}

const W: State = State::Works;
const F: State = State::Fails;
const N: State = State::Waits;
const U: State = State::Unknown;

#[test]
fn each_thing_that_can_be_wrong_is_at_its_own_step() {
    let with = |change: &dyn Fn(&mut Facts)| {
        let mut facts = facts(&available());
        change(&mut facts);
        facts
    };
    let one = |kind: &str, status: &str, reason: &str| {
        let mut all = available();
        all.retain(|condition| condition["type"] != kind);
        all.push(condition(kind, status, reason, "words"));
        facts(&all)
    };
    let account = |facts: &mut Facts, change: &dyn Fn(&mut AWSAccount)| {
        let Seen::Found(account) = &mut facts.account else { panic!("it is found") };
        change(account);
    };
    // Declaration, permission, entrance, role, credentials, Secret, consumers.
    for (what, facts, expected) in vec![
        ("all as declared", facts(&available()), [W, W, W, W, W, W, W]),
        ("no operator", facts(&[]), [F, W, W, N, N, W, W]),
        ("suspended", with(&|facts| facts.object.spec.suspend = true), [N, W, W, W, W, W, W]),
        ("an invalid declaration", one("Ready", "False", "InvalidSpec"), [F, W, W, W, W, W, W]),
        ("no such account", with(&|facts| facts.account = Seen::Missing), [W, F, N, W, W, W, W]),
        (
            "an account that does not allow the namespace",
            with(&|facts| account(facts, &|account| account.spec.allowed_namespaces = None)),
            [W, F, W, W, W, W, W],
        ),
        (
            "a guardrail",
            with(&|facts| account(facts, &|account| account.spec.guardrails.allow_unbounded = false)),
            [W, F, W, W, W, W, W],
        ),
        (
            "no way into the account",
            with(&|facts| {
                account(facts, &|account| {
                    let status = account.status.as_mut().unwrap();
                    status.conditions[0].status = "False".into();
                    status.conditions[0].reason = "TrustDenied".into();
                });
            }),
            [W, W, F, W, W, W, W],
        ),
        ("an account that nobody may see", with(&|facts| facts.account = hidden()), [W, U, U, W, W, W, W]),
        ("a role that is not as declared", one("RoleReady", "False", "ManagerDenied"), [W, W, W, F, W, W, W]),
        ("no credentials", one("CredentialsReady", "False", "TrustDenied"), [W, W, W, W, F, W, W]),
        ("a Secret that nobody may see", with(&|facts| facts.secret = hidden()), [W, W, W, W, W, U, W]),
        ("no Secret", with(&|facts| facts.secret = Seen::Missing), [W, W, W, W, W, N, W]),
        (
            "a Secret of somebody else",
            with(&|facts| facts.secret = Seen::Found(BTreeMap::new())),
            [W, W, W, W, W, F, W],
        ),
        ("pods with earlier credentials", one("ConsumersStale", "True", "RestartNeeded"), [W, W, W, W, W, W, F]),
    ] {
        assert_eq!(states(&facts), expected, "{what}");
    }
}

#[test]
fn credentials_that_expired_are_seen_in_the_secret_itself() {
    let facts = facts(&available());
    let later = "2027-01-15T08:44:00Z".parse().unwrap();
    let steps = steps(&facts, later);
    let secret = steps.iter().find(|step| step.state == State::Fails).unwrap();
    assert_eq!(secret.message, "those in Secret reader expired 1 min ago");
}

#[test]
fn where_the_account_is_hidden_the_operator_is_quoted() {
    let mut facts =
        facts(&[condition("Ready", "False", "NotAllowed", "AWSAccount prod does not allow namespace analytics")]);
    facts.account = hidden();
    let permission = &steps(&facts, now())[1];
    assert_eq!((permission.state, permission.side), (State::Fails, Some(Side::Platform)));
    assert_eq!(permission.message, "AWSAccount prod does not allow namespace analytics");
    assert!(permission.missing_permission.is_some());
}

#[test]
fn labels_of_the_namespace_matter_only_where_the_account_selects_by_them() {
    let mut facts = facts(&available());
    facts.labels = hidden();
    assert_eq!(states(&facts)[1], State::Works);
    let Seen::Found(account) = &mut facts.account else { panic!("it is found") };
    account.spec.allowed_namespaces =
        serde_json::from_value(json!({"selector": {"matchLabels": {"aws": "yes"}}})).unwrap();
    assert_eq!(states(&facts)[1], State::Unknown);
}
