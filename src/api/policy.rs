//! Policy documents as users write them.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// An IAM policy document, written as a YAML object instead of a string of JSON.
///
/// Its inside is AWS's language, not ours, so the API server keeps whatever it holds; the reconciler parses it.
///
/// It is kept as text: as a tree it takes ten times the memory, and it is a large part of each cached object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Map<String, Value>", into = "Map<String, Value>")]
pub struct PolicyDocumentSource(Box<str>);

impl PolicyDocumentSource {
    /// The document as JSON without white space, its keys in alphabetical order.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

impl From<Map<String, Value>> for PolicyDocumentSource {
    fn from(document: Map<String, Value>) -> Self {
        Self(Value::Object(document).to_string().into())
    }
}

impl From<PolicyDocumentSource> for Map<String, Value> {
    fn from(source: PolicyDocumentSource) -> Self {
        serde_json::from_str(&source.0).unwrap_or_default() // never the default: the text was written from such a map
    }
}

impl JsonSchema for PolicyDocumentSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "PolicyDocumentSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
    }
}
