//! What to do to a role so that it becomes as declared.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Refusal;
use super::grants::policy::is_one;
use super::requests::revocation_is_due;
use super::revocation::{DENY_OLDER_SESSIONS, denied_until, deny_older_sessions, is_spent, moment_of_denial};
use crate::api::{Lifecycle, Reason, tag};
use crate::domain::policy::PolicyDocument;
use crate::domain::{
    DesiredRole, IamRole, IamRoleState, ObjectIdentity, Owner, Ownership, PolicyArn, RoleSettings, RoleTags,
};

/// One write to a role.
#[derive(Clone, Debug, PartialEq)]
pub enum RoleStep {
    /// Creates it, with everything `CreateRole` takes.
    Create(Box<DesiredRole>),
    /// Denies sessions issued before a moment.
    DenyOlderSessions(Timestamp, PolicyDocument),
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
            Self::DenyOlderSessions(until, _) => format!("denial of sessions issued before {until}"),
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

/// What a role is to become.
#[derive(Clone, Copy, Debug)]
pub struct Goal<'a> {
    /// The object that declares it.
    pub object: &'a ObjectIdentity,
    /// How much of the role is ours.
    pub lifecycle: Lifecycle,
    /// The declaration.
    pub role: &'a DesiredRole,
    /// When it was asked for that sessions of before are denied.
    pub revoke_requested_at: Option<Timestamp>,
    /// The time.
    pub now: Timestamp,
}

/// The writes that turn what is there into what is declared; empty if nothing differs in meaning. For a role that is only
/// observed they are never made, but told.
///
/// What narrows comes before what widens, so that at no moment more is allowed than before or after.
pub fn role_plan(goal: &Goal<'_>, observed: Option<&IamRoleState>) -> Result<Vec<RoleStep>, Refusal> {
    match (goal.lifecycle, observed) {
        (Lifecycle::Create, None) => Ok(creation(goal.role)),
        (Lifecycle::Adopt | Lifecycle::Observe, None) => Err(not_found(goal)),
        (Lifecycle::Create, Some(state)) => {
            owned(&state.role, goal.object)?;
            adjustment(goal, state)
        }
        (Lifecycle::Adopt, Some(state)) => {
            adoptable(&state.role, goal.object)?;
            adjustment(goal, state)
        }
        (Lifecycle::Observe, Some(state)) => adjustment(goal, state),
    }
}

fn not_found(goal: &Goal<'_>) -> Refusal {
    let Goal { lifecycle, role, .. } = goal;
    let told = format!(
        "there is no role {} in the account, and with lifecycle {lifecycle} it is not made; create it, correct spec.role.name, or \
         choose lifecycle Create",
        role.name
    );
    Refusal::new(Reason::RoleNotFound, told)
}

/// Refuses a role that belongs to somebody else.
pub fn owned(role: &IamRole, object: &ObjectIdentity) -> Result<(), Refusal> {
    match object.ownership(&role.tags) {
        Ownership::Ours | Ownership::OursBefore { .. } => Ok(()),
        Ownership::Another(owner) => Err(taken(role, &owner)),
        Ownership::Untagged => {
            let told = "exists and was not made by this operator; choose another spec.role.name, or take it over with \
                        spec.role.lifecycle: Adopt where the AWSAccount allows that";
            Err(Refusal::new(Reason::RoleNotOwned, format!("role {} {told}", role.arn)))
        }
    }
}

/// A role may be taken over unless it belongs to another object.
fn adoptable(role: &IamRole, object: &ObjectIdentity) -> Result<(), Refusal> {
    match object.ownership(&role.tags) {
        Ownership::Another(owner) => Err(taken(role, &owner)),
        Ownership::Ours | Ownership::OursBefore { .. } | Ownership::Untagged => Ok(()),
    }
}

fn taken(role: &IamRole, Owner { cluster, namespace, name }: &Owner) -> Refusal {
    let told = format!(
        "role {} exists and belongs to CrossAccountRole {namespace}/{name} of cluster {cluster}; choose another spec.role.name",
        role.arn
    );
    Refusal::new(Reason::RoleNotOwned, told)
}

fn creation(desired: &DesiredRole) -> Vec<RoleStep> {
    let mut steps = vec![RoleStep::Create(Box::new(desired.clone()))];
    steps.extend(desired.inline.iter().map(|(name, document)| RoleStep::PutInline(name.clone(), document.clone())));
    steps.extend(desired.managed.iter().cloned().map(RoleStep::Attach));
    steps
}

fn adjustment(goal: &Goal<'_>, state: &IamRoleState) -> Result<Vec<RoleStep>, Refusal> {
    let DesiredRole { path: _, name: _, trust, settings, boundary, tags, managed, inline } = goal.role;
    let IamRoleState { role, attached, inline: present } = state;
    let mut steps = denial_steps(goal, state)?;
    let mut tagging = tag_steps(goal.lifecycle, tags, &role.tags);
    if goal.lifecycle == Lifecycle::Adopt {
        steps.append(&mut tagging); // first: of two who adopt one role at a time, the later one finds it taken
    }

    if let Some(boundary) = boundary.as_ref().filter(|arn| role.boundary.as_ref() != Some(arn)) {
        steps.push(RoleStep::PutBoundary(boundary.clone()));
    }
    steps.extend(attached.difference(managed).cloned().map(RoleStep::Detach));
    // Policies by which source grants, of this or another cluster, let this role assume others are no part of its declaration.
    let kept = |name: &str, found: &Option<PolicyDocument>| name == DENY_OLDER_SESSIONS || is_one(name, found.as_ref());
    let surplus = present.iter().filter(|(name, found)| !inline.contains_key(*name) && !kept(name, found));
    steps.extend(surplus.map(|(name, _)| RoleStep::DeleteInline(name.clone())));
    if role.trust.as_ref() != Some(trust) {
        steps.push(RoleStep::UpdateTrust(trust.clone()));
    }
    steps.append(&mut tagging);

    if role.settings != *settings {
        steps.push(RoleStep::Update(settings.clone()));
    }
    let differing = inline.iter().filter(|(name, document)| present.get(*name) != Some(&Some((*document).clone())));
    steps.extend(differing.map(|(name, document)| RoleStep::PutInline(name.clone(), document.clone())));
    steps.extend(managed.difference(attached).cloned().map(RoleStep::Attach));
    // The boundary that somebody else gave their role stays: to take it off would widen what they bounded.
    if boundary.is_none() && role.boundary.is_some() && goal.lifecycle == Lifecycle::Create {
        steps.push(RoleStep::DeleteBoundary);
    }
    Ok(steps)
}

/// Denies what was asked to be denied, and takes away a denial that no session is left for.
fn denial_steps(goal: &Goal<'_>, state: &IamRoleState) -> Result<Vec<RoleStep>, Refusal> {
    let until = denial_on(state);
    if let Some(requested) = goal.revoke_requested_at.filter(|at| revocation_is_due(Some(*at), until, goal.now)) {
        // What is only told must read the same at each look.
        let observed = goal.lifecycle == Lifecycle::Observe;
        let until = if observed { requested } else { moment_of_denial(goal.now) };
        let denial = deny_older_sessions(until).map_err(|e| Refusal::new(Reason::InvalidSpec, e.to_string()))?;
        return Ok(vec![RoleStep::DenyOlderSessions(until, denial)]);
    }
    let spent = until.is_some_and(|until| is_spent(until, goal.now)) && goal.lifecycle != Lifecycle::Observe;
    Ok(spent.then(|| RoleStep::DeleteInline(DENY_OLDER_SESSIONS.to_owned())).into_iter().collect())
}

/// Up to which moment sessions of a role are denied.
#[must_use]
pub fn denial_on(state: &IamRoleState) -> Option<Timestamp> {
    state.inline.get(DENY_OLDER_SESSIONS)?.as_ref().and_then(denied_until)
}

/// Tags that AWS or others own by prefix (`aws:…`) cannot be removed and are left alone. So are all other tags of a role that
/// somebody else made: their owner's tools find it by them.
fn tag_steps(lifecycle: Lifecycle, desired: &RoleTags, present: &RoleTags) -> Vec<RoleStep> {
    let removable =
        |key: &&String| lifecycle == Lifecycle::Create && !desired.contains_key(*key) && !key.starts_with("aws:");
    let surplus: Vec<String> = present.keys().filter(removable).cloned().collect();
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
/// Status says so; or, where a crash lost the status, the tags do: of a role whose lifecycle is `Create`, `CreateRole` alone
/// writes this object's UID onto it. A role of an earlier object of the same name was created by that one, and an adopted
/// one is in the status before it is tagged.
#[must_use]
pub fn created_by_us(status_says: Option<bool>, lifecycle: Lifecycle, role: &IamRole, object: &ObjectIdentity) -> bool {
    let tags_say = || lifecycle == Lifecycle::Create && role.tags.get(tag::UID) == Some(&object.uid);
    owned(role, object).is_ok() && status_says.unwrap_or_else(tags_say)
}

#[cfg(test)]
mod tests;
