//! Words that are known to be secret, because of where they stand.

use std::collections::BTreeSet;

use serde_json::Value;

use super::shape::is_secret_name;

/// Shorter words are parts of others by chance, and so are words without a digit: `platform` as an external id would take
/// half of the logs with it. Where such a word is the value of a field, it is removed all the same.
const LENGTH: usize = 6;

/// The secret words in these objects: external ids, and values of environment variables whose names say so.
pub fn words<'a>(objects: impl IntoIterator<Item = &'a Value>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    objects.into_iter().for_each(|object| collect(object, &mut found));
    found.retain(|word| {
        let has = |kind: fn(&u8) -> bool| word.as_bytes().iter().any(kind);
        word.len() >= LENGTH && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
    });
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            let name = fields.get("name").and_then(Value::as_str);
            if let (Some(name), Some(word)) = (name, fields.get("value").and_then(Value::as_str))
                && says_secret(name)
            {
                found.insert(word.to_owned());
            }
            for (name, value) in fields {
                if is_secret_name(name) {
                    found.extend(texts(value));
                }
                collect(value, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Whether the name of a variable says that its value is secret.
fn says_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    // A variable that ends so names a file.
    let words = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "ACCESS_KEY", "PRIVATE_KEY", "API_KEY"];
    !name.ends_with("_FILE") && words.iter().any(|word| name.contains(word))
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn external_ids_and_the_values_of_secret_variables_are_words() {
        let objects = [
            json!({"spec": {"access": {"chain": [{"externalId": "7d1f0a"}, {"externalId": "platform"}]}}}),
            json!({"spec": {"trust": {"conditions": {"StringEquals": {"sts:ExternalId": ["partner-1"]}}}}}),
            json!({"env": [
                {"name": "AWS_SECRET_ACCESS_KEY", "value": "k3y-of-somebody"},
                {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/var/run/t0ken"},
                {"name": "AWS_REGION", "value": "eu-west-1"},
                {"name": "DB_PASSWORD", "value": "a1"},
            ]}),
        ];
        let expected = ["7d1f0a", "k3y-of-somebody", "partner-1"].map(str::to_owned);
        assert_eq!(words(&objects), BTreeSet::from(expected));
    }
}
