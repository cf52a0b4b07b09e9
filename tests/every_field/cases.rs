//! Values to try in a field, generated from its schema.

use serde_json::{Map, Value, json};

use super::field::Field;

/// What must become of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The API server refuses it: the schema says so.
    Refused,
    /// It is accepted, and seen.
    Seen,
    /// It is refused, or accepted and seen, or accepted and the status tells why not. Never silently ignored.
    Either,
    /// It is accepted, and then the status tells why it cannot be.
    Told,
    /// It means what the value before it meant, so it is accepted and causes no write to IAM.
    SameAsBefore,
}

/// One value to try.
#[derive(Clone, Debug)]
pub struct Case {
    /// What is tried.
    pub name: String,
    /// The value; none: the field is not set.
    pub value: Option<Value>,
    /// What must become of it.
    pub expect: Expect,
}

/// Name of the case of the first sample.
pub const FIRST: &str = "sample 0";

/// A text longer than any field takes.
const HUGE: usize = 100_000;
/// More items than any list takes.
const MANY: u64 = 1000;

/// All cases of a field. `samples` are different good values, at least one.
pub fn cases(field: &Field, samples: &[Value]) -> Vec<Case> {
    let mut cases: Vec<Case> = samples
        .iter()
        .enumerate()
        .map(|(n, value)| case(&format!("sample {n}"), value.clone(), Expect::Seen))
        .collect();
    if let Some(turned) = turned_around(&field.schema, &samples[samples.len() - 1]) {
        cases.push(case("reordered", turned, Expect::SameAsBefore));
    }
    let unset = if field.required { Expect::Refused } else { Expect::Either };
    cases.push(Case { name: "unset".into(), value: None, expect: unset });
    for case in of_type(&field.schema, &samples[0]) {
        if !cases.iter().any(|earlier| earlier.value == case.value) {
            cases.push(case);
        }
    }
    cases
}

fn case(name: &str, value: impl Into<Value>, expect: Expect) -> Case {
    Case { name: name.into(), value: Some(value.into()), expect }
}

/// The items of a list whose order means nothing, the other way round.
fn turned_around(schema: &Value, sample: &Value) -> Option<Value> {
    let items = sample.as_array().filter(|items| items.len() > 1)?;
    let is_set = ["set", "map"].map(Value::from).contains(&schema["x-kubernetes-list-type"]);
    is_set.then(|| items.iter().rev().cloned().collect())
}

fn of_type(schema: &Value, sample: &Value) -> Vec<Case> {
    match schema["type"].as_str().unwrap_or_default() {
        "string" if schema["enum"].is_array() => choices(schema),
        "string" => texts(schema, sample.as_str().unwrap_or_default()),
        "integer" => numbers(schema),
        "boolean" => switches(),
        "array" => lists(schema, sample),
        "object" if schema["additionalProperties"].is_object() => maps(schema, sample),
        "object" if schema["properties"].is_object() => blocks(),
        "object" => documents(),
        other => panic!("no cases for a field of type {other:?}: add them to tests/every_field/cases.rs"),
    }
}

fn choices(schema: &Value) -> Vec<Case> {
    let values = schema["enum"].as_array().cloned().unwrap_or_default();
    let lower = values[0].as_str().unwrap_or_default().to_lowercase();
    let mut cases: Vec<Case> = values.into_iter().map(|value| case("a choice", value, Expect::Either)).collect();
    cases.extend(["Other".to_owned(), lower, String::new()].map(|value| case("no choice", value, Expect::Refused)));
    cases.push(case("a number", 5, Expect::Refused));
    cases
}

fn texts(schema: &Value, sample: &str) -> Vec<Case> {
    let padded = |length: usize| format!("{sample}{}", "a".repeat(length.saturating_sub(sample.chars().count())));
    let mut cases = vec![
        case("a number", 5, Expect::Refused),
        case("empty", "", Expect::Either),
        case("huge", padded(HUGE), Expect::Refused),
    ];
    if let Some(max) = schema["maxLength"].as_u64().and_then(|max| usize::try_from(max).ok()) {
        cases.push(case("upper bound", padded(max), Expect::Either));
        cases.push(case("above the upper bound", padded(max + 1), Expect::Refused));
    }
    if let Some(min) = schema["minLength"].as_u64().filter(|min| *min > 0).and_then(|min| usize::try_from(min).ok()) {
        cases.push(case("below the lower bound", "a".repeat(min - 1), Expect::Refused));
    }
    let odd = ["\n", "\u{7}", " ", "*", "\"", ";", "$(id)"].map(|end| ("an illegal character", end));
    let unicode = ["é", "日本", "\u{202e}"].map(|end| ("unicode", end));
    cases
        .extend(odd.into_iter().chain(unicode).map(|(name, end)| case(name, format!("{sample}{end}"), Expect::Either)));
    cases
}

fn numbers(schema: &Value) -> Vec<Case> {
    #[expect(clippy::cast_possible_truncation, reason = "the schemas have whole numbers")]
    let beyond = |keyword: &str, step: i64| schema[keyword].as_f64().map(|bound| json!(bound as i64 + step));
    let bound = |keyword: &str| beyond(keyword, 0);
    [
        ("lower bound", bound("minimum"), Expect::Either),
        ("upper bound", bound("maximum"), Expect::Either),
        ("below the lower bound", beyond("minimum", -1), Expect::Refused),
        ("above the upper bound", beyond("maximum", 1), Expect::Refused),
        ("negative", Some(json!(-1)), Expect::Refused),
        ("huge", Some(json!(1_u64 << 40)), Expect::Refused),
        ("a fraction", Some(json!(3600.5)), Expect::Refused),
        ("a text", Some(json!("3600")), Expect::Refused),
    ]
    .into_iter()
    .filter_map(|(name, value, expect)| Some(case(name, value?, expect)))
    .collect()
}

fn switches() -> Vec<Case> {
    vec![
        case("on", true, Expect::Either),
        case("off", false, Expect::Either),
        case("a text", "true", Expect::Refused),
        case("a number", 1, Expect::Refused),
    ]
}

fn lists(schema: &Value, sample: &Value) -> Vec<Case> {
    let (items, item) = (&schema["items"], &sample[0]);
    let max = schema["maxItems"].as_u64();
    let of_length = |length: u64| (0..length).map(|n| variant(item, n)).collect::<Vec<_>>();
    let is_set = ["set", "map"].map(Value::from).contains(&schema["x-kubernetes-list-type"]);
    let twice = if is_set { Expect::Refused } else { Expect::Either };
    let mut cases = vec![
        case("a text", "text", Expect::Refused),
        case("empty", Value::Array(Vec::new()), Expect::Either),
        case("a duplicate", vec![item.clone(), item.clone()], twice),
        case("above the upper bound", of_length(max.unwrap_or(MANY) + 1), Expect::Refused),
    ];
    if items["properties"].is_object() {
        cases.push(case("an item that is a text", json!(["text"]), Expect::Refused));
        return cases; // the fields of the items are fields of their own
    }
    if items["enum"].is_null() {
        cases.extend(max.map(|max| case("upper bound", of_length(max), Expect::Either)));
    }
    cases.extend(of_type(items, item).into_iter().map(|inner| Case {
        name: format!("an item: {}", inner.name),
        value: inner.value.map(|value| json!([value])),
        ..inner
    }));
    cases
}

/// Another value of the same shape, as far as a generator can tell.
fn variant(item: &Value, number: u64) -> Value {
    match item {
        Value::String(text) => format!("{text}{number}").into(),
        other => other.clone(),
    }
}

fn maps(schema: &Value, sample: &Value) -> Vec<Case> {
    let (values, (key, value)) = (&schema["additionalProperties"], first_entry(sample));
    let of_size = |size: u64| (0..size).map(|n| (format!("{key}{n}"), value.clone())).collect::<Map<_, _>>();
    let one = |key: String, value: Value| Value::Object(Map::from_iter([(key, value)]));
    let max = schema["maxProperties"].as_u64();
    let mut cases = vec![
        case("a text", "text", Expect::Refused),
        case("empty", json!({}), Expect::Either),
        case("above the upper bound", of_size(max.unwrap_or(MANY) + 1), Expect::Refused),
        case("a huge key", one("k".repeat(HUGE), value.clone()), Expect::Refused),
    ];
    cases.extend(max.map(|max| case("upper bound", of_size(max), Expect::Either)));
    cases.extend(["", " ", "*", "a\n", "aws:a", "é", "日本", "$(id)"].map(|odd| {
        let key = if odd.is_empty() { String::new() } else { format!("{key}{odd}") };
        case("an odd key", one(key, value.clone()), Expect::Either)
    }));
    cases.extend(of_type(values, value).into_iter().map(|inner| Case {
        name: format!("a value: {}", inner.name),
        value: inner.value.map(|value| one(key.clone(), value)),
        ..inner
    }));
    cases
}

fn first_entry(map: &Value) -> (&String, &Value) {
    map.as_object().and_then(|map| map.iter().next()).unwrap_or_else(|| panic!("a sample of a map has an entry"))
}

/// Blocks whose presence means something; what is in them are fields of their own.
fn blocks() -> Vec<Case> {
    vec![case("a text", "text", Expect::Refused), case("empty", json!({}), Expect::Either)]
}

/// What a language of AWS is written in: the API server knows no more than that it is an object.
fn documents() -> Vec<Case> {
    let statement = |resource: String| json!([{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": resource }]);
    vec![
        case("a text", "text", Expect::Refused),
        case("empty", json!({}), Expect::Either),
        case("no policy", json!({ "hello": "world" }), Expect::Either),
        case("no statement", json!({ "Version": "2012-10-17" }), Expect::Either),
        case("a wrong version", json!({ "Version": "2012-10-18", "Statement": statement("*".into()) }), Expect::Either),
        case("huge", json!({ "Version": "2012-10-17", "Statement": statement("r".repeat(HUGE / 4)) }), Expect::Either),
    ]
}
