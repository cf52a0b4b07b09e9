//! Policy documents as clients see them and as MiniStack keeps them.
//!
//! Two things are added on the way in and taken away on the way out, so that MiniStack can do what it does not know:
//! * `aws:SourceIdentity` is kept as the principal tag of that name, which no client can set (tag keys may not begin with
//!   `aws:`). A session with a source identity carries the tag.
//! * Each trust policy ends with a door: a statement that lets the proxy's own account assume the role, for sessions that
//!   AWS grants and MiniStack does not.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Value, json};

use super::super::{upstream::OUTSIDER, xml};

/// The tag that holds a session's source identity in MiniStack.
pub(crate) const SOURCE_IDENTITY_TAG: &str = "aws:SourceIdentity";
const SOURCE_IDENTITY: &str = "aws:SourceIdentity";
const SOURCE_IDENTITY_KEPT: &str = "aws:PrincipalTag/aws:SourceIdentity";

/// What RFC 3986 escapes, and so IAM and MiniStack in the documents they return.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

fn door() -> Value {
    json!({"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{OUTSIDER}:root")}, "Action": "sts:*"})
}

/// A trust policy as MiniStack keeps it.
pub(crate) fn kept_trust(trust: &Value) -> String {
    let mut kept = trust.clone();
    let mut statements = super::evaluate::statements(trust).to_vec();
    statements.push(door());
    kept["Statement"] = statements.into();
    kept_identity(&kept.to_string())
}

/// An identity or session policy as MiniStack keeps it.
pub(crate) fn kept_identity(document: &str) -> String {
    let key = format!("\"{SOURCE_IDENTITY}\"").to_ascii_lowercase();
    let (mut kept, mut rest, mut lower) = (String::new(), document, &*document.to_ascii_lowercase());
    while let Some(at) = lower.find(&key) {
        kept.extend([&rest[..at], "\"", SOURCE_IDENTITY_KEPT, "\""]);
        (rest, lower) = (&rest[at + key.len()..], &lower[at + key.len()..]);
    }
    kept + rest
}

/// An answer of IAM with its documents as clients see them.
pub(crate) fn shown(answer: &str) -> String {
    answer
        .replace(&escape(&format!(",{}", door())), "")
        .replace(&escape(SOURCE_IDENTITY_KEPT), &escape(SOURCE_IDENTITY))
}

/// A description of a role with this trust policy in it.
pub(crate) fn with_trust(role: &str, trust: &Value) -> String {
    match xml::element(role, "AssumeRolePolicyDocument") {
        Some(old) => role.replacen(old, &escape(&trust.to_string()), 1),
        None => role.to_owned(),
    }
}

/// Reads a document out of an answer, as clients see it; `null` if it is none.
pub(crate) fn read(escaped: &str) -> Value {
    let text = shown(escaped);
    let text = percent_decode_str(&text).decode_utf8_lossy();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The length of a document as IAM counts it: "IAM doesn't count white space when calculating the size of a policy"
/// (IAM user guide, "IAM and STS quotas").
pub(crate) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trust() -> Value {
        json!({"Statement": {
            "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:sourceidentity": "é \"x\""}},
        }})
    }

    #[test]
    fn what_is_kept_is_shown_as_it_was_meant() {
        let mut meant = trust();
        meant["Statement"] = json!([{
            "Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"aws:SourceIdentity": "é \"x\""}},
        }]);
        assert_eq!(read(&escape(&kept_trust(&trust()))), meant);
    }

    #[test]
    fn the_source_identity_key_is_kept_as_a_tag_whatever_its_case() {
        let kept = kept_identity(
            r#"{"Condition": {"StringLike": {"AWS:SourceIdentity": "a*"}, "Null": {"aws:sourceIdentity": "false"}}}"#,
        );
        assert_eq!(kept.matches(SOURCE_IDENTITY_KEPT).count(), 2);
        assert!(!kept.contains("AWS:SourceIdentity"));
    }

    #[test]
    fn white_space_does_not_count() {
        assert_eq!(size("{ \"a\":\n \"b c\" }"), 10);
    }
}
