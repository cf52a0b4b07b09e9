//! The ways access ends: closed, deleted, released.

use super::adjust::put_boundary;
use super::room::{MayGo, make_room};
use crate::decide::role::denial::{DENY, Denial, Denied, moment_of_denial, own_denial};
use crate::decide::role::goal::{Given, Plan};
use crate::decide::role::step::Step;
use crate::decide::role::trust::own_trust;
use crate::domain::policy::PolicyDocument;
use crate::domain::tag;
use crate::domain::{IamRoleState, PolicyArn};

/// Closes a role: everything is denied to every session, and nobody but the operator may begin one.
pub(super) fn close(given: &Given<'_>, state: &IamRoleState) -> Plan {
    Plan::of([closing(given, state)], Vec::new())
}

fn closing(given: &Given<'_>, state: &IamRoleState) -> Vec<Step> {
    let current = own_denial(state);
    let denial = current.clone().with(Denial::of_everyone());
    let mut steps = Vec::new();
    if denial != current || given.unsettled {
        steps.extend(make_room(&denial, state, MayGo::All));
        steps.push(Step::Deny(denial));
    }
    let closed = own_trust(given.object, given.operator, state.role.trust.as_ref());
    if state.role.trust.as_ref() != Some(&closed) || given.unsettled {
        steps.push(Step::UpdateTrust(closed));
    }
    steps.extend(put_boundary(given, state));
    steps
}

/// Deletes a role, in the order that IAM wants (IAM user guide, "Deleting roles or instance profiles"). What denies goes last.
/// The role is closed first where the object has no permission to leave it open, where a deletion failed before, since the role
/// may then stay for long, and where a policy that goes denies something that another one may still allow.
pub(super) fn delete(given: &Given<'_>, state: &IamRoleState, closed: bool) -> Plan {
    let partly =
        |found: &PolicyDocument| !found.only_denies() && found.statements().any(|statement| !statement.allows());
    let restrains = state.attached.iter().any(PolicyArn::only_denies) || state.inline.values().flatten().any(partly);
    let mut closing = if closed || given.deletion_failed || restrains { closing(given, state) } else { Vec::new() };
    closing.retain(|step| !matches!(step, Step::PutBoundary(_))); // a boundary that cannot be put on must not keep the role
    let denies = |name: &str| {
        state.inline.get(name).is_some_and(|found| found.as_ref().is_some_and(PolicyDocument::only_denies))
    };
    let gone = |step: &Step, name: &str| *step == Step::DeleteInline(name.to_owned());
    let inline = state.inline.keys().filter(|name| !closing.iter().any(|step| gone(step, name)));
    let (denying, giving): (Vec<&String>, Vec<&String>) = inline.partition(|name| denies(name));
    let profiles = given.instance_profiles.iter().cloned().map(Step::LeaveInstanceProfile);
    let giving = giving.into_iter().cloned().map(Step::DeleteInline);
    let detached = state.attached.iter().cloned().map(Step::Detach);
    let mut denying: Vec<Step> = denying.into_iter().cloned().map(Step::DeleteInline).collect();
    if closing.iter().any(|step| matches!(step, Step::Deny(_))) && !state.inline.contains_key(DENY) {
        denying.push(Step::DeleteInline(DENY.to_owned()));
    }
    Plan::of([closing, profiles.chain(giving).chain(detached).collect(), denying, vec![Step::DeleteRole]], Vec::new())
}

/// Gives a role up. The sessions that the operator began are denied; every denial that stands stays as strong as it is.
pub(super) fn release(given: &Given<'_>, state: &IamRoleState, closed: bool) -> Plan {
    let mut steps = if closed { closing(given, state) } else { Vec::new() };
    let current = own_denial(state);
    let user_id = format!("{}:{}", state.role.id, given.session_name);
    let own = Denial { own: Some((user_id, moment_of_denial(given.now))), ..Denial::default() };
    let mut denial = current.with(own);
    if closed {
        denial = denial.with(Denial::of_everyone());
        steps.retain(|step| !matches!(step, Step::Deny(_) | Step::DeleteInline(_)));
    }
    let may_go = if denial.everyone == Denied::Everyone { MayGo::All } else { MayGo::Grants };
    steps.splice(0..0, make_room(&denial, state, may_go));
    steps.push(Step::Deny(denial));
    let mine =
        |key: &&String| [tag::CLUSTER, tag::NAMESPACE, tag::NAME, tag::UID, tag::CREATED].contains(&key.as_str());
    let ours = state.role.tags.keys().filter(mine).cloned().collect();
    // The new tag first: a role that has both still is ours, and is released again.
    Plan::of([steps, vec![Step::Tag([given.object.released_tag()].into())], vec![Step::Untag(ours)]], Vec::new())
}
