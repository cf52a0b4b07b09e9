//! Cases about tags, wherever an object has some.

use serde_json::json;

use super::case::Cases;

/// The map at `path`, which has the key `team`, takes what AWS takes as tags. `with` makes a patch that sets the given
/// entries.
pub fn tags(cases: Cases, path: &str, max: usize, with: impl Fn(&str) -> String) -> Cases {
    let value = format!("{path}[team]");
    let longest_key = format!("'{}': value", "k".repeat(129));
    let keys = |cases: Cases, (name, entries, says): (&str, &str, &str)| {
        cases.refuses(&format!("{path}: {name}"), &with(entries), path, says)
    };
    let cases = cases
        .accepts(&format!("{path}: keys of any script"), &with("'Straße 9 _.:/=+-@': a, 費用: b, awsome: c"))
        .most_entries(path, max, |number| match number {
            0 => ("team".into(), json!("v".repeat(256))),
            _ => (format!("{number:0>128}"), json!("v".repeat(256))),
        })
        .format(&value, &["", "Straße 9 _.:/=+-@"], &["a;b", "a\tb", "a*"], "a tag value has up to 256")
        .longest(&value, 256, |length| "v".repeat(length));
    [
        ("an empty key", "'': a", "a tag key has 1 to 128"),
        ("an illegal key", "'a;b': a", "a tag key has 1 to 128"),
        ("a key of 129 characters", &longest_key, "a tag key has 1 to 128"),
        ("a key of AWS", "'aws:a': a", "are reserved: use another prefix"),
        ("a key of AWS in capitals", "'AWS:a': a", "are reserved: use another prefix"),
        ("a key of the operator", "crossaccount.dev/name: a", "are reserved: use another prefix"),
        ("keys that differ only in case", "team: a, Team: b", "AWS compares tag keys without case"),
    ]
    .into_iter()
    .fold(cases, keys)
}

/// The list at `path` takes keys of tags. `with` makes a patch that sets the given tags and keys.
pub fn transitive_keys(cases: Cases, path: &str, with: impl Fn(&str, &str) -> String) -> Cases {
    let keys = |count: usize| (0..count).map(|number| format!("'{number:0>128}'")).collect::<Vec<_>>().join(", ");
    let tags = keys(50).replace(',', ": value,") + ": value";
    let item = format!("{path}[0]");
    cases
        .unique(path, "team")
        .accepts(&format!("{path} of 50"), &with(&tags, &keys(50)))
        .refuses(&format!("{path} of more than 50"), &with(&tags, &keys(51)), path, "must have at most 50 items")
        .format(&item, &[], &[""], "should be at least 1 chars long")
        .format(&item, &[], &[&"k".repeat(129)], "may not be more than 128 bytes")
}
