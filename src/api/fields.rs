//! The page of fields, written from the schemas: what `kubectl explain` shows, in one table for each kind.

use std::fmt::Write as _;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};

use super::{committed, crds};

/// The page that explains every field of both specs, in Markdown.
fn fields_markdown() -> String {
    let mut page = String::from(
        "# Fields\n\n\
         Every field that can be written, and its effect; `kubectl explain awsa.spec` and `kubectl explain car.spec` say the \
         same.\n\
         A value that does not fit is refused by the API server, with the field's name and what to write instead. What only \
         the operator or AWS can\nrefuse shows in the condition `Ready`, whose message names the field.\n",
    );
    for crd in crds() {
        let kind = &crd.spec.names.kind;
        let _ = write!(page, "\n## {kind}\n\n| field | takes | default | effect |\n|---|---|---|---|\n");
        for version in &crd.spec.versions {
            let root = version.schema.as_ref().and_then(|schema| schema.open_api_v3_schema.as_ref());
            if let Some(spec) = root.and_then(|root| root.properties.as_ref()?.get("spec")) {
                rows("spec", spec, &mut page);
                between_fields(spec, &mut page);
            }
        }
    }
    page
}

fn rows(path: &str, schema: &JSONSchemaProps, page: &mut String) {
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        let required = schema.required.iter().flatten().any(|required| required == name);
        let default = match (&field.default, required) {
            // A block is there by default so that the defaults of what is in it are; the fields themselves say them.
            (Some(default), _) if field.properties.is_none() => format!("`{}`", default.0),
            (_, true) => "required".to_owned(),
            _ => String::new(),
        };
        let effect = field.description.as_deref().unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{path}` | {} | {} | {} |", cell(&takes(field)), cell(&default), cell(effect));
        rows(&path, field, page);
        if let Some(items) = items(field) {
            rows(&format!("{path}[]"), items, page);
        }
    }
}

/// The rules of a spec as a whole.
fn between_fields(spec: &JSONSchemaProps, page: &mut String) {
    let rules = rules(spec);
    if !rules.is_empty() {
        page.push_str("\nBetween fields:\n\n");
    }
    for rule in rules {
        // Outside of code, Markdown would take `<accountId>` for a tag.
        let _ = writeln!(page, "* {}", rule.replace('<', "&lt;"));
    }
}

/// Type, bounds, choices and the advice of the rules, on one line.
fn takes(schema: &JSONSchemaProps) -> String {
    let mut parts = vec![kind_of(schema)];
    parts.extend(bounds(schema));
    parts.extend(rules(schema));
    match items(schema) {
        Some(items) if items.properties.is_none() => parts.push(format!("each: {}", takes(items))),
        Some(items) => parts.extend(rules(items).into_iter().map(|rule| format!("each: {rule}"))),
        None => {}
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
        parts.push(format!("each value: {}", takes(values)));
    }
    parts.join("; ")
}

fn kind_of(schema: &JSONSchemaProps) -> String {
    if let Some(choices) = &schema.enum_ {
        let choices: Vec<String> =
            choices.iter().filter_map(|choice| choice.0.as_str()).map(|c| format!("`{c}`")).collect();
        return format!("one of {}", choices.join(", "));
    }
    let is = |wanted: &str| schema.type_.as_deref() == Some(wanted);
    let list = schema.x_kubernetes_list_type.as_deref();
    let word = match () {
        () if is("array") && matches!(list, Some("set" | "map")) => "list without duplicates, in any order",
        () if is("array") => "list",
        () if schema.additional_properties.is_some() => "map",
        () if schema.properties.is_some() => "block",
        () if is("object") => "object",
        () if is("integer") => "whole number",
        () => schema.type_.as_deref().unwrap_or_default(),
    };
    word.to_owned()
}

fn bounds(schema: &JSONSchemaProps) -> Option<String> {
    let range = |min: Option<i64>, max: Option<i64>, unit: &str| match (min.filter(|min| *min > 0), max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
        (None, Some(max)) => Some(format!("up to {max}{unit}")),
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, None) => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "the schemas have whole numbers")]
    let whole = |bound: Option<f64>| bound.map(|bound| bound as i64);
    range(whole(schema.minimum), whole(schema.maximum), "")
        .or_else(|| range(schema.min_length, schema.max_length, " characters"))
        .or_else(|| range(schema.min_items, schema.max_items, ""))
        .or_else(|| range(None, schema.max_properties, ""))
}

fn rules(schema: &JSONSchemaProps) -> Vec<String> {
    schema.x_kubernetes_validations.iter().flatten().filter_map(|rule| rule.message.clone()).collect()
}

fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items),
        _ => None,
    }
}

/// A table has one line for each row, and a bar ends a cell.
fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

#[test]
fn the_committed_page_of_fields_is_what_the_schemas_say() {
    committed::check("docs/fields.md", &fields_markdown());
}

#[test]
fn every_field_says_what_it_does() {
    let page = fields_markdown();
    let silent: Vec<&str> = page.lines().filter(|line| line.starts_with("| `") && line.ends_with("|  |")).collect();
    assert!(silent.is_empty(), "fields without a doc comment: {silent:?}");
}
