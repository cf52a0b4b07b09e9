//! An existing role of ours: made as declared, or kept as it is.

use std::collections::BTreeSet;

use super::room::{MayGo, make_room};
use crate::decide::grants::policy::is_grant_policy;
use crate::decide::role::denial::{DENY, Denial, Denied, is_denial_name, moment_of_denial, own_denial};
use crate::decide::role::goal::{Given, Plan};
use crate::decide::role::step::Step;
use crate::decide::role::trust::{own_trust, with_own};
use crate::decide::target::requests::{is_due, revocation_is_due};
use crate::domain::policy::{Edit, PolicyDocument, Write, common, edit};
use crate::domain::tag;
use crate::domain::{DesiredRole, IamRoleState, PolicyArn, RoleTags};

/// Makes the role as declared. `claims`: nobody owns it yet, so the tags come first. Of two objects that adopt one role at a
/// time, the later one then finds it taken.
pub(super) fn adjust(role: &DesiredRole, claims: bool, given: &Given<'_>, state: &IamRoleState) -> Plan {
    let DesiredRole { trust, settings, boundary, tags, managed, .. } = role;
    let mut steps = Stages::default();
    steps.inline_policies(role, given, state);
    steps.narrow.extend(state.attached.difference(managed).filter(|arn| !arn.only_denies()).cloned().map(Step::Detach));
    let (denying, giving): (Vec<&PolicyArn>, Vec<_>) =
        managed.difference(&state.attached).partition(|arn| arn.only_denies());
    steps.widen.extend(giving.into_iter().cloned().map(Step::Attach));
    steps.trust(trust, given, state);
    steps.denial(given, state);

    let present = &state.role.settings;
    if present != settings {
        let step = Step::Update(settings.clone());
        match settings.max_session_seconds.cmp(&present.max_session_seconds) {
            std::cmp::Ordering::Less => steps.narrow.push(step),
            std::cmp::Ordering::Greater => steps.widen.push(step),
            std::cmp::Ordering::Equal => steps.side.push(step),
        }
    }
    // Another boundary may allow more than the one that it replaces. It is put on at once nevertheless: it is what the
    // platform team sets as the most that the role may do, and no failure of another step may delay it.
    if let Some(boundary) = boundary.as_ref().filter(|arn| state.role.boundary.as_ref() != Some(arn)) {
        steps.narrow.push(Step::PutBoundary(boundary.clone()));
    }
    // After the boundary: a manager may be allowed to attach policies to roles that have it and to no others.
    steps.narrow.extend(denying.into_iter().cloned().map(Step::Attach));
    // A boundary that somebody else gave their role stays: to take it off would widen what they bounded.
    if boundary.is_none() && state.role.boundary.is_some() && given.object.has_created(&state.role.tags) {
        steps.admit.push(Step::DeleteBoundary);
    }
    let missing: RoleTags = tags
        .iter()
        .filter(|(key, value)| state.role.tags.get(*key) != Some(*value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let declared = |key: &String| given.declared_tags.contains(key) && !key.starts_with(tag::RESERVED_PREFIX);
    let surplus = |key: &&String| !tags.contains_key(*key) && (declared(key) || *key == tag::RELEASED_FROM);
    let surplus: Vec<String> = state.role.tags.keys().filter(surplus).cloned().collect();
    // First off, then on: IAM compares keys without case, and counts at most 50.
    if !surplus.is_empty() {
        steps.side.push(Step::Untag(surplus));
    }
    if !missing.is_empty() {
        (if claims { &mut steps.claim } else { &mut steps.side }).push(Step::Tag(missing));
    }
    steps.into_plan()
}

/// Leaves the role as it is, except for the account's boundary and a revocation that was asked for.
pub(super) fn keep(given: &Given<'_>, state: &IamRoleState) -> Plan {
    let mut steps = Stages::default();
    if let Some(denial) = requested(given, state) {
        steps.deny(denial, state);
    }
    steps.narrow.extend(put_boundary(given, state));
    steps.into_plan()
}

/// The account's boundary, where it is not on the role.
pub(super) fn put_boundary(given: &Given<'_>, state: &IamRoleState) -> Option<Step> {
    let boundary = given.boundary.filter(|arn| state.role.boundary.as_ref() != Some(arn))?;
    Some(Step::PutBoundary(boundary.clone()))
}

/// The denial that meets a request to revoke, if one is due.
fn requested(given: &Given<'_>, state: &IamRoleState) -> Option<Denial> {
    let current = own_denial(state);
    let request = given.revoke.filter(|requested| revocation_is_due(*requested, &current, given.now))?;
    let denial = current.with(Denial::before(moment_of_denial(given.now)));
    Some(Denial { request: Some(request), ..denial })
}

/// The steps by their stage, in the order of the stages.
#[derive(Default)]
struct Stages {
    /// Takes ownership. Nothing else may be written before.
    claim: Vec<Step>,
    narrow: Vec<Step>,
    /// Gives what sessions may do.
    widen: Vec<Step>,
    /// Lets principals in, once sessions can do just what is declared.
    admit: Vec<Step>,
    /// Weakens a denial, once everything under it is as declared.
    lift: Vec<Step>,
    side: Vec<Step>,
}

impl Stages {
    fn into_plan(self) -> Plan {
        let Self { claim, narrow, widen, admit, lift, side } = self;
        Plan::of([claim, narrow, widen, admit, lift], side)
    }

    /// Deletions come first: what is put may need their room.
    fn inline_policies(&mut self, role: &DesiredRole, given: &Given<'_>, state: &IamRoleState) {
        let names: BTreeSet<&String> = role.inline.keys().chain(state.inline.keys()).collect();
        let (mut deletions, mut replacements) = (Vec::new(), Vec::new());
        for name in names {
            let (present, wanted) = (state.inline.get(name), role.inline.get(name));
            if wanted.is_none() && present.is_some_and(|found| stays(name, found.as_ref(), given)) {
                continue;
            }
            let Edit { narrowing, widening } = match present {
                // A text that cannot be read may say anything.
                Some(None) => Edit { narrowing: Some(Write::Delete), widening: wanted.cloned().map(Write::Put) },
                Some(Some(found)) => edit(Some(found), wanted),
                None => edit(None, wanted),
            };
            match narrowing {
                Some(Write::Delete) => deletions.push(Step::DeleteInline(name.clone())),
                Some(put) => replacements.push(Step::inline(name, put)),
                None => {}
            }
            // Of a denial that somebody edited, what it denies stays.
            let widening = widening.filter(|_| wanted.is_some() || !is_denial_name(name));
            self.widen.extend(widening.map(|write| Step::inline(name, write)));
        }
        self.narrow.extend(deletions.into_iter().chain(replacements));
    }

    fn trust(&mut self, wanted: &PolicyDocument, given: &Given<'_>, state: &IamRoleState) {
        let present = state.role.trust.as_ref();
        if present == Some(wanted) {
            return;
        }
        // A trust policy cannot be empty, and the operator's own statement is part of every declared one.
        let both = common(present, Some(wanted)).filter(|both| !both.only_denies());
        let both = both.map_or_else(
            || own_trust(given.object, given.operator, Some(wanted)),
            |both| with_own(both, present, given.object),
        );
        if present != Some(&both) {
            self.narrow.push(Step::UpdateTrust(both.clone()));
        }
        if both != *wanted {
            self.admit.push(Step::UpdateTrust(wanted.clone()));
        }
    }

    /// Source grants make room for a denial, unless what goes anyway leaves enough.
    fn deny(&mut self, denial: Denial, state: &IamRoleState) {
        let narrowed = self.narrow.iter().try_fold(state.clone(), |state, step| step.apply(Some(state)));
        let room = narrowed.map(|state| make_room(&denial, &state, MayGo::Grants));
        self.narrow.extend(room.unwrap_or_default());
        self.narrow.push(Step::Deny(denial));
    }

    /// Access returns last: what denied everyone then denies the earlier sessions.
    fn denial(&mut self, given: &Given<'_>, state: &IamRoleState) {
        let current = own_denial(state);
        if current.everyone == Denied::Everyone {
            let request = given.revoke.filter(|requested| is_due(*requested, given.now)).or(current.request);
            let everyone = Denial::before(moment_of_denial(given.now)).everyone;
            self.lift.push(Step::Deny(Denial { everyone, request, ..current }));
        } else if let Some(denial) = requested(given, state) {
            self.deny(denial, state);
        } else if current != Denial::default() && current.has_expired(given.now) {
            self.lift.push(Step::DeleteInline(DENY.to_owned()));
        }
    }
}

/// Whether an inline policy that is not declared stays: it gives permission to assume other roles, on behalf of source
/// grants; or it only denies, and this object did not declare it before.
fn stays(name: &str, found: Option<&PolicyDocument>, given: &Given<'_>) -> bool {
    let foreign = is_denial_name(name) || !given.declared_inline.iter().any(|declared| declared == name);
    is_grant_policy(name, found) || found.is_some_and(|document| foreign && document.only_denies())
}

/// The inline policies on a role that only deny and that nobody declared, for people to know of.
#[must_use]
pub fn foreign_denials(role: &DesiredRole, given: &Given<'_>, state: &IamRoleState) -> Vec<String> {
    let foreign = |(name, found): &(&String, &Option<PolicyDocument>)| {
        let undeclared = !role.inline.contains_key(*name) && !name.starts_with(DENY);
        undeclared && found.as_ref().is_some_and(PolicyDocument::only_denies) && stays(name, found.as_ref(), given)
    };
    state.inline.iter().filter(foreign).map(|(name, _)| name.clone()).collect()
}
