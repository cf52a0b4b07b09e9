//! Steps as a person reads them: what is there, and what comes in its place.

use super::role_plan::RoleStep;
use crate::domain::policy::PolicyDocument;
use crate::domain::{DesiredRole, IamRoleState, RoleSettings, RoleTags};

/// One line for each thing that a step changes on a role.
#[must_use]
pub fn lines(steps: &[RoleStep], state: &IamRoleState) -> Vec<String> {
    steps.iter().flat_map(|step| of_step(step, state)).collect()
}

fn of_step(step: &RoleStep, state: &IamRoleState) -> Vec<String> {
    let role = &state.role;
    let boundary = role.boundary.as_ref().map_or("none", |arn| arn.as_str());
    vec![match step {
        RoleStep::Create(wanted) => {
            let DesiredRole { path, name, .. } = wanted.as_ref();
            format!("role: create {}{}", path.as_str(), name)
        }
        RoleStep::DenyOlderSessions(until, _) => format!("sessions issued before {until}: deny"),
        RoleStep::PutBoundary(arn) => format!("permissions boundary: {boundary} -> {arn}"),
        RoleStep::DeleteBoundary => format!("permissions boundary: {boundary} -> none"),
        RoleStep::Detach(arn) => format!("managed policy {arn}: detach"),
        RoleStep::Attach(arn) => format!("managed policy {arn}: attach"),
        RoleStep::DeleteInline(name) => format!("inline policy {name}: delete"),
        RoleStep::PutInline(name, _) if state.inline.contains_key(name) => format!("inline policy {name}: replace"),
        RoleStep::PutInline(name, _) => format!("inline policy {name}: add"),
        RoleStep::UpdateTrust(wanted) => {
            format!("trust policy: {} -> {}", role.trust.as_ref().map_or("unreadable".into(), trusted), trusted(wanted))
        }
        RoleStep::Update(wanted) => return settings(&role.settings, wanted),
        RoleStep::Untag(keys) => return keys.iter().map(|key| format!("tag {key}: remove")).collect(),
        RoleStep::Tag(tags) => return tag_lines(tags, &role.tags),
    }]
}

fn settings(present: &RoleSettings, wanted: &RoleSettings) -> Vec<String> {
    let text = |description: &Option<String>| description.as_deref().map_or("none".to_owned(), |d| format!("{d:?}"));
    let mut lines = Vec::new();
    if present.max_session_seconds != wanted.max_session_seconds {
        lines.push(format!("max session: {} s -> {} s", present.max_session_seconds, wanted.max_session_seconds));
    }
    if present.description != wanted.description {
        lines.push(format!("description: {} -> {}", text(&present.description), text(&wanted.description)));
    }
    lines
}

fn tag_lines(wanted: &RoleTags, present: &RoleTags) -> Vec<String> {
    let line = |(key, value): (&String, &String)| match present.get(key) {
        Some(old) => format!("tag {key}: {old:?} -> {value:?}"),
        None => format!("tag {key}: add {value:?}"),
    };
    wanted.iter().map(line).collect()
}

/// Whom a trust policy lets in, and whether on a condition.
fn trusted(policy: &PolicyDocument) -> String {
    let statement = |statement: &serde_json::Map<String, serde_json::Value>| {
        let effect = statement.get("Effect").and_then(|effect| effect.as_str()).unwrap_or("Allow");
        let actions = statement.get("Action").or(statement.get("NotAction")).map(brief).unwrap_or_default();
        let principals = statement.get("Principal").or(statement.get("NotPrincipal")).map(brief).unwrap_or_default();
        let condition = statement.get("Condition").map(|c| format!(" if {c}")).unwrap_or_default();
        format!("{effect} {actions} to {principals}{condition}")
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
    use std::collections::{BTreeMap, BTreeSet};

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::domain::{IamRole, PolicyArn, RoleArn};

    fn trust(principal: &str) -> PolicyDocument {
        PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}}]}))
        .expect("a policy")
    }

    fn state() -> IamRoleState {
        IamRoleState {
            role: IamRole {
                arn: RoleArn::parse("arn:aws:iam::222222222222:role/old").expect("an ARN"),
                id: "AROA".into(),
                created_at: Timestamp::UNIX_EPOCH,
                settings: RoleSettings { description: None, max_session_seconds: 7200 },
                boundary: None,
                trust: Some(trust("arn:aws:iam::333333333333:root")),
                tags: [("team".to_owned(), "old".to_owned())].into(),
                last_used: None,
            },
            attached: BTreeSet::new(),
            inline: BTreeMap::from([("read".to_owned(), None)]),
        }
    }

    #[test]
    fn each_step_is_a_line_that_says_what_is_there_and_what_comes_in_its_place() {
        let arn = PolicyArn::parse("arn:aws:iam::222222222222:policy/boundary").expect("an ARN");
        let steps = [
            RoleStep::PutBoundary(arn.clone()),
            RoleStep::Attach(arn),
            RoleStep::PutInline("read".into(), trust("x")),
            RoleStep::PutInline("write".into(), trust("x")),
            RoleStep::UpdateTrust(trust("arn:aws:iam::111111111111:user/op")),
            RoleStep::Update(RoleSettings { description: Some("Reads".into()), max_session_seconds: 3600 }),
            RoleStep::Untag(vec!["gone".into()]),
            RoleStep::Tag([("team".to_owned(), "new".to_owned()), ("cost".to_owned(), "42".to_owned())].into()),
        ];
        assert_eq!(
            lines(&steps, &state()),
            [
                "permissions boundary: none -> arn:aws:iam::222222222222:policy/boundary",
                "managed policy arn:aws:iam::222222222222:policy/boundary: attach",
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
    }
}
