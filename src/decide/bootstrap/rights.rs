//! A policy, taken apart into single rights: one action on one resource, or by one principal, under some conditions.

use std::collections::BTreeMap;

use crate::domain::glob_covers;
use crate::domain::policy::{PolicyDocument, Statement};

/// One action of one statement, with one of its resources or principals.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Right {
    /// As it is written.
    pub action: String,
    /// The resource; in a trust policy, the principal.
    pub object: String,
    /// The conditions.
    pub conditions: Conditions,
}

/// Conditions that must all hold: each in one form for one meaning, with the words in which it was written.
pub(super) type Conditions = BTreeMap<String, String>;

/// How to read `NotAction`, `NotResource` and `NotPrincipal`, which are about all but what they list.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Exclusions {
    /// As about everything: for what a statement may reach at most.
    AsEverything,
    /// As about nothing: for what it reaches for certain.
    AsNothing,
}

impl Right {
    /// Whether this right reaches all that the other one does.
    pub fn covers(&self, other: &Self) -> bool {
        self.reaches(other) && self.conditions_beyond(other).is_empty()
    }

    /// The same, whatever the conditions of either.
    pub fn reaches(&self, other: &Self) -> bool {
        glob_covers(&self.action.to_lowercase(), &other.action.to_lowercase())
            && glob_covers(&self.object, &other.object)
    }

    /// The conditions of this right that the other one does not have, as they were written.
    pub fn conditions_beyond(&self, other: &Self) -> Vec<&str> {
        let beyond = self.conditions.iter().filter(|(meaning, _)| !other.conditions.contains_key(*meaning));
        beyond.map(|(_, written)| written.as_str()).collect()
    }
}

/// The rights that a document gives, or with `allowed` unset those that it denies.
pub(super) fn rights(document: &PolicyDocument, allowed: bool, exclusions: Exclusions) -> Vec<Right> {
    let statements = document.statements().filter(|statement| statement.allows() == allowed);
    statements.flat_map(|statement| of_statement(statement, exclusions)).collect()
}

fn of_statement(statement: Statement<'_>, exclusions: Exclusions) -> Vec<Right> {
    let excludes = ["NotAction", "NotResource", "NotPrincipal"].iter().any(|element| statement.get(element).is_some());
    if excludes && exclusions == Exclusions::AsNothing {
        return Vec::new();
    }
    let everything = |found: Vec<&str>| {
        if found.is_empty() { vec!["*".to_owned()] } else { found.into_iter().map(str::to_owned).collect() }
    };
    let actions = everything(statement.texts("Action"));
    let objects = everything([statement.texts("Resource"), statement.principals()].concat());
    let conditions: Conditions = statement.conditions().map(condition).collect();
    let of_action = |action: &String| {
        let right =
            |object: &String| Right { action: action.clone(), object: object.clone(), conditions: conditions.clone() };
        objects.iter().map(right).collect::<Vec<_>>()
    };
    actions.iter().flat_map(of_action).collect()
}

/// Keys are compared without case, and values in any order, as IAM does.
fn condition((operator, key, mut values): (&str, &str, Vec<&str>)) -> (String, String) {
    values.sort_unstable();
    let written = |key: &str| format!("{operator} {key} = {}", values.join(" or "));
    (written(&key.to_lowercase()), written(key))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(statement: Value, exclusions: Exclusions) -> Vec<Right> {
        let document = PolicyDocument::from_value(json!({"Statement": statement})).expect("a policy");
        rights(&document, true, exclusions)
    }

    #[test]
    fn a_statement_is_as_many_rights_as_it_has_pairs_of_action_and_resource() {
        let found = of(
            json!({"Effect": "Allow", "Action": ["iam:GetRole", "iam:TagRole"], "Resource": ["a", "b"],
                   "Condition": {"StringEquals": {"aws:PrincipalTag/Team": ["y", "x"]}}}),
            Exclusions::AsNothing,
        );
        assert_eq!(found.len(), 4);
        let meaning = "StringEquals aws:principaltag/team = x or y".to_owned();
        assert_eq!(found[3].conditions, [(meaning, "StringEquals aws:PrincipalTag/Team = x or y".to_owned())].into());
    }

    #[test]
    fn all_but_some_actions_count_as_everything_where_the_most_is_asked_for_and_as_nothing_where_the_least_is() {
        let statement = json!({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"});
        assert_eq!(of(statement.clone(), Exclusions::AsEverything)[0].action, "*");
        assert_eq!(of(statement, Exclusions::AsNothing), []);
    }

    #[test]
    fn a_right_covers_what_is_narrower_in_action_resource_and_conditions() {
        let right = |action: &str, object: &str, conditions: &[&str]| Right {
            action: action.to_owned(),
            object: object.to_owned(),
            conditions: conditions.iter().map(|&condition| (condition.to_owned(), String::new())).collect(),
        };
        let wide = right("iam:*", "role/path/*", &["c"]);
        assert!(wide.covers(&right("IAM:GetRole", "role/path/x", &["c", "d"])));
        assert!(!wide.covers(&right("iam:GetRole", "role/path/x", &[])), "it is conditional");
        assert!(!wide.covers(&right("iam:GetRole", "role/other", &["c"])));
        assert!(!wide.covers(&right("*", "role/path/x", &["c"])));
    }
}
