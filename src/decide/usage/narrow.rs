//! From IAM's report to the narrower policy: inline policies without the services that the role does not use.
//!
//! A service is left out only if the report names it: what the report does not know is kept. Statements that deny are kept, and
//! so is an Allow with `NotAction`, of which it is not known which services it allows.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::domain::glob_covers;
use crate::domain::policy::texts;

/// An inline policy that allows services that the role does not use.
#[derive(Clone, Debug, PartialEq)]
pub enum Narrower {
    /// The policy without them.
    Policy(Value),
    /// Nothing is left of it.
    Nothing,
}

/// What a role is allowed, by its inline policies, of the services in a report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Narrowed {
    /// The inline policies that allow each service.
    pub allowed_by: BTreeMap<String, BTreeSet<String>>,
    /// The inline policies that change, by name.
    pub policies: BTreeMap<String, Narrower>,
    /// The inline policies with an Allow that names what it does not allow.
    pub open_ended: BTreeSet<String>,
}

/// Takes the unused services out of inline policies. `services` tells of each service in the report whether it is used.
#[must_use]
pub fn narrow(policies: &BTreeMap<String, Value>, services: &BTreeMap<String, bool>) -> Narrowed {
    let mut narrowed = Narrowed::default();
    for (name, policy) in policies {
        let statements = statements(policy);
        if statements.iter().any(|one| allows(one) && one.get("NotAction").is_some()) {
            narrowed.open_ended.insert(name.clone());
        }
        for service in statements.iter().filter(|one| allows(one)).flat_map(|one| allowed(one, services)) {
            narrowed.allowed_by.entry(service.to_owned()).or_default().insert(name.clone());
        }
        let left: Vec<Value> = statements.iter().filter_map(|one| of_statement(one, services)).collect();
        if left.is_empty() {
            narrowed.policies.insert(name.clone(), Narrower::Nothing);
        } else if left != statements {
            let mut rest = policy.clone();
            rest["Statement"] = Value::Array(left);
            narrowed.policies.insert(name.clone(), Narrower::Policy(rest));
        }
    }
    narrowed
}

fn statements(policy: &Value) -> Vec<Value> {
    match &policy["Statement"] {
        Value::Array(statements) => statements.clone(),
        one => vec![one.clone()],
    }
}

fn allows(statement: &Value) -> bool {
    statement["Effect"] == "Allow"
}

/// The services of the report that a statement names.
fn allowed<'s>(statement: &Value, services: &'s BTreeMap<String, bool>) -> Vec<&'s str> {
    let patterns: Vec<String> = actions(statement).iter().map(|action| service_of(action).0).collect();
    let named = |service: &&String| patterns.iter().any(|pattern| glob_covers(pattern, service));
    services.keys().filter(named).map(String::as_str).collect()
}

/// The statement without unused services; none if it allows no other.
fn of_statement(statement: &Value, services: &BTreeMap<String, bool>) -> Option<Value> {
    if !allows(statement) || statement.get("Action").is_none() {
        return Some(statement.clone());
    }
    let before = actions(statement);
    let after: Vec<String> = before.iter().flat_map(|action| of_action(action, services)).collect();
    if after == before {
        return Some(statement.clone());
    }
    let mut narrower = statement.clone();
    narrower["Action"] = json!(after);
    (!after.is_empty()).then_some(narrower)
}

/// The action, if its service is used or unknown. A wildcard in the place of the service is replaced by the used services.
fn of_action(action: &str, services: &BTreeMap<String, bool>) -> Vec<String> {
    let (pattern, name) = service_of(action);
    let covered = services.iter().filter(|(service, _)| glob_covers(&pattern, service));
    if covered.clone().all(|(_, used)| *used) {
        return vec![action.to_owned()];
    }
    covered.filter(|(_, used)| **used).map(|(service, _)| format!("{service}:{name}")).collect()
}

/// The service of an action, in lower case, and the rest. `*` is every action of every service.
fn service_of(action: &str) -> (String, &str) {
    let (service, name) = action.split_once(':').unwrap_or(("*", "*"));
    (service.to_ascii_lowercase(), name)
}

fn actions(statement: &Value) -> Vec<String> {
    texts(&statement["Action"]).into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn services(used: &[&str], unused: &[&str]) -> BTreeMap<String, bool> {
        let of = |names: &[&str], used: bool| names.iter().map(|name| ((*name).to_owned(), used)).collect::<Vec<_>>();
        of(used, true).into_iter().chain(of(unused, false)).collect()
    }

    fn narrowed(statements: Value) -> Narrowed {
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        narrow(&BTreeMap::from([("p".to_owned(), policy)]), &services(&["s3", "sts"], &["sqs", "dynamodb"]))
    }

    fn left(statements: Value) -> Option<Value> {
        match narrowed(statements).policies.remove("p") {
            Some(Narrower::Policy(policy)) => Some(policy["Statement"].clone()),
            Some(Narrower::Nothing) => Some(Value::Null),
            None => None,
        }
    }

    #[test]
    fn actions_of_unused_services_go_and_all_else_stays() {
        let allow = |actions: Value| json!([{"Effect": "Allow", "Action": actions, "Resource": "*"}]);
        let deny = json!({"Effect": "Deny", "Action": "sqs:*", "Resource": "*"});
        for (what, before, after) in [
            ("all are used", allow(json!("s3:GetObject")), None),
            ("one is not", allow(json!(["s3:GetObject", "SQS:Send*"])), Some(allow(json!(["s3:GetObject"])))),
            ("none is", allow(json!(["sqs:SendMessage"])), Some(Value::Null)),
            ("not in the report", allow(json!("kms:Decrypt")), None),
            ("every action", allow(json!("*")), Some(allow(json!(["s3:*", "sts:*"])))),
            ("some services", allow(json!("s*:Get*")), Some(allow(json!(["s3:Get*", "sts:Get*"])))),
            ("a wildcard over used ones", allow(json!("st*:Get*")), None),
            ("all but some", json!([{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}]), None),
            ("a denial", json!([deny]), None),
            (
                "a denial beside it",
                json!([{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}, deny]),
                Some(json!([deny])),
            ),
        ] {
            assert_eq!(left(before), after, "{what}");
        }
    }

    #[test]
    fn it_is_known_which_policy_allows_a_service_and_which_cannot_be_judged() {
        let found = narrowed(json!([
            {"Effect": "Allow", "Action": ["s3:GetObject", "s*:Describe*"], "Resource": "*"},
            {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"},
        ]));
        assert_eq!(found.allowed_by.keys().collect::<Vec<_>>(), ["s3", "sqs", "sts"]);
        assert!(found.open_ended.contains("p"));
    }

    proptest! {
        #[test]
        fn a_narrower_policy_allows_no_more_and_every_used_service_as_before(
            actions in prop::collection::vec("(\\*|s3|sqs|sts|dynamodb|s\\*|kms):(\\*|Get\\*|Put)", 1..5)
        ) {
            let report = services(&["s3", "sts"], &["sqs", "dynamodb"]);
            let policy = json!({"Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}});
            let mut found = narrow(&BTreeMap::from([("p".to_owned(), policy)]), &report);
            let after = match found.policies.remove("p") {
                None => actions.clone(),
                Some(Narrower::Nothing) => Vec::new(),
                Some(Narrower::Policy(policy)) => {
                    policy["Statement"].as_array().into_iter().flatten().flat_map(super::actions).collect()
                }
            };
            let can = |actions: &[String], action: &str| actions.iter().any(|pattern| glob_covers(pattern, action));
            for service in ["s3", "sts", "sqs", "dynamodb", "kms", "ses"] {
                for name in ["GetObject", "Put", "List"] {
                    let action = format!("{service}:{name}");
                    prop_assert!(!can(&after, &action) || can(&actions, &action), "{action} is new in {after:?}");
                    if report.get(service) == Some(&true) {
                        prop_assert_eq!(can(&after, &action), can(&actions, &action), "{}", action);
                    }
                    if report.get(service) == Some(&false) {
                        prop_assert!(!can(&after, &action), "{action} is left in {after:?}");
                    }
                }
            }
        }
    }
}
