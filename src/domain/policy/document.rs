//! A policy document as it is written, stored and compared.

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::canonical::canonical;
use super::statement::Statement;

/// What keeps a value from being a policy document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text is not JSON.
    #[error("is not JSON: {0}")]
    Json(String),
    /// The value is not an object with a `Statement`.
    #[error("is not a policy document: {0}")]
    Grammar(String),
}

/// A JSON policy document (IAM user guide, "Grammar of the IAM JSON policy language").
///
/// Two documents are equal when IAM treats them the same; see `canonical` for what that takes in.
#[derive(Clone, Debug)]
pub struct PolicyDocument(Value);

impl PolicyDocument {
    /// Takes a value that has the outer shape of a policy: an object, with at least one statement, each an object with
    /// `Effect` of `Allow` or `Deny`, and no unknown elements. The rest of the grammar is AWS's to judge.
    pub fn from_value(value: Value) -> Result<Self, PolicyError> {
        let grammar = |text: &str| PolicyError::Grammar(text.to_owned());
        let object = value.as_object().ok_or_else(|| grammar("write an object with Version and Statement"))?;
        refuse_unknown(object, &["Version", "Id", "Statement"], "the document")?;
        if let Some(version) = object.get("Version")
            && !matches!(version.as_str(), Some("2012-10-17" | "2008-10-17"))
        {
            return Err(grammar(&format!("Version {version} is unknown; write \"2012-10-17\" in quotes")));
        }
        let statements = match object.get("Statement") {
            Some(Value::Array(many)) if !many.is_empty() => many.iter().collect(),
            Some(one @ Value::Object(_)) => vec![one],
            _ => return Err(grammar("Statement must be an object or a non-empty list of objects")),
        };
        for (index, statement) in statements.into_iter().enumerate() {
            check_statement(statement, index)?;
        }
        Ok(Self(value))
    }

    /// A trust policy that lets nobody in.
    #[must_use]
    pub fn trusting_nobody() -> Self {
        let statement = serde_json::json!({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"});
        Self(serde_json::json!({"Version": "2012-10-17", "Statement": [statement]}))
    }

    /// Reads JSON text.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        Self::from_value(serde_json::from_str(text).map_err(|e| PolicyError::Json(e.to_string()))?)
    }

    /// Reads a document as IAM returns it: JSON, percent-encoded after RFC 3986, so a plus sign is a plus sign
    /// (IAM API reference, `GetRole`).
    pub fn from_iam(encoded: &str) -> Result<Self, PolicyError> {
        let text = percent_decode_str(encoded).decode_utf8().map_err(|e| PolicyError::Json(e.to_string()))?;
        Self::from_json(&text)
    }

    /// Minified JSON, what is sent to AWS.
    #[must_use]
    pub fn to_json(&self) -> String {
        self.0.to_string()
    }

    /// Length as IAM's quotas count it: characters without white space (IAM user guide, "IAM and STS quotas").
    #[must_use]
    pub fn quota_size(&self) -> usize {
        self.to_json().chars().filter(|c| !c.is_whitespace()).count()
    }

    /// The statements, always as a list.
    pub fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        let statements = &self.0["Statement"];
        let list = statements.as_array().map_or_else(|| std::slice::from_ref(statements), Vec::as_slice);
        list.iter().filter_map(Value::as_object).map(Statement::new)
    }

    /// Whether policy variables are more than plain text in it (IAM user guide, "IAM JSON policy elements: Version").
    #[must_use]
    pub fn has_variables_enabled(&self) -> bool {
        self.0["Version"] == "2012-10-17"
    }

    /// Whether every statement is a `Deny`: taking such a document away gives, and takes nothing.
    #[must_use]
    pub fn only_denies(&self) -> bool {
        self.statements().all(|statement| !statement.allows())
    }

    /// Whether one of the statements denies everything, whatever the circumstances.
    #[must_use]
    pub fn denies_everything(&self) -> bool {
        self.statements().any(|statement| statement.denies_everything())
    }
}

impl PartialEq for PolicyDocument {
    fn eq(&self, other: &Self) -> bool {
        canonical(&self.0) == canonical(&other.0)
    }
}

const STATEMENT_ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

fn check_statement(statement: &Value, index: usize) -> Result<(), PolicyError> {
    let place = format!("Statement[{index}]");
    let object = statement.as_object().ok_or_else(|| PolicyError::Grammar(format!("{place} must be an object")))?;
    refuse_unknown(object, &STATEMENT_ELEMENTS, &place)?;
    match object.get("Effect").and_then(Value::as_str) {
        Some("Allow" | "Deny") => Ok(()),
        _ => Err(PolicyError::Grammar(format!("{place}.Effect must be Allow or Deny"))),
    }
}

fn refuse_unknown(object: &Map<String, Value>, known: &[&str], place: &str) -> Result<(), PolicyError> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            Err(PolicyError::Grammar(format!("{place} has an unknown element {key:?}; known are {}", known.join(", "))))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_without_a_policys_shape_is_refused_with_its_place() {
        for (wrong, words) in [
            (json!("hello"), "object with Version"),
            (json!({"Version": "2012-10-17"}), "Statement must be"),
            (json!({"Statement": []}), "Statement must be"),
            (json!({"Statement": [{"Effect": "Allow"}, {"Effect": "Maybe"}]}), "Statement[1].Effect"),
            (json!({"Statement": {"Effect": "Allow", "Actions": "s3:*"}}), "\"Actions\""),
            (json!({"Version": "2012-10-18", "Statement": {"Effect": "Allow"}}), "Version \"2012-10-18\" is unknown"),
            (json!({"Statements": []}), "\"Statements\""),
        ] {
            let message = PolicyDocument::from_value(wrong.clone()).expect_err(&wrong.to_string()).to_string();
            assert!(message.contains(words), "{message}");
        }
    }

    #[test]
    fn iams_percent_encoding_is_undone_and_a_plus_sign_stays_one() {
        let doc = json!({"Statement": {"Effect": "Allow", "Action": "sts:AssumeRole",
                         "Condition": {"StringEquals": {"sts:ExternalId": "a+b é"}}}});
        let encoded =
            percent_encoding::utf8_percent_encode(&doc.to_string(), percent_encoding::NON_ALPHANUMERIC).to_string();
        let read = PolicyDocument::from_iam(&encoded.replace("%2B", "+")).expect("a document");
        assert_eq!(read, PolicyDocument::from_value(doc).expect("a document"));
    }

    #[test]
    fn white_space_does_not_count_towards_a_quota() {
        let size = |text: &str| PolicyDocument::from_json(text).map(|d| d.quota_size());
        assert_eq!(
            size(r#"{"Statement":{"Effect":"Allow","Sid":"a b"}}"#),
            size("{ \"Statement\" : {\n \"Effect\": \"Allow\", \"Sid\": \"ab\" } }")
        );
    }

    /// Any JSON, often with the words of a policy.
    fn any_json() -> impl Strategy<Value = Value> {
        let word = || {
            let known = [
                "Version",
                "Statement",
                "Effect",
                "Action",
                "Principal",
                "AWS",
                "Condition",
                "2012-10-17",
                "Allow",
                "*",
            ];
            prop_oneof![3 => prop::sample::select(known.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
        };
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(|number| Value::from(f64::from(number) / 2.0)),
            word().prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 40, 5, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(word(), inner, 0..5)
                    .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into()),
            ]
        })
    }

    /// Policies with anything in their elements.
    fn any_policy() -> impl Strategy<Value = Value> {
        let statement = (any::<bool>(), any_json(), any_json(), any_json(), any_json()).prop_map(
            |(allows, action, resource, principal, condition)| {
                json!({"Effect": if allows { "Allow" } else { "Deny" }, "Action": action, "Resource": resource,
                       "Principal": principal, "Condition": condition})
            },
        );
        prop::collection::vec(statement, 1..3).prop_map(|all| json!({"Version": "2012-10-17", "Statement": all}))
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange_to_be_refused(text in any::<String>(), value in any_json()) {
            let _ = (PolicyDocument::from_json(&text), PolicyDocument::from_iam(&text), PolicyDocument::from_value(value));
        }

        #[test]
        fn a_document_is_read_back_as_it_was_written_also_as_iam_encodes_it(value in any_policy()) {
            let document = PolicyDocument::from_value(value).expect("a policy");
            let text = document.to_json();
            let encoded = percent_encoding::utf8_percent_encode(&text, percent_encoding::NON_ALPHANUMERIC);
            prop_assert_eq!(&PolicyDocument::from_iam(&encoded.to_string()).expect("a policy"), &document);
            prop_assert_eq!(PolicyDocument::from_json(&document.to_json()).expect("a policy"), document);
        }

        #[test]
        fn meaning_the_same_is_an_equivalence(a in any_policy(), b in any_policy(), c in any_policy()) {
            let [a, b, c] = [a, b, c].map(|value| PolicyDocument::from_value(value).expect("a policy"));
            prop_assert!(a == a.clone());
            prop_assert_eq!(a == b, b == a);
            prop_assert!(!(a == b && b == c) || a == c);
        }

        #[test]
        fn what_a_statement_says_can_be_asked_of_any_policy(value in any_policy()) {
            let document = PolicyDocument::from_value(value).expect("a policy");
            for statement in document.statements() {
                let _ = (statement.principals(), statement.conditions().count(), statement.texts("Action"));
                prop_assert!(!statement.denies_everything() || !statement.allows());
            }
            prop_assert!(!document.denies_everything() || document.statements().any(|one| !one.allows()));
        }
    }
}
