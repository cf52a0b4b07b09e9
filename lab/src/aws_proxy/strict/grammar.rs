//! What IAM accepts as a policy document (IAM user guide, "Grammar of the IAM JSON policy language").

use serde_json::{Map, Value};

use super::{
    condition::{Operator, texts},
    evaluate::statements,
};

/// Where a document is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Trust policy of a role: has principals, no resources, and only the actions by which roles are assumed.
    Trust,
    /// Inline or managed policy of an identity: has resources, no principals.
    Identity,
}

/// Parses a document, or says in IAM's words what is wrong with it.
pub(crate) fn parse(kind: Kind, text: &str) -> Result<Value, String> {
    let document: Value = serde_json::from_str(text).map_err(|_| "This policy contains invalid Json".to_owned())?;
    let Some(fields) = document.as_object() else { return Err(SYNTAX.into()) };
    only(fields, &["Version", "Id", "Statement"])?;
    if fields.get("Version").is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
        return Err("The policy must contain a valid version string".into());
    }
    if !fields.contains_key("Statement") || statements(&document).is_empty() {
        return Err("Missing required field Statement".into());
    }
    let mut ids = Vec::new();
    for statement in statements(&document) {
        check(kind, statement.as_object().ok_or(SYNTAX)?)?;
        ids.extend(statement["Sid"].as_str().filter(|id| !id.is_empty()));
    }
    let count = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < count {
        return Err("Statement IDs (SID) in a single policy must be unique.".into());
    }
    Ok(document)
}

const SYNTAX: &str = "Syntax errors in policy.";

fn check(kind: Kind, statement: &Map<String, Value>) -> Result<(), String> {
    only(
        statement,
        &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"],
    )?;
    let has = |name: &str| statement.contains_key(name);
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(if has("Effect") { SYNTAX.into() } else { missing("Effect") });
    }
    if !id_is_plain(statement.get("Sid")) {
        return Err("Statement IDs (SID) should be alpha-numeric.".into());
    }
    match (has("Action"), has("NotAction")) {
        (true, true) => return Err(SYNTAX.into()),
        (false, false) => return Err(missing("Action")),
        _ => {}
    }
    let actions = [statement.get("Action"), statement.get("NotAction")].into_iter().flatten().flat_map(texts);
    let mut actions = actions.collect::<Vec<_>>().into_iter();
    match kind {
        Kind::Trust => {
            for prohibited in ["Resource", "NotResource"] {
                if has(prohibited) {
                    return Err(format!("Has prohibited field {prohibited}"));
                }
            }
            if !has("Principal") && !has("NotPrincipal") {
                return Err(missing("Principal"));
            }
            if !actions.all(|action| action.to_ascii_lowercase().starts_with("sts:")) {
                return Err("AssumeRole policy may only specify STS AssumeRole actions.".into());
            }
        }
        Kind::Identity => {
            if has("Principal") || has("NotPrincipal") {
                return Err("Policy document should not specify a principal.".into());
            }
            if has("Resource") == has("NotResource") {
                return Err(if has("Resource") {
                    SYNTAX.into()
                } else {
                    "Policy statement must contain resources.".into()
                });
            }
            if !actions
                .all(|action| action == "*" || action.split_once(':').is_some_and(|(vendor, _)| !vendor.is_empty()))
            {
                return Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".into());
            }
            let mut resources =
                [statement.get("Resource"), statement.get("NotResource")].into_iter().flatten().flat_map(texts);
            if let Some(resource) = resources.find(|resource| resource != "*" && !resource.starts_with("arn:")) {
                return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
            }
        }
    }
    conditions(statement.get("Condition"))
}

fn conditions(conditions: Option<&Value>) -> Result<(), String> {
    let Some(conditions) = conditions else { return Ok(()) };
    for (operator, keys) in conditions.as_object().ok_or(SYNTAX)? {
        if Operator::parse(operator).is_none() {
            return Err(format!("Invalid Condition type : {operator}."));
        }
        keys.as_object().ok_or(SYNTAX)?;
    }
    Ok(())
}

fn only(fields: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    if fields.keys().all(|name| known.contains(&name.as_str())) { Ok(()) } else { Err(SYNTAX.into()) }
}

fn missing(field: &str) -> String {
    format!("Missing required field {field}")
}

fn id_is_plain(id: Option<&Value>) -> bool {
    id.is_none_or(|id| id.as_str().is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_alphanumeric())))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn complaint(kind: Kind, statement: &Value) -> Option<String> {
        parse(kind, &json!({"Version": "2012-10-17", "Statement": statement}).to_string()).err()
    }

    fn trust() -> Value {
        json!({"Effect": "Allow", "Principal": {"AWS": "111111111111"}, "Action": "sts:AssumeRole"})
    }

    fn with(mut statement: Value, field: &str, value: Value) -> Value {
        statement[field] = value;
        statement
    }

    fn without(mut statement: Value, field: &str) -> Value {
        statement.as_object_mut().unwrap().remove(field);
        statement
    }

    #[test]
    fn a_trust_policy_has_principals_no_resources_and_only_assume_role_actions() {
        assert_eq!(complaint(Kind::Trust, &trust()), None);
        for bad in [
            with(trust(), "Resource", json!("*")),
            without(trust(), "Principal"),
            without(trust(), "Action"),
            with(trust(), "Action", json!("s3:GetObject")),
            with(trust(), "Effect", json!("allow")),
            with(trust(), "Sid", json!("not plain")),
            with(trust(), "Condition", json!({"StringSimilar": {"a": "b"}})),
            with(trust(), "Extra", json!(1)),
            json!([]),
        ] {
            assert!(complaint(Kind::Trust, &bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn an_identity_policy_has_resources_and_no_principals() {
        let good = json!({"Effect": "Allow", "Action": ["s3:Get*", "*"], "Resource": "arn:aws:s3:::b/*"});
        assert_eq!(complaint(Kind::Identity, &good), None);
        for bad in [
            with(good.clone(), "Principal", json!("*")),
            without(good.clone(), "Resource"),
            with(good.clone(), "Action", json!("GetObject")),
            with(good.clone(), "Resource", json!("bucket")),
        ] {
            assert!(complaint(Kind::Identity, &bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn what_is_not_json_is_refused_and_so_is_an_unknown_version() {
        assert!(parse(Kind::Trust, "{not json").is_err());
        assert!(parse(Kind::Trust, &json!({"Version": "2026-01-01", "Statement": trust()}).to_string()).is_err());
    }

    #[test]
    fn statement_ids_are_unique() {
        let statement = with(trust(), "Sid", json!("One"));
        assert!(complaint(Kind::Trust, &json!([statement, statement])).is_some());
    }
}
