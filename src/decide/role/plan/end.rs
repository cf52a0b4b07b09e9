//! The ways access ends: closed, deleted, released.

use super::adjust::{only_denies, put_boundary};
use crate::decide::role::denial::{DENY, Denial, Denied, moment_of_denial, own_denial};
use crate::decide::role::goal::{Given, Plan};
use crate::decide::role::step::Step;
use crate::decide::role::trust::own_trust;
use crate::domain::policy::PolicyDocument;
use crate::domain::tag;
use crate::domain::{INLINE_QUOTA_OF_ROLE, IamRoleState};

/// Closes a role: everything is denied to every session, and nobody but the operator may begin one.
pub(super) fn close(given: &Given<'_>, state: &IamRoleState) -> Plan {
    Plan::of([closing(given, state)], Vec::new())
}

fn closing(given: &Given<'_>, state: &IamRoleState) -> Vec<Step> {
    let standing = own_denial(state);
    let denial = standing.clone().with(Denial::of_everyone());
    let mut steps = Vec::new();
    if denial != standing {
        steps.extend(make_room(&denial, state));
        steps.push(Step::Deny(denial));
    }
    let closed = own_trust(given.object, given.operator, state.role.trust.as_ref());
    if state.role.trust.as_ref() != Some(&closed) {
        steps.push(Step::UpdateTrust(closed));
    }
    steps.extend(put_boundary(given, state));
    steps
}

/// Deletes the largest inline policies until the denial fits beside the others. A text that cannot be read counts as too
/// large.
fn make_room(denial: &Denial, state: &IamRoleState) -> Vec<Step> {
    let size = |document: Option<&PolicyDocument>| document.map_or(INLINE_QUOTA_OF_ROLE, PolicyDocument::quota_size);
    let others = state.inline.iter().filter(|(name, _)| *name != DENY);
    let mut others: Vec<(&String, usize, bool)> = others
        .map(|(name, found)| (name, size(found.as_ref()), found.as_ref().is_some_and(PolicyDocument::only_denies)))
        .collect();
    others.sort_by_key(|(_, size, only_denies)| (*only_denies, std::cmp::Reverse(*size)));
    let needed = denial.document().as_ref().map_or(0, PolicyDocument::quota_size);
    let mut total = needed + others.iter().map(|(_, size, _)| size).sum::<usize>();
    let mut steps = Vec::new();
    for (name, size, _) in others {
        if total <= INLINE_QUOTA_OF_ROLE {
            break;
        }
        total -= size;
        steps.push(Step::DeleteInline(name.clone()));
    }
    steps
}

/// Deletes a role, in the order that IAM wants (IAM user guide, "Deleting roles or instance profiles"). What denies goes last.
/// Where that failed before, the role is closed first: it may stay for long. So it is where a policy that goes denies something
/// that another one may still allow.
pub(super) fn delete(given: &Given<'_>, state: &IamRoleState) -> Plan {
    let partly =
        |found: &PolicyDocument| !found.only_denies() && found.statements().any(|statement| !statement.allows());
    let restrains = state.attached.iter().any(only_denies) || state.inline.values().flatten().any(partly);
    let closing = if given.deletion_failed || restrains { closing(given, state) } else { Vec::new() };
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
    let standing = own_denial(state);
    let user_id = format!("{}:{}", state.role.id, given.session_name);
    let own = Denial { own: Some((user_id, moment_of_denial(given.now))), ..Denial::default() };
    let mut denial = standing.with(own);
    if closed {
        denial = denial.with(Denial::of_everyone());
        steps.retain(|step| !matches!(step, Step::Deny(_) | Step::DeleteInline(_)));
    }
    if denial.everyone == Denied::Everyone {
        steps.splice(0..0, make_room(&denial, state));
    }
    steps.push(Step::Deny(denial));
    let mine =
        |key: &&String| [tag::CLUSTER, tag::NAMESPACE, tag::NAME, tag::UID, tag::CREATED].contains(&key.as_str());
    let ours = state.role.tags.keys().filter(mine).cloned().collect();
    // The new tag first: a role that has both still is ours, and is released again.
    Plan::of([steps, vec![Step::Tag([given.object.released_tag()].into())], vec![Step::Untag(ours)]], Vec::new())
}
