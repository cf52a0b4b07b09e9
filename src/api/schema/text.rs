//! Formats of single strings. Limits and character sets: AWS API references of IAM and STS, unless said otherwise.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::text;

/// Name of a Kubernetes object (RFC 1123 subdomain), as RE2.
const DNS_SUBDOMAIN: &str = "[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*";

/// Key of a label or annotation, as RE2: a name of up to 63 characters, a DNS name and `/` before it if any.
pub(super) fn metadata_key() -> String {
    format!("^({DNS_SUBDOMAIN}/)?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?$")
}

/// Id of an AWS account.
pub fn account_id(_: &mut SchemaGenerator) -> Schema {
    text(32, "^[0-9]{12}$", r#"must be an AWS account id: 12 digits in quotes, such as "222222222222""#)
}

/// Code of an AWS region.
pub fn region(_: &mut SchemaGenerator) -> Schema {
    text(32, "^[a-z]{2,4}(-[a-z]+)+-[0-9]{1,2}$", "must be the code of an AWS region, such as eu-west-1")
}

/// External id of an AssumeRole call.
pub fn external_id(_: &mut SchemaGenerator) -> Schema {
    let mut schema =
        text(1224, r"^[\w+=,.@:/-]+$", "an external id has 2 to 1224 letters, digits and _ + = , . @ : / -");
    schema.insert("minLength".into(), 2.into());
    schema
}

/// Name of an IAM role. 64 characters.
pub fn role_name(_: &mut SchemaGenerator) -> Schema {
    iam_name(64, "a role name has 1 to 64 letters, digits and _ + = , . @ -")
}

/// Name of an IAM user. 64 characters.
pub fn user_name(_: &mut SchemaGenerator) -> Schema {
    iam_name(64, "a user name has 1 to 64 letters, digits and _ + = , . @ -, without the path")
}

/// Name of an IAM group. 128 characters.
pub fn group_name(_: &mut SchemaGenerator) -> Schema {
    iam_name(128, "a group name has 1 to 128 letters, digits and _ + = , . @ -, without the path")
}

fn iam_name(max_length: u16, advice: &str) -> Schema {
    text(max_length, r"^[\w+=,.@-]+$", advice)
}

/// Path of IAM roles. Narrower than IAM's own set, so that a path never reads as a glob inside a policy.
pub fn role_path(_: &mut SchemaGenerator) -> Schema {
    text(
        512,
        r"^/([\w+=,.@-]+/)*$",
        "rolePath begins and ends with / and has letters, digits and _ + = , . @ - between, such as /crossaccount/",
    )
}

/// Description of an IAM role.
pub fn description(_: &mut SchemaGenerator) -> Schema {
    text(
        1000,
        r"^[\t\n\r\x20-\x7E\x{A1}-\x{FF}]*$",
        "a description has only Latin-1 characters: IAM takes no others, such as typographic quotes and dashes",
    )
}

/// Source identity of an STS session.
pub fn source_identity(_: &mut SchemaGenerator) -> Schema {
    text(64, r"^[\w+=,.@-]{2,}$", "sourceIdentity has 2 to 64 letters, digits and _ + = , . @ -")
}

/// Name of an INI section in a file of AWS profiles.
pub fn profile(_: &mut SchemaGenerator) -> Schema {
    text(64, "^[A-Za-z0-9_.-]+$", "profile has 1 to 64 letters, digits and _ . -")
}

/// Where a pod mounts the Secret. Part of the `credential_process` command line, so nothing that a shell or an INI
/// parser could take for more than a path gets through.
pub fn mount_path(_: &mut SchemaGenerator) -> Schema {
    text(
        1024,
        "^(/[.]?[A-Za-z0-9_-][A-Za-z0-9_.-]*)+$",
        "mountPath is an absolute path of letters, digits and _ . - between single slashes, \
         without . or .. as a segment and without a slash at the end, such as /var/run/secrets/aws",
    )
}

/// Name of a Kubernetes object.
pub fn dns_subdomain(_: &mut SchemaGenerator) -> Schema {
    text(
        253,
        &format!("^{DNS_SUBDOMAIN}$"),
        "a name has up to 253 lowercase letters, digits, - and . and begins and ends with a letter or digit",
    )
}

/// Name of a namespace (RFC 1123 label).
pub(super) fn dns_label() -> Schema {
    text(
        63,
        "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        "a namespace name has up to 63 lowercase letters, digits and - and begins and ends with a letter or digit",
    )
}

/// Value of a tag on a role or session: letters, digits and spaces of any script, and `_ . : / = + - @`. May be empty.
pub(super) fn tag_value() -> Schema {
    text(256, r"^[\p{L}\p{Z}\p{N}_.:/=+@-]*$", "a tag value has up to 256 letters, digits, spaces and _ . : / = + - @")
}

/// Glob of IAM actions.
pub(super) fn action_glob() -> Schema {
    text(
        128,
        "^([*]|[A-Za-z0-9*?-]+:[A-Za-z0-9*?]+)$",
        "must be an action or a glob of actions, such as s3:GetObject, s3:Get* or *",
    )
}

/// Glob of names in the alphabet of IAM, in which `{namespace}` stands for the namespace of an object.
pub(super) fn name_glob(advice: &str) -> Schema {
    text(128, r"^([\w+=,.@*?-]|[{]namespace[}])+$", advice)
}

/// Value of a label (Kubernetes API reference).
pub(super) fn label_value() -> Schema {
    text(
        63,
        "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$",
        "a label value has up to 63 letters, digits and - _ . and begins and ends with a letter or digit",
    )
}

/// Value of an annotation. Kubernetes limits all annotations of an object to 256 KiB together.
pub(super) fn annotation_value() -> Schema {
    json_schema!({ "type": "string", "maxLength": 4096 })
}
