//! Condition operators (IAM user guide, "AWS JSON policy elements: Condition operators").

use std::{collections::HashMap, net::Ipv4Addr};

use jiff::Timestamp;
use serde_json::Value;

/// The condition keys of a request: names in lower case, each with its values.
pub(crate) type Context = HashMap<String, Vec<String>>;

/// A condition operator taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Operator {
    quantifier: Quantifier,
    test: Test,
    /// For the negated forms: no value may match, and an absent key does not match.
    negated: bool,
    if_exists: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quantifier {
    Single,
    ForAll,
    ForAny,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Equal,
    EqualIgnoringCase,
    Like,
    Number(Order),
    Date(Order),
    Bool,
    Address,
    Null,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Operator {
    /// Reads an operator's name; its case does not matter.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (quantifier, name) = match name.split_once(':') {
            Some(("forallvalues", rest)) => (Quantifier::ForAll, rest),
            Some(("foranyvalue", rest)) => (Quantifier::ForAny, rest),
            Some(_) => return None,
            None => (Quantifier::Single, name.as_str()),
        };
        let (name, if_exists) = name.strip_suffix("ifexists").map_or((name, false), |name| (name, true));
        let (test, negated) = match name {
            "stringequals" | "binaryequals" => (Test::Equal, false),
            "stringnotequals" => (Test::Equal, true),
            "stringequalsignorecase" => (Test::EqualIgnoringCase, false),
            "stringnotequalsignorecase" => (Test::EqualIgnoringCase, true),
            "stringlike" | "arnlike" | "arnequals" => (Test::Like, false),
            "stringnotlike" | "arnnotlike" | "arnnotequals" => (Test::Like, true),
            "numericequals" => (Test::Number(Order::Equal), false),
            "numericnotequals" => (Test::Number(Order::Equal), true),
            "numericlessthan" => (Test::Number(Order::Less), false),
            "numericlessthanequals" => (Test::Number(Order::LessOrEqual), false),
            "numericgreaterthan" => (Test::Number(Order::Greater), false),
            "numericgreaterthanequals" => (Test::Number(Order::GreaterOrEqual), false),
            "dateequals" => (Test::Date(Order::Equal), false),
            "datenotequals" => (Test::Date(Order::Equal), true),
            "datelessthan" => (Test::Date(Order::Less), false),
            "datelessthanequals" => (Test::Date(Order::LessOrEqual), false),
            "dategreaterthan" => (Test::Date(Order::Greater), false),
            "dategreaterthanequals" => (Test::Date(Order::GreaterOrEqual), false),
            "bool" => (Test::Bool, false),
            "ipaddress" => (Test::Address, false),
            "notipaddress" => (Test::Address, true),
            "null" if !if_exists && quantifier == Quantifier::Single => (Test::Null, false),
            _ => return None,
        };
        Some(Self { quantifier, test, negated, if_exists })
    }

    /// Whether a condition holds, given the values of the key in the request (none: the key is absent).
    fn holds(self, actual: Option<&Vec<String>>, expected: &[String]) -> bool {
        if self.test == Test::Null {
            return expected.iter().any(|wanted| wanted.eq_ignore_ascii_case("true")) == actual.is_none();
        }
        let Some(actual) = actual else {
            return self.if_exists || self.quantifier == Quantifier::ForAll || self.negated;
        };
        let holds = |value: &String| expected.iter().any(|wanted| self.test.matches(value, wanted)) != self.negated;
        match self.quantifier {
            Quantifier::ForAny => actual.iter().any(holds),
            Quantifier::ForAll | Quantifier::Single => actual.iter().all(holds),
        }
    }
}

impl Test {
    fn matches(self, actual: &str, expected: &str) -> bool {
        match self {
            Self::Equal => actual == expected,
            Self::EqualIgnoringCase | Self::Bool => actual.eq_ignore_ascii_case(expected),
            Self::Like => glob(expected, actual),
            Self::Number(order) => order.holds(actual.parse::<f64>().ok(), expected.parse::<f64>().ok()),
            Self::Date(order) => order.holds(moment(actual), moment(expected)),
            Self::Address => within(actual, expected),
            Self::Null => false, // decided before any value is looked at
        }
    }
}

impl Order {
    fn holds<T: PartialOrd>(self, actual: Option<T>, expected: Option<T>) -> bool {
        let (Some(actual), Some(expected)) = (actual, expected) else { return false };
        match self {
            Self::Equal => actual == expected,
            Self::Less => actual < expected,
            Self::LessOrEqual => actual <= expected,
            Self::Greater => actual > expected,
            Self::GreaterOrEqual => actual >= expected,
        }
    }
}

/// Whether every condition of a statement's `Condition` element holds.
pub(crate) fn all_hold(conditions: &Value, context: &Context) -> bool {
    let Some(conditions) = conditions.as_object() else { return true };
    conditions.iter().all(|(name, keys)| {
        let (Some(operator), Some(keys)) = (Operator::parse(name), keys.as_object()) else { return false };
        keys.iter().all(|(key, expected)| operator.holds(context.get(&key.to_ascii_lowercase()), &texts(expected)))
    })
}

/// One value or a list of values as texts: IAM compares `true` and `"true"`, `5` and `"5"` alike.
pub(crate) fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null => Vec::new(),
        other => vec![other.to_string()],
    }
}

/// IAM's wildcards: `*` for any characters, `?` for one.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    match pattern.chars().next() {
        None => text.is_empty(),
        Some('*') => {
            let rest = &pattern[1..];
            text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| glob(rest, &text[at..]))
        }
        Some(first) => text
            .chars()
            .next()
            .is_some_and(|c| (first == '?' || first == c) && glob(&pattern[first.len_utf8()..], &text[c.len_utf8()..])),
    }
}

fn moment(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| Timestamp::from_second(text.parse().ok()?).ok())
}

fn within(address: &str, network: &str) -> bool {
    let (base, bits) = network.split_once('/').unwrap_or((network, "32"));
    let parsed = (address.parse::<Ipv4Addr>(), base.parse::<Ipv4Addr>(), bits.parse::<u32>());
    let (Ok(address), Ok(base), Ok(bits @ 0..=32)) = parsed else { return false };
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    address.to_bits() & mask == base.to_bits() & mask
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(conditions: &Value) -> bool {
        let pairs = [("sts:externalid", "abc"), ("aws:tagkeys", "team"), ("aws:currenttime", "2026-01-02T00:00:00Z")];
        let context = pairs.into_iter().map(|(key, value)| (key.to_owned(), vec![value.to_owned()])).collect();
        all_hold(conditions, &context)
    }

    #[test]
    fn any_of_the_listed_values_satisfies_an_operator_and_none_may_for_its_negation() {
        assert!(holds(&json!({"StringEquals": {"STS:ExternalId": ["x", "abc"]}})));
        assert!(!holds(&json!({"StringNotEquals": {"sts:ExternalId": ["x", "abc"]}})));
    }

    #[test]
    fn an_absent_key_fails_but_for_if_exists_negations_and_for_all_values() {
        for operator in ["StringEquals", "ForAnyValue:StringEquals"] {
            assert!(!holds(&json!({operator: {"aws:Absent": "x"}})), "{operator}");
        }
        for operator in ["StringEqualsIfExists", "StringNotEquals", "ForAllValues:StringEquals"] {
            assert!(holds(&json!({operator: {"aws:Absent": "x"}})), "{operator}");
        }
    }

    #[test]
    fn null_asks_whether_the_key_is_absent() {
        assert!(holds(&json!({"Null": {"sts:ExternalId": "false", "aws:Absent": true}})));
        assert!(!holds(&json!({"Null": {"sts:ExternalId": "true"}})));
    }

    #[test]
    fn dates_and_networks_are_compared_by_meaning() {
        assert!(holds(&json!({"DateLessThan": {"aws:CurrentTime": "2026-01-02T00:00:01Z"}})));
        assert!(
            within("10.1.2.3", "10.1.0.0/16") && !within("10.2.2.3", "10.1.0.0/16") && within("1.2.3.4", "0.0.0.0/0")
        );
    }

    #[test]
    fn wildcards_match_any_run_and_any_character() {
        assert!(glob("op-*", "op-1") && glob("a?c*", "abc") && glob("*", ""));
        assert!(!glob("op-*", "xop-1") && !glob("a?c", "ac"));
    }

    #[test]
    fn an_unknown_operator_is_none() {
        assert_eq!(Operator::parse("StringSimilar"), None);
        assert!(Operator::parse("ForAllValues:StringLikeIfExists").is_some());
    }
}
