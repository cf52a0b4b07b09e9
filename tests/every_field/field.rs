//! Every field of the specs, found in the CRDs.

use crossaccount::api::crds;
use serde_json::Value;

/// Which of the two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// `AWSAccount`.
    Account,
    /// `CrossAccountRole`.
    Role,
}

/// A field that somebody can write.
#[derive(Clone, Debug)]
pub struct Field {
    /// Kind of the object.
    pub kind: Kind,
    /// Path from the object's root, such as `spec.access.chain[].roleArn`; an item of a list is `[]`.
    pub path: String,
    /// Its part of the schema.
    pub schema: Value,
    /// Whether its parent is invalid without it.
    pub required: bool,
    /// Whether a rule keeps it as it was set when the object was created.
    pub immutable: bool,
}

impl Field {
    /// Path of the field in the first item of each list that it is in.
    pub fn place(&self) -> String {
        self.path.replace("[]", "[0]")
    }

    /// Its own name, without the path.
    pub fn name(&self) -> &str {
        self.path.rsplit('.').next().unwrap_or(&self.path)
    }

    /// What an object has that does not set the field: its default, or nothing.
    pub fn default(&self) -> &Value {
        &self.schema["default"]
    }
}

/// All fields of both kinds.
///
/// A block such as `spec.role` is no field of its own; one whose absence means something, such as
/// `spec.allowedNamespaces`, is.
pub fn fields() -> Vec<Field> {
    let mut found = Vec::new();
    for (kind, crd) in [Kind::Account, Kind::Role].into_iter().zip(crds()) {
        let crd = serde_json::to_value(crd).unwrap();
        let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"];
        within(kind, "spec", spec, false, &mut found);
    }
    found
}

fn within(kind: Kind, path: &str, block: &Value, immutable: bool, found: &mut Vec<Field>) {
    for (name, schema) in block["properties"].as_object().into_iter().flatten() {
        let field = Field {
            kind,
            path: format!("{path}.{name}"),
            schema: schema.clone(),
            required: block["required"].as_array().is_some_and(|list| list.contains(&name.as_str().into())),
            immutable: immutable
                || transitions(schema).any(|rule| rule == "self == oldSelf")
                || transitions(block).any(|rule| rule.contains(&format!("self.{name} == oldSelf.{name}"))),
        };
        let (path, immutable) = (field.path.clone(), field.immutable);
        let is_block = schema["properties"].is_object();
        if !is_block || !field.required && schema.get("default").is_none() {
            found.push(field);
        }
        within(kind, &path, schema, immutable, found);
        within(kind, &format!("{path}[]"), &schema["items"], immutable, found);
    }
}

/// The rules of a schema that compare an object with what it was before.
fn transitions(schema: &Value) -> impl Iterator<Item = &str> {
    let rules = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    rules.filter_map(|rule| rule["rule"].as_str()).filter(|rule| rule.contains("oldSelf"))
}
