//! The one table of oracles: how the effect of each field is seen.
//!
//! A field that is added to a spec fails the test until it has a row here, in the part that fits.

mod account;
mod delivery;
mod guardrails;
mod iam;
mod namespaces;
mod session;

use anyhow::{Result, ensure};
use serde_json::{Map, Value, json};

use super::{field::Kind, row::Row, seen::Seen};

/// All rows.
pub fn table() -> Vec<Row> {
    [account::rows(), namespaces::rows(), guardrails::rows(), iam::rows(), session::rows(), delivery::rows()]
        .into_iter()
        .flatten()
        .collect()
}

/// Fields that this version of the operator refuses as a whole, and the words by which its message names them. Each
/// must really be refused: whoever makes one work takes it out of here, and its row has to hold.
pub const NOT_YET: &[(Kind, &str, &str)] = &[];

/// An account that allows the keys of some tags. A full map takes all the room that a list of keys has; for every other value
/// the list is the same, so that going from one to the next takes no permission away.
fn tag_keys_allowed(tags: &Value) -> Value {
    const USUAL: [&str; 6] = ["project", "team", "cost-center", "project ", "projecté", "project日本"];
    const ROOM: usize = 50;
    let full: Option<Vec<&str>> = tags
        .as_object()
        .filter(|tags| tags.len() >= 45)
        .map(|tags| tags.keys().take(ROOM).map(String::as_str).collect());
    json!({ "account": { "guardrails": { "principalTagKeys": full.unwrap_or(USUAL.to_vec()) } } })
}

/// What is seen is what was declared.
fn same(seen: &Value, declared: &Value) -> Result<()> {
    ensure!(seen == declared, "{seen} is seen instead of {declared}");
    Ok(())
}

/// A map that was declared, or the empty one.
fn map(declared: &Value) -> Value {
    declared.as_object().cloned().unwrap_or_else(Map::new).into()
}

/// The texts of a list that was declared, or none.
fn texts(declared: &Value) -> Vec<&str> {
    declared.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The same texts in any order.
fn same_set<'a>(seen: impl IntoIterator<Item = &'a str>, mut declared: Vec<&str>) -> Result<()> {
    let mut seen: Vec<&str> = seen.into_iter().collect();
    seen.sort_unstable();
    declared.sort_unstable();
    ensure!(seen == declared, "{seen:?} is seen instead of {declared:?}");
    Ok(())
}

/// The object is Available if it may be as it is, and else is refused by the rule of this name.
fn allowed_or_refused(seen: &Seen, may: bool, rule: &str) -> Result<()> {
    if may {
        return seen.is_available();
    }
    let (reason, message) = seen.ready();
    ensure!(reason == "NotAllowed" && message.contains(rule), "Ready is {reason}: {message}");
    ensure!(seen.secrets.is_empty(), "the Secret is there");
    Ok(())
}

/// Whether a glob with `*` and `?` covers a text.
fn covers(glob: &str, text: &str) -> bool {
    match (glob.chars().next(), text.chars().next()) {
        (None, end) => end.is_none(),
        (Some('*'), _) => (0..=text.len()).any(|skip| covers(&glob[1..], &text[skip..])),
        (Some('?'), Some(_)) => covers(&glob[1..], &text[1..]),
        (Some(wanted), Some(found)) if wanted == found => covers(&glob[wanted.len_utf8()..], &text[found.len_utf8()..]),
        _ => false,
    }
}
