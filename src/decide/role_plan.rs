//! What to do to a role so that it becomes as declared.

use std::collections::BTreeMap;

use super::Refusal;
use crate::api::{Reason, tag};
use crate::domain::policy::PolicyDocument;
use crate::domain::{
    DesiredRole, IamRole, IamRoleState, ObjectIdentity, Owner, Ownership, PolicyArn, RoleSettings, RoleTags,
};

/// Name of the inline policy that denies sessions issued before some moment. The operator puts it on when it takes
/// access away, so it is never drift.
pub const DENY_OLDER_SESSIONS: &str = "crossaccount-deny-older-sessions";

/// One write to a role.
#[derive(Clone, Debug, PartialEq)]
pub enum RoleStep {
    /// Creates it, with everything `CreateRole` takes.
    Create(Box<DesiredRole>),
    /// Puts the permissions boundary on.
    PutBoundary(PolicyArn),
    /// Takes the permissions boundary off.
    DeleteBoundary,
    /// Detaches a managed policy.
    Detach(PolicyArn),
    /// Deletes an inline policy.
    DeleteInline(String),
    /// Replaces the trust policy.
    UpdateTrust(PolicyDocument),
    /// Sets description and longest session.
    Update(RoleSettings),
    /// Removes tags.
    Untag(Vec<String>),
    /// Sets tags.
    Tag(RoleTags),
    /// Puts an inline policy.
    PutInline(String, PolicyDocument),
    /// Attaches a managed policy.
    Attach(PolicyArn),
}

impl RoleStep {
    /// What the step is about, for Events.
    #[must_use]
    pub fn subject(&self) -> String {
        match self {
            Self::Create(role) => format!("role {}", role.name),
            Self::PutBoundary(_) | Self::DeleteBoundary => "permissions boundary".into(),
            Self::Detach(arn) | Self::Attach(arn) => format!("managed policy {arn}"),
            Self::DeleteInline(name) | Self::PutInline(name, _) => format!("inline policy {name}"),
            Self::UpdateTrust(_) => "trust policy".into(),
            Self::Update(_) => "description or maximum session".into(),
            Self::Untag(keys) => format!("tags {}", keys.join(", ")),
            Self::Tag(tags) => format!("tags {}", tags.keys().cloned().collect::<Vec<_>>().join(", ")),
        }
    }

    /// Whether it decides who gets in, so that the refusal without external id has to be proven again.
    #[must_use]
    pub fn changes_trust(&self) -> bool {
        matches!(self, Self::Create(_) | Self::UpdateTrust(_))
    }
}

/// The writes that turn what is there into what is declared; empty if nothing differs in meaning.
///
/// What narrows comes before what widens, so that at no moment more is allowed than before or after.
pub fn role_plan(
    desired: &DesiredRole,
    observed: Option<&IamRoleState>,
    object: &ObjectIdentity,
) -> Result<Vec<RoleStep>, Refusal> {
    match observed {
        None => Ok(creation(desired)),
        Some(state) => owned(&state.role, object).map(|()| adjustment(desired, state)),
    }
}

/// Refuses a role that belongs to somebody else.
pub fn owned(role: &IamRole, object: &ObjectIdentity) -> Result<(), Refusal> {
    let arn = &role.arn;
    let whose = match object.ownership(&role.tags) {
        Ownership::Ours | Ownership::OursBefore { .. } => return Ok(()),
        Ownership::Another(Owner { cluster, namespace, name }) => {
            format!("belongs to CrossAccountRole {namespace}/{name} of cluster {cluster}")
        }
        Ownership::Untagged => "was not made by this operator".into(),
    };
    Err(Refusal::new(Reason::RoleNotOwned, format!("role {arn} exists and {whose}; choose another spec.role.name")))
}

fn creation(desired: &DesiredRole) -> Vec<RoleStep> {
    let mut steps = vec![RoleStep::Create(Box::new(desired.clone()))];
    steps.extend(desired.inline.iter().map(|(name, document)| RoleStep::PutInline(name.clone(), document.clone())));
    steps.extend(desired.managed.iter().cloned().map(RoleStep::Attach));
    steps
}

fn adjustment(desired: &DesiredRole, state: &IamRoleState) -> Vec<RoleStep> {
    let DesiredRole { path: _, name: _, trust, settings, boundary, tags, managed, inline } = desired;
    let IamRoleState { role, attached, inline: present } = state;
    let mut steps = Vec::new();

    if let Some(boundary) = boundary.as_ref().filter(|arn| role.boundary.as_ref() != Some(arn)) {
        steps.push(RoleStep::PutBoundary(boundary.clone()));
    }
    steps.extend(attached.difference(managed).cloned().map(RoleStep::Detach));
    let surplus = present.keys().filter(|name| !inline.contains_key(*name) && *name != DENY_OLDER_SESSIONS);
    steps.extend(surplus.cloned().map(RoleStep::DeleteInline));
    if role.trust.as_ref() != Some(trust) {
        steps.push(RoleStep::UpdateTrust(trust.clone()));
    }
    steps.extend(tag_steps(tags, &role.tags));

    if role.settings != *settings {
        steps.push(RoleStep::Update(settings.clone()));
    }
    let differing = inline.iter().filter(|(name, document)| present.get(*name) != Some(&Some((*document).clone())));
    steps.extend(differing.map(|(name, document)| RoleStep::PutInline(name.clone(), document.clone())));
    steps.extend(managed.difference(attached).cloned().map(RoleStep::Attach));
    if boundary.is_none() && role.boundary.is_some() {
        steps.push(RoleStep::DeleteBoundary);
    }
    steps
}

/// Tags that AWS or others own by prefix (`aws:…`) cannot be removed and are left alone.
fn tag_steps(desired: &RoleTags, present: &RoleTags) -> Vec<RoleStep> {
    let surplus: Vec<String> =
        present.keys().filter(|key| !desired.contains_key(*key) && !key.starts_with("aws:")).cloned().collect();
    let differing: BTreeMap<String, String> = desired
        .iter()
        .filter(|(key, value)| present.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut steps = Vec::new();
    if !surplus.is_empty() {
        steps.push(RoleStep::Untag(surplus));
    }
    if !differing.is_empty() {
        steps.push(RoleStep::Tag(differing));
    }
    steps
}

/// Whether this object's declaration made the role, so that deleting the object may delete the role.
///
/// Status says so; or, where a crash lost the status, the tags do: `CreateRole` alone writes this object's UID onto a role
/// whose lifecycle is `Create`. A role of an earlier object of the same name was created by that one.
#[must_use]
pub fn created_by_us(status_says: Option<bool>, role: &IamRole, object: &ObjectIdentity) -> bool {
    status_says.unwrap_or_else(|| role.tags.get(tag::UID) == Some(&object.uid) && owned(role, object).is_ok())
}

#[cfg(test)]
mod tests;
