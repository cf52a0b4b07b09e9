//! Which objects a process reconciles, by label.

use std::{collections::BTreeMap, fmt, str::FromStr};

use kube::core::{Expression, Selector, SelectorExt as _};

/// A label selector in canonical order, so that two spellings of one selector are one shard and share one leader lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shard(Selector);

impl Shard {
    /// Whether an object with these labels belongs to the shard.
    #[must_use]
    pub fn contains(&self, labels: &BTreeMap<String, String>) -> bool {
        self.0.matches(labels)
    }
}

/// As the API server reads it in `labelSelector`.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut expressions = requirements(text)
            .into_iter()
            .map(|requirement| {
                expression(requirement.trim()).ok_or_else(|| {
                    format!("`{requirement}` is not a label requirement; write key=value, key!=value, key, !key, team in (a,b) or team notin (a,b)")
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        expressions.sort();
        expressions.dedup();
        Ok(Self(expressions.into_iter().collect()))
    }
}

/// Splits at the commas between requirements, not at those inside a set's parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut inside = false;
    text.split(|c| {
        match c {
            '(' => inside = true,
            ')' => inside = false,
            _ => {}
        }
        c == ',' && !inside
    })
    .collect()
}

fn expression(text: &str) -> Option<Expression> {
    if let Some(key) = text.strip_prefix('!') {
        return Some(Expression::DoesNotExist(label_key(key)?));
    }
    if let Some(open) = text.strip_suffix(')') {
        let (head, values) = open.split_once('(')?;
        let (key, operator) = head.trim().split_once(char::is_whitespace)?;
        let values = values.split(',').map(label_value).collect::<Option<_>>()?;
        return match operator.trim() {
            "in" => Some(Expression::In(label_key(key)?, values)),
            "notin" => Some(Expression::NotIn(label_key(key)?, values)),
            _ => None,
        };
    }
    if let Some((key, value)) = text.split_once("!=") {
        return Some(Expression::NotEqual(label_key(key)?, label_value(value)?));
    }
    if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
        return Some(Expression::Equal(label_key(key)?, label_value(value)?));
    }
    Some(Expression::Exists(label_key(text)?))
}

/// A label key: an optional DNS prefix and a slash, then a name of 1 to 63 characters.
fn label_key(text: &str) -> Option<String> {
    let text = text.trim();
    let name = match text.split_once('/') {
        Some((prefix, name)) => {
            let dns = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
            ((1..=253).contains(&prefix.len()) && prefix.chars().all(dns)).then_some(name)?
        }
        None => text,
    };
    (!name.is_empty() && is_label_name(name)).then(|| text.to_owned())
}

/// A label value: empty, or as a label name.
fn label_value(text: &str) -> Option<String> {
    let text = text.trim();
    is_label_name(text).then(|| text.to_owned())
}

fn is_label_name(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let edge = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= 63 && text.chars().all(inner) && edge(text.chars().next()) && edge(text.chars().last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(text: &str) -> Shard {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_form_of_a_label_requirement_is_understood() {
        for (text, canonical) in [
            ("team=a", "team=a"),
            ("team == a", "team=a"),
            ("team!=a", "team!=a"),
            ("team=", "team="),
            ("team", "team"),
            ("! team", "!team"),
            ("team in (b, a)", "team in (a,b)"),
            ("example.com/team notin (a)", "example.com/team notin (a)"),
        ] {
            assert_eq!(shard(text).to_string(), canonical);
        }
    }

    #[test]
    fn two_spellings_of_one_selector_are_one_shard() {
        assert_eq!(shard("b=2,a in (x,y),a in (y,x)"), shard(" a in (y,x) , b==2"));
        assert_ne!(shard("a=1"), shard("a=2"));
    }

    #[test]
    fn what_the_api_server_would_refuse_is_refused_here() {
        for text in ["", "a=1,", "a in", "a in b", "a like (b)", "a=b=c", "A B", "-a", "a=-", "Example/a=1", "/a", "a/"]
        {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_object_belongs_to_the_shard_if_all_requirements_hold() {
        let labels = BTreeMap::from([("team".to_owned(), "a".to_owned())]);
        assert!(shard("team in (a,b),!legacy").contains(&labels));
        assert!(!shard("team=a,legacy").contains(&labels));
        assert!(shard("tier!=gold").contains(&labels));
    }
}
