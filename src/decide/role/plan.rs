//! The plan: from what stands in AWS to the target, step by step, without a moment in which anybody can do more than before or
//! after.
//!
//! A plan has stages. Every step of a stage is tried, whether or not others of it fail, and a stage begins only when all
//! stages before it succeeded. What narrows is in the first stage, so no failure keeps it from being tried; what widens
//! comes later, so it waits until all narrowing succeeded. Side steps are about nobody's access and hold up nothing.

mod adjust;
mod end;

use jiff::Timestamp;

pub use self::adjust::foreign_denials;
use self::adjust::{adjust, keep};
use self::end::{close, delete, release};
use super::step::Step;
use crate::api::Reason;
use crate::decide::Refusal;
use crate::domain::policy::{Edit, edit};
use crate::domain::{DesiredRole, IamRole, IamRoleState, ObjectIdentity, Owner, Ownership, PolicyArn};

/// What a role is to become.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// As declared; made if there is none.
    Declared(&'a DesiredRole),
    /// As declared; taken over if nobody owns it.
    Adopted(&'a DesiredRole),
    /// As it is, except for what the platform team or a revocation demands.
    Kept,
    /// Closed to everybody.
    Closed,
    /// Gone, if the operator created it; else released.
    Absent {
        /// Whether a role that is released is closed first.
        closed: bool,
    },
    /// Given up: it stays, without the operator's tags.
    Released {
        /// Whether it is closed first, because the object has no permission any more.
        closed: bool,
    },
}

/// What is known besides goal and role.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// The object.
    pub object: &'a ObjectIdentity,
    /// The operator's principal, if it is known.
    pub operator: Option<&'a str>,
    /// The account's permissions boundary.
    pub boundary: Option<&'a PolicyArn>,
    /// Sessions of before are to be denied since then, if that was asked for.
    pub revoke: Option<Timestamp>,
    /// `aws:userid` of the sessions that the operator itself begins, without the role id.
    pub session_name: &'a str,
    /// Names of inline policies that the object declared before, as a hint.
    pub declared_inline: &'a [String],
    /// Keys of tags that the object declared before, as a hint.
    pub declared_tags: &'a [String],
    /// Instance profiles that keep the role from being deleted, where they were asked for.
    pub instance_profiles: &'a [String],
    /// Whether an earlier try to delete the role failed, so that it is closed first.
    pub deletion_failed: bool,
    /// AWS's time.
    pub now: Timestamp,
}

/// The writes, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Stages; see the module.
    pub stages: Vec<Vec<Step>>,
    /// Steps that are about nobody's access.
    pub side: Vec<Step>,
}

impl Plan {
    fn of(stages: impl IntoIterator<Item = Vec<Step>>, side: Vec<Step>) -> Self {
        Self { stages: stages.into_iter().filter(|stage| !stage.is_empty()).collect(), side }
    }

    /// All steps, in the order in which they are tried.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flatten().chain(&self.side)
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// What stands in AWS when all steps succeeded.
    #[must_use]
    pub fn result(&self, observed: Option<&IamRoleState>) -> Option<IamRoleState> {
        self.steps().fold(observed.cloned(), |state, step| step.apply(state))
    }
}

/// The writes that turn what stands in AWS into the goal; empty if nothing differs in meaning. Refuses to declare a role that
/// belongs to somebody else. Towards every other goal, somebody else's role is left alone.
pub fn plan(goal: Goal<'_>, given: &Given<'_>, observed: Option<&IamRoleState>) -> Result<Plan, Refusal> {
    let Some(state) = observed else {
        return match goal {
            Goal::Declared(role) => Ok(create(role)),
            Goal::Adopted(role) => Err(not_found(role)),
            Goal::Kept | Goal::Closed | Goal::Absent { .. } | Goal::Released { .. } => Ok(Plan::default()),
        };
    };
    let ours = given.object.ownership(&state.role.tags).is_ours();
    match goal {
        Goal::Declared(role) => owned(&state.role, given.object).map(|()| adjust(role, false, given, state)),
        Goal::Adopted(role) => adoptable(&state.role, given.object).map(|()| adjust(role, !ours, given, state)),
        _ if !ours => Ok(Plan::default()),
        Goal::Kept => Ok(keep(given, state)),
        Goal::Closed => Ok(close(given, state)),
        Goal::Absent { .. } if given.object.has_created(&state.role.tags) => Ok(delete(given, state)),
        Goal::Absent { closed } | Goal::Released { closed } => Ok(release(given, state, closed)),
    }
}

/// What would be changed if the role were declared with lifecycle `Create` or `Adopt`, whoever owns it.
#[must_use]
pub fn differences(role: &DesiredRole, given: &Given<'_>, state: &IamRoleState) -> Plan {
    adjust(role, false, given, state)
}

/// Refuses a role that belongs to somebody else, and says how it may be taken over.
pub fn owned(role: &IamRole, object: &ObjectIdentity) -> Result<(), Refusal> {
    match object.ownership(&role.tags) {
        Ownership::Ours | Ownership::OursBefore { .. } => Ok(()),
        Ownership::Another(owner) => Err(taken(role, &owner)),
        Ownership::Unowned { released_from } => {
            let origin = match released_from {
                Some(from) => format!("was released by CrossAccountRole {from}"),
                None => "was not made by this operator".to_owned(),
            };
            let message = format!(
                "role {} exists and {origin}; to take it over, set spec.role.lifecycle: Adopt (the AWSAccount must list Adopt \
                 in guardrails.lifecycles), or choose another spec.role.name",
                role.arn
            );
            Err(Refusal::new(Reason::RoleNotOwned, message))
        }
    }
}

fn adoptable(role: &IamRole, object: &ObjectIdentity) -> Result<(), Refusal> {
    match object.ownership(&role.tags) {
        Ownership::Another(owner) => Err(taken(role, &owner)),
        Ownership::Ours | Ownership::OursBefore { .. } | Ownership::Unowned { .. } => Ok(()),
    }
}

fn taken(role: &IamRole, Owner { cluster, namespace, name }: &Owner) -> Refusal {
    let message = format!(
        "role {} exists and belongs to CrossAccountRole {namespace}/{name} of cluster {cluster}; choose another spec.role.name",
        role.arn
    );
    Refusal::new(Reason::RoleNotOwned, message)
}

/// Refuses to adopt or observe a role that does not exist.
#[must_use]
pub fn not_found(role: &DesiredRole) -> Refusal {
    let message = format!(
        "role {} does not exist in the account, and only lifecycle Create makes it; create it, correct spec.role.name, or set \
         spec.role.lifecycle: Create",
        role.name
    );
    Refusal::new(Reason::RoleNotFound, message)
}

fn create(role: &DesiredRole) -> Plan {
    let mut whole = role.clone();
    whole.tags.extend([ObjectIdentity::created_tag()]);
    let managed = role.managed.iter().cloned().map(Step::Attach);
    let edits = role.inline.iter().map(|(name, document)| (name, edit(None, Some(document))));
    let (denying, giving): (Vec<_>, Vec<_>) = edits
        .map(|(name, Edit { narrowing, widening })| {
            (narrowing.map(|write| Step::inline(name, write)), widening.map(|write| Step::inline(name, write)))
        })
        .unzip();
    let giving = giving.into_iter().flatten().chain(managed).collect();
    Plan::of([vec![Step::Create(Box::new(whole))], denying.into_iter().flatten().collect(), giving], Vec::new())
}

#[cfg(test)]
mod tests;
