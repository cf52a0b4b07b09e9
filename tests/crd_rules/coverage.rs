//! Whether the cases leave out anything that the schemas declare.

use crossaccount::api::crds;
use serde_json::Value;

use super::case::Refusal;

/// What the specs in the CRDs forbid and none of `refusals` shows.
pub fn uncovered(refusals: &[Refusal]) -> Vec<String> {
    let mut declared = Vec::new();
    for crd in crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        collect(spec, "spec", &mut declared);
    }
    let shown = |(path, text): &(String, String)| {
        refusals.iter().any(|refusal| without_keys(&refusal.at) == *path && text.contains(&refusal.says))
    };
    declared.iter().filter(|prohibition| !shown(prohibition)).map(|(path, text)| format!("{path}: {text}")).collect()
}

/// Collects everything a schema forbids, as path and as text that the API server answers with.
fn collect(schema: &Value, path: &str, declared: &mut Vec<(String, String)>) {
    let mut declare = |path: &str, text: String| declared.push((path.into(), text));
    for rule in elements(&schema["x-kubernetes-validations"]) {
        declare(path, rule["message"].as_str().unwrap().into());
    }
    for (keyword, text) in [
        ("maxLength", "may not be more than {} bytes"),
        ("minLength", "should be at least {} chars long"),
        ("maximum", "should be less than or equal to {}"),
        ("minimum", "should be greater than or equal to {}"),
        ("maxItems", "must have at most {} items"),
        ("minItems", "should have at least {} items"),
        ("maxProperties", "must have at most {} items"),
    ] {
        if let Some(bound) = schema[keyword].as_f64() {
            declare(path, text.replace("{}", &bound.to_string()));
        }
    }
    if schema["enum"].is_array() {
        declare(path, "Unsupported value".into());
    }
    if ["set", "map"].map(Value::from).contains(&schema["x-kubernetes-list-type"]) {
        declare(&format!("{path}[]"), "Duplicate value".into());
    }
    for field in elements(&schema["required"]) {
        declare(&format!("{path}.{}", field.as_str().unwrap()), "Required value".into());
    }

    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        collect(property, &format!("{path}.{name}"), declared);
    }
    for inner in ["items", "additionalProperties"] {
        if schema[inner].is_object() {
            collect(&schema[inner], &format!("{path}[]"), declared);
        }
    }
}

fn elements(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The path with every index and every key of a map left out.
fn without_keys(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect::<Vec<_>>().join("[]")
}
