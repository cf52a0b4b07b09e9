//! One statement of a policy document, and the parts of it that decisions look at.

use serde_json::{Map, Value};

/// A statement (IAM user guide, "IAM JSON policy element reference"). A document accepts no other `Effect` than `Allow` and
/// `Deny`, so a statement that does not allow denies.
#[derive(Clone, Copy, Debug)]
pub struct Statement<'a>(&'a Map<String, Value>);

impl<'a> Statement<'a> {
    pub(super) fn new(elements: &'a Map<String, Value>) -> Self {
        Self(elements)
    }

    /// An element by its name, as it was written.
    #[must_use]
    pub fn get(&self, element: &str) -> Option<&'a Value> {
        self.0.get(element)
    }

    /// All elements.
    #[must_use]
    pub fn elements(&self) -> &'a Map<String, Value> {
        self.0
    }

    /// Whether the effect is `Allow`.
    #[must_use]
    pub fn allows(&self) -> bool {
        self.get("Effect").is_some_and(|effect| effect == "Allow")
    }

    /// The values of an element that holds one text or a list of texts, such as `Action` and `Resource`.
    #[must_use]
    pub fn texts(&self, element: &str) -> Vec<&'a str> {
        self.get(element).map(texts).unwrap_or_default()
    }

    /// Whom `Principal` names, of all kinds; `*` for everyone.
    #[must_use]
    pub fn principals(&self) -> Vec<&'a str> {
        match self.get("Principal") {
            Some(Value::Object(kinds)) => kinds.values().flat_map(texts).collect(),
            Some(other) => texts(other),
            None => Vec::new(),
        }
    }

    /// Operator, key and values of each condition.
    pub fn conditions(&self) -> impl Iterator<Item = (&'a str, &'a str, Vec<&'a str>)> {
        let operators = self.get("Condition").and_then(Value::as_object).into_iter().flatten();
        operators.flat_map(|(operator, keys)| {
            let keys = keys.as_object().into_iter().flatten();
            keys.map(move |(key, values)| (operator.as_str(), key.as_str(), texts(values)))
        })
    }

    /// Whether it is about every action on every resource.
    #[must_use]
    pub fn is_about_everything(&self) -> bool {
        ["Action", "Resource"].iter().all(|element| self.texts(element).contains(&"*"))
    }

    /// Whether it denies everything, whatever the circumstances.
    #[must_use]
    pub fn denies_everything(&self) -> bool {
        !self.allows() && self.is_about_everything() && self.get("Condition").is_none()
    }
}

/// One text, or the texts of a list.
#[must_use]
pub fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::domain::policy::PolicyDocument;

    #[test]
    fn one_value_and_a_list_of_it_read_the_same() {
        for (principal, action) in [
            (json!({"AWS": "arn:aws:iam::111111111111:root"}), json!("sts:AssumeRole")),
            (json!({"AWS": ["arn:aws:iam::111111111111:root"]}), json!(["sts:AssumeRole"])),
        ] {
            let statement = json!({"Effect": "Allow", "Principal": principal, "Action": action});
            let document = PolicyDocument::from_value(json!({"Statement": statement})).expect("a policy");
            let statement = document.statements().next().expect("a statement");
            assert_eq!(statement.principals(), ["arn:aws:iam::111111111111:root"]);
            assert_eq!(statement.texts("Action"), ["sts:AssumeRole"]);
            assert!(statement.allows() && !statement.denies_everything());
        }
    }

    #[test]
    fn only_a_deny_of_everything_without_a_condition_denies_everything() {
        let denies = |statement: Value| {
            let document = PolicyDocument::from_value(json!({"Statement": statement})).expect("a policy");
            document.statements().all(|statement| statement.denies_everything())
        };
        assert!(denies(json!({"Effect": "Deny", "Action": ["*"], "Resource": "*"})));
        assert!(!denies(json!({"Effect": "Allow", "Action": "*", "Resource": "*"})));
        assert!(!denies(json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"})));
        assert!(!denies(json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"Bool": {"a": "b"}}})));
    }
}
