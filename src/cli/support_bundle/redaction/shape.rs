//! What of an object may be shown: a list of what stays, and everything else is removed.

use serde_json::{Map, Value, json};

use super::cleaner::{Cleaner, REMOVED};

/// What of a value may be shown.
pub enum Shape {
    /// All of it, with its texts cleaned and without the values of fields that are [secret by name](is_secret_name).
    Kept,
    /// These fields. Others keep their name.
    Fields(&'static [(&'static str, &'static Shape)]),
    /// As [`Kept`](Self::Kept), but for these fields.
    But(&'static [(&'static str, &'static Shape)]),
    /// A list of such.
    Each(&'static Shape),
    /// A map of which the values of some keys may be shown.
    Values(fn(&str) -> bool),
    /// The environment of a container: a list of which the values of some names may be shown.
    Environment(fn(&str) -> bool),
    /// Nothing, and not even that it is there.
    Nothing,
}

/// The part of a value that may be shown.
#[must_use]
pub fn shaped(shape: &Shape, value: &Value, cleaner: &Cleaner) -> Value {
    match (shape, value) {
        (Shape::Kept, _) => kept(value, cleaner),
        (Shape::Fields(fields), Value::Object(map)) => of_fields(map, cleaner, |name, value| match of(fields, name) {
            Some(Shape::Nothing) => None,
            Some(shape) => Some(shaped(shape, value, cleaner)),
            None => Some(removed(value)),
        }),
        (Shape::But(fields), Value::Object(map)) => of_fields(map, cleaner, |name, value| match of(fields, name) {
            Some(Shape::Nothing) => None,
            Some(shape) => Some(shaped(shape, value, cleaner)),
            None => Some(field(name, value, cleaner)),
        }),
        (Shape::Each(shape), Value::Array(items)) => items.iter().map(|item| shaped(shape, item, cleaner)).collect(),
        (Shape::Values(is_known), Value::Object(map)) => of_fields(map, cleaner, |name, value| {
            Some(if is_known(name) { kept(value, cleaner) } else { removed(value) })
        }),
        (Shape::Environment(is_known), Value::Array(items)) => {
            items.iter().map(|item| variable(item, *is_known, cleaner)).collect()
        }
        // Of another type than expected, so nobody knows what it is.
        _ => removed(value),
    }
}

/// Whether the values of fields of this name are secret, wherever they are.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    const NAMES: [&str; 8] = [
        "externalid",
        "sts:externalid",
        "secretaccesskey",
        "sessiontoken",
        "password",
        "clientsecret",
        "apikey",
        "privatekey",
    ];
    let plain: String = name.to_ascii_lowercase().chars().filter(|letter| !"-_".contains(*letter)).collect();
    NAMES.contains(&plain.as_str())
}

fn kept(value: &Value, cleaner: &Cleaner) -> Value {
    match value {
        Value::String(text) => json!(cleaner.clean(text)),
        Value::Array(items) => items.iter().map(|item| kept(item, cleaner)).collect(),
        Value::Object(map) => of_fields(map, cleaner, |name, value| Some(field(name, value, cleaner))),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

fn field(name: &str, value: &Value, cleaner: &Cleaner) -> Value {
    if is_secret_name(name) { removed(value) } else { kept(value, cleaner) }
}

/// An entry of the environment. What it says of the source of its value is a reference.
fn variable(entry: &Value, is_known: fn(&str) -> bool, cleaner: &Cleaner) -> Value {
    let Value::Object(map) = entry else { return removed(entry) };
    let is_known = map.get("name").and_then(Value::as_str).is_some_and(is_known);
    of_fields(map, cleaner, |name, value| match name {
        "name" | "valueFrom" => Some(kept(value, cleaner)),
        "value" if is_known => Some(kept(value, cleaner)),
        _ => Some(removed(value)),
    })
}

/// What a list of fields says of the one of this name.
fn of(fields: &[(&str, &'static Shape)], name: &str) -> Option<&'static Shape> {
    fields.iter().find(|(field, _)| *field == name).map(|(_, shape)| *shape)
}

/// A map with what is shown of each field.
fn of_fields(map: &Map<String, Value>, cleaner: &Cleaner, shown: impl Fn(&str, &Value) -> Option<Value>) -> Value {
    let fields = map.iter().filter_map(|(name, value)| Some((cleaner.clean(name), shown(name, value)?)));
    Value::Object(fields.collect())
}

/// An empty value has no secret.
fn removed(value: &Value) -> Value {
    let is_empty = match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if is_empty { value.clone() } else { json!(REMOVED) }
}
