//! How far a tenant may go in an account: by what it declares, and by what stands in AWS.

mod existing_role;

pub use existing_role::{OwnedRole, within};

use super::Refusal;
use crate::api::{AWSAccount, CrossAccountRole, CrossAccountRoleSpec, DeletionPolicy, Guardrails, Lifecycle, Reason};
use crate::domain::policy::{PolicyDocument, Statement};
use crate::domain::{PolicyArn, Principal, Region, glob_covers};

/// Checks a declaration against every guardrail of its account. The message of a refusal says which guardrail it is and what
/// breaks it.
///
/// Values that cannot be parsed are passed over: the declaration is refused for them anyway, and meanwhile [`within`] judges
/// what stands in AWS.
pub fn declared(account: &AWSAccount, role: &CrossAccountRole) -> Result<(), Refusal> {
    violations(account, role).into_iter().next().map_or(Ok(()), Err)
}

/// Every guardrail that a declaration breaks, in the order in which the operator names them.
#[must_use]
pub fn violations(account: &AWSAccount, role: &CrossAccountRole) -> Vec<Refusal> {
    let (rules, spec) = (&account.spec.guardrails, &role.spec);
    let namespace = role.metadata.namespace.as_deref().unwrap_or_default();
    let (field, asked) = longest(spec);
    let first = [
        may_live(rules, spec.role.lifecycle),
        may_be_unbounded(rules, spec.role.lifecycle),
        may_be_named(rules, role, namespace),
        may_end(account, spec.role.deletion_policy),
        within_longest(rules, field, asked),
    ];
    let tags = spec.role.tags.keys().chain(spec.session.tags.keys()).map(|key| may_tag(rules, key));
    let last = may_call_itself(rules, spec.session.source_identity.as_deref(), namespace);
    let checks = first.into_iter().chain(permissions(account, spec)).chain(tags).chain([last]);
    checks.filter_map(Result::err).collect()
}

fn may_live(rules: &Guardrails, lifecycle: Lifecycle) -> Result<(), Refusal> {
    if rules.lifecycles.contains(&lifecycle) {
        return Ok(());
    }
    Err(no(&format!("role.lifecycle {lifecycle} is not one of guardrails.lifecycles")))
}

/// A role that is only observed gets no boundary from us, whatever the guardrails say.
fn may_be_unbounded(rules: &Guardrails, lifecycle: Lifecycle) -> Result<(), Refusal> {
    if lifecycle == Lifecycle::Observe || rules.permissions_boundary.is_some() || rules.allow_unbounded {
        return Ok(());
    }
    Err(no("no guardrails.permissionsBoundary is set, and guardrails.allowUnbounded is not true"))
}

fn may_end(account: &AWSAccount, policy: Option<DeletionPolicy>) -> Result<(), Refusal> {
    match policy {
        Some(policy) if !allows_deletion_policy(account, policy) => {
            Err(no(&format!("role.deletionPolicy {policy} is not one of guardrails.deletionPolicies")))
        }
        _ => Ok(()),
    }
}

fn may_call_itself(rules: &Guardrails, identity: Option<&str>, namespace: &str) -> Result<(), Refusal> {
    match identity {
        Some(identity) if !any_matches(&rules.source_identities, identity, namespace) => {
            Err(no(&format!("session.sourceIdentity {identity} matches none of guardrails.sourceIdentities")))
        }
        _ => Ok(()),
    }
}

/// Whether the account lets its roles end so.
#[must_use]
pub fn allows_deletion_policy(account: &AWSAccount, policy: DeletionPolicy) -> bool {
    let own = [account.spec.deletion_policy];
    account.spec.guardrails.deletion_policies.as_deref().unwrap_or(&own).contains(&policy)
}

fn permissions(account: &AWSAccount, spec: &CrossAccountRoleSpec) -> Vec<Result<(), Refusal>> {
    let rules = &account.spec.guardrails;
    let attached = spec.role.managed_policy_arns.iter().filter_map(|arn| PolicyArn::parse(arn).ok());
    let attached = attached.map(|arn| may_attach(rules, &arn));
    let inline = spec.role.inline_policies.iter().filter_map(|(name, source)| {
        let document = PolicyDocument::from_json(source.as_json()).ok()?;
        Some(may_contain(rules, name, &document))
    });
    let trusted = Region::parse(&account.spec.region).into_iter().flat_map(|region| {
        let principals = spec.trust.principals.iter().filter_map(|text| Principal::parse(text));
        principals.map(move |principal| may_trust(rules, &principal.as_arn(region.partition())))
    });
    attached.chain(inline).chain(trusted).collect()
}

fn no(what: &str) -> Refusal {
    Refusal::new(Reason::NotAllowed, format!("guardrails of the AWSAccount: {what}"))
}

fn may_be_named(rules: &Guardrails, role: &CrossAccountRole, namespace: &str) -> Result<(), Refusal> {
    let (default, name) = (role.default_role_name(), role.iam_role_name());
    let globs: Vec<String> = rules.role_names.iter().map(|glob| glob.to_lowercase()).collect();
    if name.eq_ignore_ascii_case(&default) || any_matches(&globs, &name.to_lowercase(), namespace) {
        return Ok(());
    }
    Err(no(&format!("role.name {name} matches none of guardrails.roleNames")))
}

/// `{namespace}` in a glob stands for the namespace, which has no wildcards.
fn any_matches(globs: &[String], text: &str, namespace: &str) -> bool {
    globs.iter().any(|glob| glob_covers(&glob.replace("{namespace}", namespace), text))
}

fn may_tag(rules: &Guardrails, key: &str) -> Result<(), Refusal> {
    if rules.principal_tag_keys.iter().any(|allowed| allowed.eq_ignore_ascii_case(key)) {
        return Ok(());
    }
    Err(no(&format!("the tag key {key} is not one of guardrails.principalTagKeys")))
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

/// Every action of every `Allow` must be covered by one glob, without regard to case, as IAM compares actions. `NotAction`
/// allows everything but a list, which no list of globs can bound, so it is refused.
fn actions_within(globs: &[String], document: &PolicyDocument) -> Result<(), String> {
    let globs: Vec<String> = globs.iter().map(|glob| glob.to_lowercase()).collect();
    for statement in document.statements().filter(Statement::allows) {
        if statement.get("NotAction").is_some() {
            return Err("Allow with NotAction cannot be bounded by guardrails.actions; list the actions instead".into());
        }
        let actions = statement.texts("Action");
        let listed = statement.get("Action").and_then(|action| action.as_array()).map_or(1, Vec::len);
        if actions.len() < listed {
            return Err("an action is not a text".into());
        }
        if let Some(action) = actions.into_iter().find(|action| !any_covers(&globs, &action.to_lowercase())) {
            return Err(format!("the action {action} goes beyond guardrails.actions"));
        }
    }
    Ok(())
}

fn any_covers(globs: &[String], pattern: &str) -> bool {
    globs.iter().any(|glob| glob_covers(glob, pattern))
}

#[cfg(test)]
mod tests;
