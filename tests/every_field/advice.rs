//! Whether a refusal of the API server helps: it names the field and says what to write.

use kube::core::{Status, response::StatusCause};
use serde::de::IgnoredAny;

use super::field::Field;

/// What is wrong about a refusal, if anything.
pub fn fault(status: &Status, field: &Field) -> Option<String> {
    let causes = status.details.as_ref().map(|details| details.causes.as_slice()).unwrap_or_default();
    let helps = causes.iter().any(|cause| names(cause, field) && advises(cause));
    (!helps).then(|| format!("the message names no field, or not what to write: {}", shortened(&status.message)))
}

/// The field itself, something in it, or a block around it with the field's name in the text.
fn names(cause: &StatusCause, field: &Field) -> bool {
    let at = without_places(&cause.field);
    let path = without_places(&field.path);
    let inside = |outer: &str, inner: &str| {
        inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    !at.is_empty() && (inside(&path, &at) || inside(&at, &path) && cause.message.contains(field.name()))
}

/// `spec.access.chain[0].roleArn` as `spec.access.chain.roleArn`.
fn without_places(path: &str) -> String {
    path.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

/// Some words of the API server say by themselves what is wrong; after "Invalid value" and the value there must be more.
fn advises(cause: &StatusCause) -> bool {
    const CLEAR: [&str; 4] = ["Required value", "Duplicate value", "Unsupported value", "Too "];
    let Some(rest) = cause.message.strip_prefix("Invalid value: ") else {
        return CLEAR.iter().any(|clear| cause.message.starts_with(clear));
    };
    let mut value = serde_json::Deserializer::from_str(rest).into_iter::<IgnoredAny>();
    let advice = value.next().map_or(rest, |_| &rest[value.byte_offset()..]);
    advice.split_whitespace().count() > 3
}

/// Values may be as long as a test makes them.
pub fn shortened(text: &str) -> String {
    let short: String = text.chars().take(400).collect();
    if short.len() < text.len() { format!("{short}…") } else { short }
}
