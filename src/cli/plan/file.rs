//! The declaration in a file.

use std::fs;
use std::io::{self, Read as _};
use std::path::Path;

use kube::ResourceExt as _;
use serde_json::Value;

use super::error::PlanError;
use crate::api::CrossAccountRole;

/// Reads one object from a file, or from standard input.
pub fn read(path: &Path) -> Result<CrossAccountRole, PlanError> {
    let mut text = String::new();
    let read = match path.to_str() {
        Some("-") => io::stdin().read_to_string(&mut text).map(drop),
        _ => fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|source| PlanError::Read { path: path.to_owned(), source })?;
    parse(&text)
}

/// Every field counts: one that the object does not have is a mistake, which would otherwise look like no change.
fn parse(text: &str) -> Result<CrossAccountRole, PlanError> {
    let no = |why: String| PlanError::NoRole(why);
    let written: Value = serde_saphyr::from_str(text).map_err(|error| no(error.to_string()))?;
    if written["kind"] != "CrossAccountRole" {
        return Err(no(format!("kind is {}", written["kind"])));
    }
    let role: CrossAccountRole = serde_json::from_value(written.clone()).map_err(|error| no(error.to_string()))?;
    let known = serde_json::to_value(&role.spec).map_err(|error| no(error.to_string()))?;
    if let Some(field) = unknown(&written["spec"], &known, "spec") {
        return Err(no(format!("there is no field {field}; `kubectl explain crossaccountrole.spec` lists the fields")));
    }
    if role.metadata.name.is_none() || role.name_any().is_empty() {
        return Err(no("it has no metadata.name".to_owned()));
    }
    Ok(role)
}

/// The first field that was written and not understood. What is empty is left out where an object is written again.
fn unknown(written: &Value, known: &Value, path: &str) -> Option<String> {
    match (written, known) {
        (Value::Object(fields), _) => fields.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            match known.get(key) {
                Some(known) => unknown(value, known, &path),
                None if is_empty(value) => None,
                None => Some(path),
            }
        }),
        (Value::Array(written), Value::Array(known)) => {
            let pairs = written.iter().zip(known).enumerate();
            pairs.into_iter().find_map(|(index, (written, known))| unknown(written, known, &format!("{path}[{index}]")))
        }
        _ => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.values().all(is_empty),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "apiVersion: iam.crossaccount.dev/v1alpha1\nkind: CrossAccountRole\nmetadata: {name: reader}\n";

    #[test]
    fn a_field_that_does_not_exist_is_named_and_an_empty_one_is_no_mistake() {
        for (spec, expected) in [
            ("{accountRef: {name: a}}", None),
            ("{accountRef: {name: a}, sourceGrants: [], role: {tags: {}, description: null}}", None),
            ("{accountRef: {name: a}, role: {inlinePolicies: {p: {Statement: [{Effect: Allow, Sid: x}]}}}}", None),
            ("{accountRef: {name: a}, role: {managedPolicies: [x]}}", Some("spec.role.managedPolicies")),
            (
                "{accountRef: {name: a}, sourceGrants: [{accountRef: {name: b}, usr: c}]}",
                Some("spec.sourceGrants[0].usr"),
            ),
        ] {
            let error = parse(&format!("{ROLE}spec: {spec}")).err().map(|error| error.to_string());
            match (error, expected) {
                (None, None) => {}
                (Some(error), Some(field)) => assert!(error.contains(&format!("no field {field};")), "{error}"),
                (error, _) => panic!("{spec}: {error:?}"),
            }
        }
    }

    #[test]
    fn a_file_with_something_else_is_refused() {
        for text in ["kind: Secret", "a: [", "kind: CrossAccountRole\nspec: {accountRef: {name: a}}", ""] {
            assert!(matches!(parse(text), Err(PlanError::NoRole(_))), "{text:?}");
        }
    }
}
