//! The plan: from what stands in AWS to the target, step by step, without a moment in which anybody can do more than before or
//! after.
//!
//! A plan has stages. Every step of a stage is tried, whether or not others of it fail, and a stage begins only when all
//! stages before it succeeded. What narrows is in the first stage, so no failure keeps it from being tried; what widens
//! comes later, so it waits until all narrowing succeeded. Side steps are about nobody's access and hold up nothing.

mod adjust;
mod end;
mod room;

pub use self::adjust::foreign_denials;
use self::adjust::{adjust, keep};
use self::end::{close, delete, release};
use super::goal::{Given, Goal, Plan};
use super::step::Step;
use crate::api::Reason;
use crate::decide::Refusal;
use crate::domain::policy::{Edit, edit};
use crate::domain::tag;
use crate::domain::{DesiredRole, IamRole, IamRoleState, ObjectIdentity, Owner, Ownership};

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
        Goal::Absent { closed } if given.object.has_created(&state.role.tags) => Ok(delete(given, state, closed)),
        Goal::Absent { closed } | Goal::Released { closed } => Ok(release(given, state, closed)),
    }
}

/// What would be changed if the role were declared with lifecycle `Create` or `Adopt`. The owner of the role does not matter.
#[must_use]
pub fn differences(role: &DesiredRole, given: &Given<'_>, state: &IamRoleState) -> Plan {
    adjust(role, false, given, state)
}

/// Refuses a role that belongs to somebody else, and says how it may be taken over.
pub fn owned(role: &IamRole, object: &ObjectIdentity) -> Result<(), Refusal> {
    match object.ownership(&role.tags) {
        Ownership::Ours | Ownership::OursBefore { .. } => Ok(()),
        Ownership::Another(owner) => Err(taken(role, &owner, object)),
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
        Ownership::Another(owner) => Err(taken(role, &owner, object)),
        Ownership::Ours | Ownership::OursBefore { .. } | Ownership::Unowned { .. } => Ok(()),
    }
}

/// The role of another object. The ways out are those of docs/moving.md.
fn taken(role: &IamRole, owner: &Owner, object: &ObjectIdentity) -> Refusal {
    let Owner { cluster, .. } = owner;
    let renamed = if *cluster == object.cluster {
        String::new()
    } else {
        format!("If that is this cluster under an earlier name, start the operator with --cluster-name={cluster}. ")
    };
    let message = format!(
        "role {} exists and belongs to CrossAccountRole {owner}; choose another spec.role.name. {renamed}To hand the role over to \
         this object, set its tags {}={}, {}={} and {}={}",
        role.arn,
        tag::CLUSTER,
        object.cluster,
        tag::NAMESPACE,
        object.namespace,
        tag::NAME,
        object.name
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
    let (mut denying, mut giving) = (Vec::new(), Vec::new());
    for (name, document) in &role.inline {
        let Edit { narrowing, widening } = edit(None, Some(document));
        denying.extend(narrowing.map(|write| Step::inline(name, write)));
        giving.extend(widening.map(|write| Step::inline(name, write)));
    }
    for arn in &role.managed {
        (if arn.only_denies() { &mut denying } else { &mut giving }).push(Step::Attach(arn.clone()));
    }
    Plan::of([vec![Step::Create(Box::new(whole))], denying, giving], Vec::new())
}

#[cfg(test)]
mod tests;
