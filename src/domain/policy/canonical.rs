//! The canonical form of a policy: equal for documents that IAM treats the same, different for all others.
//!
//! Taken as the same: one value and a list of it; any order of lists, statements and keys; repeated statements; a bare
//! account id and the ARN of its root (IAM user guide, "AWS JSON policy elements: Principal"); booleans and numbers
//! written as strings in conditions; the case of `Effect`, of action names and of condition keys (which IAM compares
//! without case); an empty list and an absent element; an absent `Version` and its default `2008-10-17`.
//! `Version`, `Id`, `Sid`, resources and condition values differ when their text differs. A principal's ARN and its
//! unique id (`AROA…`, `AIDA…`) differ too: IAM shows the id once the principal was deleted, which is drift.

use serde_json::{Map, Value};

use crate::domain::Arn;

/// Brings a document into canonical form.
pub(super) fn canonical(document: &Value) -> Value {
    let Some(object) = document.as_object() else { return document.clone() };
    let mut out = Map::new();
    out.insert("Version".into(), object.get("Version").cloned().unwrap_or_else(|| "2008-10-17".into()));
    if let Some(id) = object.get("Id") {
        out.insert("Id".into(), id.clone());
    }
    let statements = object.get("Statement").map(listed).unwrap_or_default();
    let of_statement = |statement: &&Value| match statement.as_object() {
        Some(elements) => canonical_statement(elements),
        None => (*statement).clone(),
    };
    out.insert("Statement".into(), sorted(statements.iter().map(of_statement).collect()));
    Value::Object(out)
}

/// Brings one statement into canonical form.
pub(super) fn canonical_statement(object: &Map<String, Value>) -> Value {
    let mut out = Map::new();
    for (element, value) in object {
        let value = match element.as_str() {
            "Effect" => lower(value),
            "Action" | "NotAction" => sorted(listed(value).into_iter().map(lower).collect()),
            "Resource" | "NotResource" => sorted(listed(value).into_iter().cloned().collect()),
            "Principal" | "NotPrincipal" => canonical_principals(value),
            "Condition" => canonical_conditions(value),
            _ => value.clone(),
        };
        if !is_empty(&value) {
            out.insert(element.clone(), value);
        }
    }
    Value::Object(out)
}

/// `"*"` and `{"AWS": "*"}` mean the same in the policies IAM holds (Principal element, "All principals").
fn canonical_principals(value: &Value) -> Value {
    let Some(kinds) = value.as_object() else {
        return Value::Object(Map::from_iter([("AWS".to_owned(), sorted(vec![value.clone()]))]));
    };
    kinds
        .iter()
        .map(|(kind, names)| (kind.clone(), sorted(listed(names).into_iter().map(canonical_principal).collect())))
        .filter(|(_, names)| !is_empty(names))
        .collect::<Map<_, _>>()
        .into()
}

/// A whole account: its id and its root ARN, in any partition, are one principal.
fn canonical_principal(value: &Value) -> Value {
    let account = value.as_str().and_then(Arn::split).and_then(|arn| arn.root_account());
    account.map_or_else(|| value.clone(), Value::from)
}

fn canonical_conditions(value: &Value) -> Value {
    let Some(operators) = value.as_object() else { return value.clone() };
    let keys_of = |keys: &Value| -> Value {
        let Some(keys) = keys.as_object() else { return keys.clone() };
        let canonical = |(key, values): (&String, &Value)| {
            (key.to_lowercase(), sorted(listed(values).into_iter().map(as_text).collect()))
        };
        keys.iter().map(canonical).collect::<Map<_, _>>().into()
    };
    operators.iter().map(|(operator, keys)| (operator.clone(), keys_of(keys))).collect::<Map<_, _>>().into()
}

fn listed(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |many| many.iter().collect())
}

fn sorted(mut values: Vec<Value>) -> Value {
    values.sort_by_cached_key(Value::to_string);
    values.dedup();
    Value::Array(values)
}

fn lower(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| text.to_lowercase().into())
}

fn as_text(value: &Value) -> Value {
    match value {
        Value::Bool(flag) => flag.to_string().into(),
        Value::Number(number) => number.to_string().into(),
        other => other.clone(),
    }
}

fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

#[cfg(test)]
mod tests;
