//! Names, keys and values as Kubernetes takes them (Kubernetes documentation, "Object Names and IDs" and "Labels and
//! Selectors").

/// Whether the API server could know an object of this name: an RFC 1123 subdomain.
///
/// Admission lets no other through, but it is not the boundary: the name becomes part of a path, and must not lead out of the
/// namespace.
#[must_use]
pub fn is_object_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    name.len() <= 253 && name.split('.').all(|label| is_word(label, |b| letter(b) || b == b'-', letter))
}

/// Whether a label or annotation may have this key: a name of up to 63 characters, and before it perhaps a subdomain and `/`.
#[must_use]
pub fn is_metadata_key(key: &str) -> bool {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    prefix.is_none_or(is_object_name) && is_qualified(name)
}

/// Whether a label may have this value: up to 63 characters, or none.
#[must_use]
pub fn is_label_value(value: &str) -> bool {
    value.is_empty() || is_qualified(value)
}

fn is_qualified(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    name.len() <= 63 && is_word(name, inner, |b| b.is_ascii_alphanumeric())
}

/// Whether it is not empty, begins and ends with `outer`, and has only `inner`.
fn is_word(text: &str, inner: impl Fn(u8) -> bool, outer: impl Fn(u8) -> bool) -> bool {
    let ends = text.as_bytes().first().zip(text.as_bytes().last());
    ends.is_some_and(|(first, last)| outer(*first) && outer(*last)) && text.bytes().all(inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keys_and_values_are_those_of_kubernetes() {
        for name in ["a", "a.b-c.9", "reports-reader-aws", &"n".repeat(253)] {
            assert!(is_object_name(name), "{name}");
        }
        for name in ["", "A", "a_b", "-a", "a-", "a..b", "a/b", "../secrets", "ä", &"n".repeat(254)] {
            assert!(!is_object_name(name), "{name}");
        }
        for key in ["a", "A_9.-a", "example.com/a", "app.kubernetes.io/name"] {
            assert!(is_metadata_key(key), "{key}");
        }
        for key in ["", "a b", "-a", "a-", "/a", "Example.com/a", "a/b/c", &"k".repeat(64)] {
            assert!(!is_metadata_key(key), "{key}");
        }
        assert!(is_label_value("") && is_label_value("A.b_c-9"));
        assert!(!is_label_value("-a") && !is_label_value("a b") && !is_label_value(&"v".repeat(64)));
    }
}
