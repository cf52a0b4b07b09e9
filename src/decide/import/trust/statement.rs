//! One statement of a trust policy, as far as an object can declare it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::api::TrustSpec;
use crate::decide::import::note::{Note, REMOVED};
use crate::decide::role::trust::conditions;
use crate::domain::policy::{PolicyDocument, Statement, texts};
use crate::domain::{ExternalId, Principal, glob_covers, is_unique_id};

/// The action by which a principal becomes the role.
const ASSUME: &str = "sts:assumerole";

/// Actions that the operator allows itself beside it.
const EXTRAS: [&str; 2] = ["sts:tagsession", "sts:setsourceidentity"];

type Conditions = BTreeMap<String, BTreeMap<String, Value>>;

/// Principals that may assume the role on some conditions.
#[derive(Debug)]
pub(super) struct Trusted {
    /// The first statement that says so.
    pub place: String,
    /// The principals, as they are declared.
    pub principals: Vec<String>,
    /// The conditions, as they are declared.
    pub conditions: Conditions,
}

impl Trusted {
    /// Whether IAM takes the conditions of both for the same.
    pub fn on_same_conditions(&self, other: &Self) -> bool {
        let document = |conditions: &Conditions| {
            PolicyDocument::from_value(json!({"Statement": {"Effect": "Allow", "Condition": conditions}})).ok()
        };
        document(&self.conditions) == document(&other.conditions)
    }

    /// More principals, each once.
    pub fn add(&mut self, more: Vec<String>) {
        for principal in more {
            if !self.principals.contains(&principal) {
                self.principals.push(principal);
            }
        }
    }
}

/// The principal of the statement for an operator: one user or role, with an external id that an operator made.
pub(super) fn operators_principal(statement: Statement<'_>) -> Option<&str> {
    let made = |(operator, key, values): (&str, &str, Vec<&str>)| {
        operator == "StringEquals"
            && key.eq_ignore_ascii_case("sts:ExternalId")
            && matches!(values[..], [id] if ExternalId::has_form(id))
    };
    let principal = match statement.principals()[..] {
        [arn] if arn.contains(":user/") || arn.contains(":role/") => arn,
        _ => return None,
    };
    (statement.allows() && statement.conditions().any(made)).then_some(principal)
}

/// Whether it lets none but these principals set session tags or a source identity, and nothing else.
pub(super) fn sets_extras_for(statement: Statement<'_>, operators: &[&str]) -> bool {
    let (actions, principals) = (statement.texts("Action"), statement.principals());
    let is_extra = |action: &&str| EXTRAS.contains(&action.to_ascii_lowercase().as_str());
    let theirs = !principals.is_empty() && principals.iter().all(|principal| operators.contains(principal));
    statement.allows() && theirs && !actions.is_empty() && actions.iter().all(is_extra)
}

/// Whom a statement trusts, as far as an object can declare it. The rest goes into notes.
pub(super) fn trusted(
    statement: Statement<'_>,
    variables: bool,
    place: &str,
    notes: &mut Vec<Note>,
) -> Option<Trusted> {
    let mut said =
        |problem: String| notes.push(Note::new(place, format!("{problem}, which spec.trust cannot say"), REMOVED));
    if !statement.allows() {
        said(format!("it denies {}", brief(statement, "Action", "NotAction")));
        return None;
    }
    if statement.get("NotPrincipal").is_some() {
        said("it trusts everyone but some (NotPrincipal)".to_owned());
        return None;
    }
    if statement.get("NotAction").is_some() {
        said("it allows everything but some actions (NotAction)".to_owned());
        return None;
    }
    let principals = principals(statement, &mut said);
    let actions = statement.texts("Action");
    let (whole, others): (Vec<&str>, Vec<&str>) =
        actions.into_iter().partition(|action| action.eq_ignore_ascii_case(ASSUME));
    let assumes = !whole.is_empty() || others.iter().any(|glob| glob_covers(&glob.to_ascii_lowercase(), ASSUME));
    if !others.is_empty() || !assumes {
        let beside = if assumes { "more than sts:AssumeRole: " } else { "" };
        said(format!("it allows {beside}{}", others.join(", ")));
    }
    if !assumes || principals.is_empty() {
        return None;
    }
    match declared(statement, variables) {
        Ok(conditions) => Some(Trusted { place: place.to_owned(), principals, conditions }),
        Err(problem) => {
            said(format!("it has a condition that cannot be declared ({problem})"));
            None
        }
    }
}

/// The principals that can be declared. The others are said one by one.
fn principals(statement: Statement<'_>, said: &mut impl FnMut(String)) -> Vec<String> {
    let mut declared = Vec::new();
    let kinds = match statement.get("Principal") {
        Some(Value::Object(kinds)) => kinds.iter().collect(),
        Some(Value::String(everyone)) => {
            said(format!("it trusts everyone ({everyone})"));
            Vec::new()
        }
        _ => {
            said("it names no principal that can be read".to_owned());
            Vec::new()
        }
    };
    for (kind, names) in kinds {
        for name in texts(names) {
            match Principal::parse(name).filter(|_| kind == "AWS") {
                Some(principal) if declared.contains(&principal.to_string()) => {}
                Some(principal) => declared.push(principal.to_string()),
                None => said(undeclared(kind, name)),
            }
        }
    }
    declared
}

/// What keeps a principal from being declared.
fn undeclared(kind: &str, name: &str) -> String {
    match kind {
        "AWS" if name == "*" => "it trusts everyone (*)".to_owned(),
        "AWS" if is_unique_id(name) => format!("it names {name}, a principal that was deleted"),
        "AWS" => format!("it trusts {name}, which is not an account, a user or a role"),
        "Service" => format!("it trusts the service {name}"),
        "Federated" => format!("it trusts the identity provider {name}"),
        other => format!("it trusts {other} {name}"),
    }
}

/// The conditions as an object declares them.
fn declared(statement: Statement<'_>, variables: bool) -> Result<Conditions, String> {
    let Some(condition) = statement.get("Condition") else { return Ok(Conditions::new()) };
    if !variables && condition.to_string().contains("${") {
        return Err("a policy variable in a document of Version 2008-10-17, where it is plain text".to_owned());
    }
    let found: Conditions = serde_json::from_value(condition.clone()).map_err(|error| error.to_string())?;
    if found.len() > 20 {
        return Err("more than 20 operators".to_owned());
    }
    let spec = TrustSpec { principals: Vec::new(), conditions: found };
    conditions(&spec).map_err(|refusal| refusal.message)?;
    Ok(spec.conditions)
}

/// What an element, or its opposite, has.
fn brief(statement: Statement<'_>, element: &str, opposite: &str) -> String {
    match statement.get(element) {
        Some(_) => statement.texts(element).join(", "),
        None => format!("everything but {}", statement.texts(opposite).join(", ")),
    }
}
