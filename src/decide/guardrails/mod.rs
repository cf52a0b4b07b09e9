//! How far a tenant may go in an account: what is declared, and what stands already.

mod standing;

pub use standing::standing;

use super::Refusal;
use super::policies::DesiredPolicies;
use crate::api::{CrossAccountRoleSpec, Guardrails, Lifecycle, Reason};
use crate::domain::policy::PolicyDocument;
use crate::domain::{Partition, PolicyArn, Principal, glob_covers};

/// Checks the declaration against every guardrail; the message of a refusal says which one and what breaks it.
///
/// Policies and principals that could not be read are not given: the declaration is refused for them anyway, and what stands
/// in AWS meanwhile is for [`standing`] to judge.
pub fn guardrails(
    rules: &Guardrails,
    spec: &CrossAccountRoleSpec,
    policies: Option<&DesiredPolicies>,
    principals: Option<&[Principal]>,
    partition: Partition,
) -> Result<(), Refusal> {
    let lifecycle = spec.role.lifecycle;
    if !rules.lifecycles.contains(&lifecycle) {
        return Err(no(&format!("role.lifecycle {lifecycle} is not one of guardrails.lifecycles")));
    }
    // A role that is only observed gets no boundary from us, whatever the guardrails say.
    if lifecycle != Lifecycle::Observe && rules.permissions_boundary.is_none() && !rules.allow_unbounded {
        return Err(no("no guardrails.permissionsBoundary is set, and guardrails.allowUnbounded is not true"));
    }
    let (field, asked) = longest(spec);
    within_longest(rules, field, asked)?;
    for arn in policies.iter().flat_map(|policies| &policies.managed) {
        may_attach(rules, arn)?;
    }
    for (name, document) in policies.iter().flat_map(|policies| &policies.inline) {
        may_contain(rules, name, document)?;
    }
    for principal in principals.into_iter().flatten() {
        may_trust(rules, &principal.as_arn(partition))?;
    }
    Ok(())
}

fn no(what: &str) -> Refusal {
    Refusal::new(Reason::NotAllowed, format!("guardrails of the AWSAccount: {what}"))
}

fn longest(spec: &CrossAccountRoleSpec) -> (&'static str, u32) {
    let (role, session) = (spec.role.max_session_duration_seconds, spec.session.duration_seconds);
    if role > session { ("role.maxSessionDurationSeconds", role) } else { ("session.durationSeconds", session) }
}

fn within_longest(rules: &Guardrails, field: &str, asked: u32) -> Result<(), Refusal> {
    match rules.max_session_duration_seconds {
        Some(limit) if asked > limit => {
            Err(no(&format!("{field} is {asked}, more than guardrails.maxSessionDurationSeconds, {limit}")))
        }
        _ => Ok(()),
    }
}

fn may_attach(rules: &Guardrails, arn: &PolicyArn) -> Result<(), Refusal> {
    match &rules.managed_policies {
        Some(globs) if !any_covers(globs, arn.as_str()) => {
            Err(no(&format!("managed policy {arn} matches none of guardrails.managedPolicies")))
        }
        _ => Ok(()),
    }
}

fn may_trust(rules: &Guardrails, principal: &str) -> Result<(), Refusal> {
    if any_covers(&rules.principals, principal) {
        return Ok(());
    }
    Err(no(&format!("trust.principals: {principal} matches none of guardrails.principals")))
}

fn may_contain(rules: &Guardrails, name: &str, document: &PolicyDocument) -> Result<(), Refusal> {
    let Some(globs) = &rules.actions else { return Ok(()) };
    actions_within(globs, document).map_err(|what| no(&format!("inline policy {name}: {what}")))
}

/// Every action of every `Allow` must be covered by one glob, without regard to case, as IAM compares actions.
/// `NotAction` allows everything but a list, which no list of globs can bound, so it is refused.
fn actions_within(globs: &[String], document: &PolicyDocument) -> Result<(), String> {
    let globs: Vec<String> = globs.iter().map(|glob| glob.to_lowercase()).collect();
    for statement in document.statements().filter(|s| s.get("Effect").and_then(|e| e.as_str()) != Some("Deny")) {
        if statement.contains_key("NotAction") {
            return Err("Allow with NotAction cannot be bounded by guardrails.actions; list the actions instead".into());
        }
        let actions = statement.get("Action").map(|action| match action.as_array() {
            Some(many) => many.iter().collect::<Vec<_>>(),
            None => vec![action],
        });
        for action in actions.unwrap_or_default() {
            let action = action.as_str().ok_or_else(|| format!("the action {action} is not a text"))?;
            if !any_covers(&globs, &action.to_lowercase()) {
                return Err(format!("the action {action} goes beyond guardrails.actions"));
            }
        }
    }
    Ok(())
}

fn any_covers(globs: &[String], pattern: &str) -> bool {
    globs.iter().any(|glob| glob_covers(glob, pattern))
}

#[cfg(test)]
mod tests;
