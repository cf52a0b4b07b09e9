//! Lists and maps.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::text::{action_glob, annotation_value, dns_label, label_value, metadata_key, name_glob, tag_value};
use super::{map, set, text};
use crate::api::PolicyDocumentSource;

/// Up to `MAX` tags of a role or session: keys of 1 to 128 characters, none of them reserved.
pub fn tags<const MAX: u16>(_: &mut SchemaGenerator) -> Schema {
    map(
        MAX,
        &tag_value(),
        &[
            (
                r"self.all(key, key.matches(r'^[\p{L}\p{Z}\p{N}_.:/=+@-]{1,128}$'))",
                "a tag key has 1 to 128 letters, digits, spaces and _ . : / = + - @",
            ),
            (
                "self.all(key, !key.matches(r'^(?i:aws:|crossaccount[.]dev/)'))",
                "tag keys that begin with aws: (any case) or crossaccount.dev/ are reserved: use another prefix",
            ),
            (
                "self.all(key, self.exists_one(other, other.lowerAscii() == key.lowerAscii()))",
                "AWS compares tag keys without case: keep one of the keys that differ only in case",
            ),
        ],
    )
}

/// Up to 50 keys of session tags.
pub fn tag_keys(_: &mut SchemaGenerator) -> Schema {
    set(50, &json_schema!({ "type": "string", "minLength": 1, "maxLength": 128 }))
}

/// Up to 500 names of namespaces.
pub fn namespace_names(_: &mut SchemaGenerator) -> Schema {
    set(500, &dns_label())
}

/// Up to 200 globs of actions.
pub fn action_globs(_: &mut SchemaGenerator) -> Schema {
    set(200, &action_glob())
}

/// Up to 100 globs of role names.
pub fn role_name_globs(_: &mut SchemaGenerator) -> Schema {
    set(100, &name_glob("must be a role name or a glob of names, such as {namespace}-* or reports-reader"))
}

/// Up to 100 globs of source identities.
pub fn source_identity_globs(_: &mut SchemaGenerator) -> Schema {
    set(100, &name_glob("must be a source identity or a glob of them, such as {namespace} or ci-*"))
}

/// A value of `deletionPolicy`. The derived schema of an optional enum has the enum's description in place of the field's.
pub fn deletion_policy(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "enum": ["Delete", "Retain"] })
}

/// Values of `deletionPolicy`.
pub fn deletion_policies(generator: &mut SchemaGenerator) -> Schema {
    set(2, &deletion_policy(generator))
}

/// Up to 20 inline policies by name. The policies of a role have 10,240 characters together, so more would not fit.
pub fn inline_policies(generator: &mut SchemaGenerator) -> Schema {
    map(
        20,
        &PolicyDocumentSource::json_schema(generator),
        &[
            (
                r"self.all(name, name.matches(r'^[\w+=,.@-]{1,128}$'))",
                "a policy name has 1 to 128 letters, digits and _ + = , . @ -",
            ),
            (
                "self.all(name, !name.lowerAscii().startsWith('crossaccount-'))",
                "policy names that begin with crossaccount- are the operator's own: use another name",
            ),
        ],
    )
}

/// Conditions of a trust statement: operator, then condition key, then a value or a list of values.
///
/// The API server keeps the inner map as it is: AWS takes strings, numbers and booleans there, alone or in lists, and a
/// structural schema cannot say that.
pub fn conditions(_: &mut SchemaGenerator) -> Schema {
    map(
        20,
        &json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true }),
        &[(
            "self.all(operator, operator.matches('^((ForAllValues|ForAnyValue):)?[A-Za-z]{1,64}$'))",
            "must be an IAM condition operator, such as Bool, StringEquals or ForAnyValue:StringLike",
        )],
    )
}

/// Up to 50 labels for the Secret, none of the operator's own.
pub fn secret_labels(_: &mut SchemaGenerator) -> Schema {
    secret_metadata(&label_value())
}

/// Up to 50 annotations for the Secret, none of the operator's own.
pub fn secret_annotations(_: &mut SchemaGenerator) -> Schema {
    secret_metadata(&annotation_value())
}

fn secret_metadata(values: &Schema) -> Schema {
    let legal = format!("self.all(key, key.matches(r'{}') && key.indexOf('/') <= 253)", metadata_key());
    map(
        50,
        values,
        &[
            (
                &legal,
                "a key has up to 63 letters, digits and - _ . and begins and ends with a letter or digit; \
                 a DNS name of up to 253 characters and / may stand before it",
            ),
            (
                "self.all(key, !key.startsWith('iam.crossaccount.dev/') && key != 'app.kubernetes.io/managed-by')",
                "app.kubernetes.io/managed-by and keys that begin with iam.crossaccount.dev/ are set by the operator: \
                 use another key",
            ),
        ],
    )
}

const LABEL_KEY_ADVICE: &str = "must be the key of a label, such as team or example.com/team";

/// A label selector that Kubernetes can evaluate. The type's own schema accepts operators that do not exist.
pub fn label_selector(_: &mut SchemaGenerator) -> Schema {
    let mut label_key = text(317, &metadata_key(), LABEL_KEY_ADVICE);
    label_key.insert("description".into(), "Key of the label.".into());
    let legal = format!("self.all(key, key.matches(r'{}') && key.indexOf('/') <= 253)", metadata_key());
    let mut match_labels = map(50, &label_value(), &[(&legal, LABEL_KEY_ADVICE)]);
    match_labels.insert("description".into(), "Labels that a namespace must have.".into());
    json_schema!({
        "type": "object",
        "x-kubernetes-map-type": "atomic",
        "properties": {
            "matchLabels": match_labels,
            "matchExpressions": {
                "description": "Conditions that the labels of a namespace must meet, all of them.",
                "type": "array",
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": label_key,
                        "operator": {
                            "description": "In or NotIn (one of `values`), Exists or DoesNotExist (no `values`).",
                            "type": "string",
                            "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                        },
                        "values": {
                            "description": "Values of the label; for In and NotIn only.",
                            "type": "array",
                            "maxItems": 50,
                            "items": label_value(),
                        },
                    },
                    "x-kubernetes-validations": [{
                        "rule": "(self.operator in ['In', 'NotIn']) == (has(self.values) && self.values.size() > 0)",
                        "message": "operators In and NotIn need values, Exists and DoesNotExist take none",
                    }],
                },
            },
        },
    })
}
