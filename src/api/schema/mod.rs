//! Building blocks of the CRD schemas.
//!
//! A format is checked by a CEL rule instead of a `pattern`, because a rule can say what to write instead. Lengths are
//! bounded everywhere: the API server estimates the cost of each rule from them and refuses a CRD that is too
//! expensive.

mod arn;
mod collection;
mod partition;
mod text;

use schemars::{Schema, SchemaGenerator, json_schema};

pub use arn::{arn_globs, policy_arn, policy_arns, principals, role_arn};
pub use collection::{
    action_globs, conditions, deletion_policies, deletion_policy, inline_policies, label_selector, namespace_names,
    role_name_globs, secret_annotations, secret_labels, source_identity_globs, tag_keys, tags,
};
pub use partition::{boundary_of_region, chain_of_region, globs_of_region};
pub use text::{
    account_id, description, dns_subdomain, external_id, group_name, mount_path, profile, region, role_name, role_path,
    source_identity, user_name,
};

/// A whole number from `MIN` to `MAX`.
///
/// Written out because schemars gives unsigned types a format that Kubernetes does not know and warns about.
pub fn integer<const MIN: u32, const MAX: u32>(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": MIN, "maximum": MAX })
}

/// A number of things.
pub fn count(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "integer", "format": "int32", "minimum": 0 })
}

/// A string of at most `max_length` characters that matches the RE2 `pattern`; `advice` tells what to write instead.
fn text(max_length: u16, pattern: &str, advice: &str) -> Schema {
    json_schema!({
        "type": "string",
        "maxLength": max_length,
        "x-kubernetes-validations": [{ "rule": format!("self.matches(r'{pattern}')"), "message": advice }],
    })
}

/// A list of at most `max_items` different values.
fn set(max_items: u16, items: &Schema) -> Schema {
    json_schema!({
        "type": "array",
        "items": items,
        "maxItems": max_items,
        "x-kubernetes-list-type": "set",
    })
}

/// A map of at most `max_properties` entries whose keys satisfy `rules`, each a CEL expression and its advice.
fn map(max_properties: u16, values: &Schema, rules: &[(&str, &str)]) -> Schema {
    let validations: Vec<_> =
        rules.iter().map(|(rule, advice)| serde_json::json!({ "rule": rule, "message": advice })).collect();
    json_schema!({
        "type": "object",
        "additionalProperties": values,
        "maxProperties": max_properties,
        "x-kubernetes-validations": validations,
    })
}
