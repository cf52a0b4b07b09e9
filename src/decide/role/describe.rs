//! What differs between two states of a role, as a person reads it: what is there, and what comes in its place.

use std::collections::BTreeSet;

use crate::domain::policy::{PolicyDocument, Statement};
use crate::domain::{IamRoleState, RoleSettings, RoleTags};

/// One line for each difference.
#[must_use]
pub fn changes(before: Option<&IamRoleState>, after: Option<&IamRoleState>) -> Vec<String> {
    let (before, after) = match (before, after) {
        (Some(before), Some(after)) => (before, after),
        (None, Some(after)) => {
            return vec![format!("role: create {}{}", after.role.arn.path.as_str(), after.role.arn.name)];
        }
        (Some(_), None) => return vec!["role: delete".to_owned()],
        (None, None) => return Vec::new(),
    };
    let mut lines = Vec::new();
    if before.role.boundary != after.role.boundary {
        let name = |state: &IamRoleState| state.role.boundary.as_ref().map_or("none".to_owned(), ToString::to_string);
        lines.push(format!("permissions boundary: {} -> {}", name(before), name(after)));
    }
    lines.extend(before.attached.difference(&after.attached).map(|arn| format!("managed policy {arn}: detach")));
    lines.extend(after.attached.difference(&before.attached).map(|arn| format!("managed policy {arn}: attach")));
    let names: BTreeSet<&String> = before.inline.keys().chain(after.inline.keys()).collect();
    for name in names {
        match (before.inline.get(name), after.inline.get(name)) {
            (Some(_), None) => lines.push(format!("inline policy {name}: delete")),
            (None, Some(_)) => lines.push(format!("inline policy {name}: add")),
            (Some(old), Some(new)) if old != new => lines.push(format!("inline policy {name}: replace")),
            _ => {}
        }
    }
    if before.role.trust != after.role.trust {
        let text = |state: &IamRoleState| state.role.trust.as_ref().map_or("unreadable".to_owned(), trusted);
        lines.push(format!("trust policy: {} -> {}", text(before), text(after)));
    }
    lines.extend(settings(&before.role.settings, &after.role.settings));
    lines.extend(tags(&before.role.tags, &after.role.tags));
    lines
}

fn settings(before: &RoleSettings, after: &RoleSettings) -> Vec<String> {
    let text = |description: &Option<String>| description.as_deref().map_or("none".to_owned(), |d| format!("{d:?}"));
    let mut lines = Vec::new();
    if before.max_session_seconds != after.max_session_seconds {
        lines.push(format!("max session: {} s -> {} s", before.max_session_seconds, after.max_session_seconds));
    }
    if before.description != after.description {
        lines.push(format!("description: {} -> {}", text(&before.description), text(&after.description)));
    }
    lines
}

fn tags(before: &RoleTags, after: &RoleTags) -> Vec<String> {
    let removed = before.keys().filter(|key| !after.contains_key(*key)).map(|key| format!("tag {key}: remove"));
    let set = after.iter().filter_map(|(key, value)| match before.get(key) {
        Some(old) if old == value => None,
        Some(old) => Some(format!("tag {key}: {old:?} -> {value:?}")),
        None => Some(format!("tag {key}: add {value:?}")),
    });
    removed.chain(set).collect()
}

/// Whom a trust policy lets in, and on which condition.
fn trusted(policy: &PolicyDocument) -> String {
    let statement = |statement: Statement<'_>| {
        let effect = if statement.allows() { "Allow" } else { "Deny" };
        let element =
            |one: &str, other: &str| statement.get(one).or(statement.get(other)).map(brief).unwrap_or_default();
        let condition = statement.get("Condition").map(|c| format!(" if {c}")).unwrap_or_default();
        format!("{effect} {} to {}{condition}", element("Action", "NotAction"), element("Principal", "NotPrincipal"))
    };
    let statements: Vec<String> = policy.statements().map(statement).collect();
    format!("[{}]", statements.join("; "))
}

/// The values of a principal or action element, without the JSON around them.
fn brief(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Array(many) => many.iter().map(brief).collect::<Vec<_>>().join(", "),
        serde_json::Value::Object(kinds) => kinds.values().map(brief).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::role::fixture::{arn, deny, policy, state};

    #[test]
    fn each_difference_is_a_line_that_says_what_is_there_and_what_comes_in_its_place() {
        let mut before = state();
        before.role.boundary = None;
        before.role.settings = RoleSettings { description: None, max_session_seconds: 7200 };
        before.role.trust = Some(policy(&serde_json::json!([{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::333333333333:root"}}])));
        before.role.tags = [("team".to_owned(), "old".to_owned()), ("gone".to_owned(), "x".to_owned())].into();
        before.attached = [arn("other")].into();
        before.inline = [("read".to_owned(), None), ("lab".to_owned(), Some(deny("s3:*")))].into();
        let mut after = state();
        after.role.trust = Some(policy(&serde_json::json!([{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::111111111111:user/op"}}])));
        after.role.tags = [("team".to_owned(), "new".to_owned()), ("cost".to_owned(), "42".to_owned())].into();
        after.inline.insert("write".to_owned(), Some(deny("s3:*")));
        assert_eq!(
            changes(Some(&before), Some(&after)),
            [
                "permissions boundary: none -> arn:aws:iam::222222222222:policy/boundary",
                "managed policy arn:aws:iam::222222222222:policy/other: detach",
                "managed policy arn:aws:iam::222222222222:policy/managed: attach",
                "inline policy lab: delete",
                "inline policy read: replace",
                "inline policy write: add",
                "trust policy: [Allow sts:AssumeRole to arn:aws:iam::333333333333:root] -> \
                 [Allow sts:AssumeRole to arn:aws:iam::111111111111:user/op]",
                "max session: 7200 s -> 3600 s",
                "description: none -> \"Reads\"",
                "tag gone: remove",
                "tag cost: add \"42\"",
                "tag team: \"old\" -> \"new\"",
            ]
        );
        assert_eq!(changes(Some(&after), Some(&after)), Vec::<String>::new());
        assert_eq!(changes(None, Some(&after)), ["role: create /crossaccount/team-reader"]);
    }
}
