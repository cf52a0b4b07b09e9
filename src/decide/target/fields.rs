//! Fields of a declaration, parsed with the rules of the schema. Admission is a courtesy: an object may be older than a rule,
//! or come from an API server whose CRD was changed.

use std::collections::BTreeMap;

use crate::api::{MANAGED_BY_LABEL, Reason, annotation};
use crate::decide::Refusal;
use crate::domain::kubernetes::{is_metadata_key, is_object_name};
use crate::domain::tag;

/// Refuses a value of a field, with what to write instead.
pub fn invalid(field: &str, advice: impl std::fmt::Display) -> Refusal {
    Refusal::new(Reason::InvalidSpec, format!("{field}: {advice}"))
}

/// Checks tags of a role or a session: number, alphabet, length and reserved prefixes (IAM API reference, `Tag`; STS API
/// reference, `Tag`).
pub fn tags(field: &str, declared: &BTreeMap<String, String>, max: usize) -> Result<(), Refusal> {
    if declared.len() > max {
        return Err(invalid(field, format!("{} tags are more than {max}", declared.len())));
    }
    for (key, value) in declared {
        let lower = key.to_lowercase();
        if lower.starts_with(tag::RESERVED_PREFIX) || lower.starts_with("aws:") {
            let message =
                format!("{key} begins with a reserved prefix (aws: or {}); use another key", tag::RESERVED_PREFIX);
            return Err(invalid(field, message));
        }
        if !(1..=128).contains(&key.chars().count()) || !key.chars().all(is_tag_char) {
            return Err(invalid(
                field,
                format!("{key:?} is not a tag key; write 1 to 128 letters, digits, spaces and _ . : / = + - @"),
            ));
        }
        if value.chars().count() > 256 || !value.chars().all(is_tag_char) {
            let advice = "write up to 256 letters, digits, spaces and _ . : / = + - @";
            return Err(invalid(field, format!("the value of {key} is not a tag value; {advice}")));
        }
        if declared.keys().filter(|other| other.to_lowercase() == lower).count() > 1 {
            return Err(invalid(field, format!("{key} is there twice: AWS compares tag keys without case")));
        }
    }
    Ok(())
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || c.is_whitespace() && !c.is_control() || "_.:/=+-@".contains(c)
}

/// Checks a text in the alphabet of IAM names, `[\w+=,.@-]`, and more characters that the field takes.
pub fn name(field: &str, text: &str, length: std::ops::RangeInclusive<usize>, more: &str) -> Result<(), Refusal> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) || more.contains(c);
    if length.contains(&text.len()) && text.chars().all(legal) {
        return Ok(());
    }
    let (min, max) = (length.start(), length.end());
    Err(invalid(field, format!("{text:?} is not valid; write {min} to {max} letters, digits and _ + = , . @ - {more}")))
}

/// Checks the number of entries of a list or a map.
pub fn at_most(field: &str, count: usize, max: usize) -> Result<(), Refusal> {
    if count <= max {
        return Ok(());
    }
    Err(invalid(field, format!("{count} entries are more than {max}")))
}

/// Checks the name of a Kubernetes object.
pub fn object_name(field: &str, name: &str) -> Result<(), Refusal> {
    if is_object_name(name) {
        return Ok(());
    }
    let advice = "write up to 253 lowercase letters, digits, - and ., beginning and ending with a letter or digit";
    Err(invalid(field, format!("{name:?} is not a name; {advice}")))
}

/// Checks labels or annotations that tenants declare, whose values are judged by `is_value`.
pub fn metadata(
    field: &str,
    declared: &BTreeMap<String, String>,
    is_value: impl Fn(&str) -> bool,
) -> Result<(), Refusal> {
    at_most(field, declared.len(), 50)?;
    for (key, value) in declared {
        if !is_metadata_key(key) {
            return Err(invalid(field, format!("{key:?} is not a key; write it like team or example.com/team")));
        }
        if key.starts_with(annotation::PREFIX) || key == MANAGED_BY_LABEL {
            return Err(invalid(field, format!("{key} is set by the operator; use another key")));
        }
        if !is_value(value) {
            return Err(invalid(
                field,
                format!("the value of {key} is too long or has characters that are not allowed"),
            ));
        }
    }
    Ok(())
}

/// Checks the description of a role: up to 1,000 characters of Latin-1 (IAM API reference, `CreateRole`).
pub fn description(text: &str) -> Result<(), Refusal> {
    let legal = |c: char| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{7e}' | '\u{a1}'..='\u{ff}');
    if text.chars().count() <= 1000 && text.chars().all(legal) {
        return Ok(());
    }
    Err(invalid("spec.role.description", "write up to 1000 characters of Latin-1; IAM takes no others"))
}

/// Checks a number of seconds.
pub fn seconds(field: &str, value: u32, min: i32) -> Result<i32, Refusal> {
    let legal = i32::try_from(value).ok().filter(|v| (min..=43_200).contains(v));
    legal.ok_or_else(|| invalid(field, format!("{value} is not between {min} and 43200")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn tags_are_held_to_the_rules_of_the_schema() {
        for fine in [of(&[]), of(&[("cost-center", "42")]), of(&[("équipe: a/b", "")])] {
            assert_eq!(tags("f", &fine, 2), Ok(()));
        }
        let (long_key, long_value) = ("k".repeat(129), "v".repeat(257));
        for (wrong, advice) in [
            (of(&[("AWS:x", "")]), "reserved prefix"),
            (of(&[("CrossAccount.dev/namespace", "team-b")]), "reserved prefix"),
            (of(&[("", "x")]), "not a tag key"),
            (of(&[(&long_key, "x")]), "not a tag key"),
            (of(&[("a;b", "x")]), "not a tag key"),
            (of(&[("a", &long_value)]), "not a tag value"),
            (of(&[("a", "<x>")]), "not a tag value"),
            (of(&[("a", "b\tc")]), "not a tag value"),
            (of(&[("a", ""), ("A", "")]), "twice"),
            (of(&[("a", ""), ("b", ""), ("c", "")]), "more than 2"),
        ] {
            let refusal = tags("spec.session.tags", &wrong, 2).expect_err(advice);
            assert_eq!(refusal.reason, Reason::InvalidSpec);
            assert!(
                refusal.message.contains(advice) && refusal.message.starts_with("spec.session.tags"),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn names_descriptions_and_durations_are_held_to_their_ranges() {
        assert!(name("f", "reports", 2..=64, "").is_ok());
        assert!(name("f", "a:/b", 2..=64, ":/").is_ok());
        for wrong in ["r", "a b", "a:b"] {
            assert!(name("f", wrong, 2..=64, "").is_err(), "{wrong}");
        }
        assert!(description("Lit les rapports, été").is_ok());
        assert!(description("“quotes”").is_err() && description(&"x".repeat(1001)).is_err());
        assert_eq!(seconds("f", 900, 900), Ok(900));
        assert!(seconds("f", 899, 900).is_err() && seconds("f", 43_201, 900).is_err());
    }
}
