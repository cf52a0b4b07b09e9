//! What holds of every write, every publication, and every world that has become quiet.

use jiff::Timestamp;

use super::iam::powers;
use super::run::Run;
use super::world::{ACCOUNT, Object, World, identity, operator};
use crate::api::{ConditionType, CrossAccountRole, Lifecycle};
use crate::cluster::ObservedSecret;
use crate::decide::Refusal;
use crate::decide::account::allowed::Namespace;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::role::compliance::{Ended, check_compliance};
use crate::decide::role::denial::{denied, is_denied};
use crate::decide::role::fixture::OPERATOR;
use crate::decide::role::{Given, Goal, Step, plan};
use crate::decide::target::desired::Desired;
use crate::decide::target::{Situation, Target, target};
use crate::domain::policy::PolicyDocument;
use crate::domain::{IamRoleState, Ownership, PolicyArn};

use super::effects::Weather;

/// The namespace of both objects.
pub fn namespace() -> Namespace {
    Namespace { name: "team".into(), ..Namespace::default() }
}

/// The target of an object by the word of the API server.
pub fn true_target(world: &World, role: &CrossAccountRole, conflict: Option<&Refusal>) -> Target {
    target(&Situation {
        role,
        object: &identity(role),
        account: Some(&world.account),
        namespace: &namespace(),
        conflict,
        identity: Ok(&operator()),
        operators_own: &[],
    })
}

/// What a write to IAM broke. `seen` is the role as the pass knows it, `before` as it stood.
pub fn of_write(run: &Run<'_>, step: &Step, seen: Option<&IamRoleState>, before: Option<&IamRoleState>) -> Vec<String> {
    let after = run.world.iam.role.as_ref();
    if after == before {
        return Vec::new(); // it had no effect
    }
    let mut broken = Vec::new();
    let object = &run.pass.object;
    // A read that lags shows whose the role was: nobody can know better.
    let known = if run.effects.weather == Weather::Lag { seen } else { before };
    let ownership = known.map(|state| object.ownership(&state.role.tags));
    let adopts = run.pass.role.spec.role.lifecycle == Lifecycle::Adopt;
    let claims = adopts && matches!(step, Step::Tag(_)) && matches!(ownership, Some(Ownership::Unowned { .. }));
    if !matches!(step, Step::Create(_)) && !claims && !ownership.as_ref().is_some_and(Ownership::is_ours) {
        broken.push(format!("{step:?} on a role that is not ours: {ownership:?}"));
    }
    if *step == Step::DeleteRole && !known.is_some_and(|state| object.has_created(&state.role.tags)) {
        broken.push("a role is deleted that the operator did not create".to_owned());
    }
    let Some(live) = run.live() else { return broken };
    let truth = true_target(run.world, live, None);
    let now = run.pass.now;
    if let Some(bounds) = &run.bounds {
        let more: Vec<_> = powers(after, now).difference(bounds).copied().collect();
        if !more.is_empty() {
            broken.push(format!("{step:?} gives {more:?}, which nobody had before or has after the plan"));
        }
    }
    // A role that is given up may be left open, so what a read that lags hides may be lost with it.
    let may_be_open = matches!(truth, Target::Released { closed: None }) && run.world.iam.misled;
    if !matches!(truth, Target::Open(_)) && !may_be_open {
        let more: Vec<_> = powers(after, now).difference(&powers(before, now)).copied().collect();
        if !more.is_empty() {
            broken.push(format!("{step:?} gives {more:?} while the target is {}", word(&truth)));
        }
    }
    broken
}

/// What a write of the Secret broke.
pub fn of_publication(
    run: &Run<'_>,
    set: &PublishedCredentials,
    desired: &Desired,
    held: &ObservedSecret,
) -> Vec<String> {
    if held.publication().is_some_and(|held| held.credentials == set.credentials) {
        return Vec::new(); // the same set in other files
    }
    let mut broken = Vec::new();
    let Ok(request) = &desired.session else { return vec!["a set without a request".to_owned()] };
    let role_id = set.credentials.access_key_id.expose();
    if set.inputs_hash != request.fingerprint(&set.role_arn, role_id) || !set.is_of("team-shared", Some(ACCOUNT)) {
        broken.push(format!("a set of role {role_id} is published that was not verified"));
    }
    // What a read that lags does not show, nobody can know; the role is read again two minutes after a write.
    if set.credentials.session_token.expose() == "denied" && !run.world.iam.misled {
        broken.push("a set is published that is denied everything".to_owned());
    }
    if let Some(live) = run.live() {
        let truth = true_target(run.world, live, None);
        if !matches!(truth, Target::Open(_) | Target::Held(_)) {
            broken.push(format!("a set is published while the target is {}", word(&truth)));
        }
    }
    broken
}

/// A target in a word.
pub fn word(target: &Target) -> &'static str {
    match target {
        Target::Open(_) => "Open",
        Target::Held(_) => "Held",
        Target::Closed(_) => "Closed",
        Target::Absent { .. } => "Absent",
        Target::Released { .. } => "Released",
    }
}

/// Why an object of a quiet world is not yet what its target says.
pub fn unsettled(world: &World, object: &Object, conflict: Option<&Refusal>) -> Option<String> {
    let target = true_target(world, &object.live, conflict);
    let ours = |state: &&IamRoleState| object.identity().ownership(&state.role.tags).is_ours();
    let role = world.iam.role.as_ref();
    let problem = match &target {
        Target::Open(desired) => open(world, object, desired),
        Target::Held(_) => role.filter(ours).and_then(|state| held(world, object, state)),
        Target::Closed(_) => closed(world, object, role.filter(ours)),
        Target::Absent { .. } | Target::Released { .. } => Some("the object is still there".to_owned()),
    };
    problem.map(|problem| format!("{} should be {}: {problem}", object.live.full_name(), word(&target)))
}

fn closed(world: &World, object: &Object, role: Option<&IamRoleState>) -> Option<String> {
    if object.secret.is_some() {
        return Some("there is a Secret".to_owned());
    }
    let open = powers(role, world.now);
    let others = |state: &IamRoleState| {
        let trust = state.role.trust.as_ref().map(PolicyDocument::to_json).unwrap_or_default();
        trust.matches("arn:aws").count() != trust.matches(OPERATOR).count()
    };
    let denies = role.is_none_or(|state| denied(state, []) == crate::decide::role::denial::Denied::Everyone);
    let shut = open.is_empty() && denies && !role.is_some_and(others);
    (!shut).then(|| format!("the role is not closed: {open:?}"))
}

fn held(world: &World, object: &Object, state: &IamRoleState) -> Option<String> {
    let broken = with_given(world, object, |given| check_compliance(&world.account, given, state, Ended::Well).err())?;
    closed(world, object, Some(state)).map(|open| format!("{} and {open}", broken.message))
}

fn open(world: &World, object: &Object, desired: &Desired) -> Option<String> {
    let declared = desired.role.as_ref().ok()?;
    let goal = match desired.lifecycle {
        Lifecycle::Adopt => Goal::Adopted(declared),
        Lifecycle::Create | Lifecycle::Observe => Goal::Declared(declared),
    };
    let role = world.iam.role.as_ref();
    let Ok(planned) = with_given(world, object, |given| plan(goal, given, role)) else {
        // Somebody else's role, or none to adopt: the object is refused, and says so.
        return object.live.is_true(ConditionType::RoleReady).then(|| "it is refused, and Ready".to_owned());
    };
    if !planned.is_empty() {
        return Some(format!("there is something to do: {planned:?}"));
    }
    let state = role?;
    let refused = with_given(world, object, |given| check_compliance(&world.account, given, state, Ended::Well).err());
    if refused.is_some() {
        return closed(world, object, role);
    }
    published(world, object, state, desired)
}

fn published(world: &World, object: &Object, state: &IamRoleState, desired: &Desired) -> Option<String> {
    let secret = object.observed_secret(&object.live);
    let Some(set) = secret.publication() else { return Some("there are no credentials".to_owned()) };
    let lasts = desired.session.as_ref().map_or(3600, |request| request.duration_seconds);
    if set.credentials.access_key_id.expose() != state.role.id {
        return Some("the credentials are of an earlier role".to_owned());
    }
    if is_denied(set.credentials.expires_at, lasts, denied(state, [])) {
        return Some("the credentials are denied".to_owned());
    }
    if set.credentials.expires_at <= world.now {
        return Some("the credentials expired".to_owned());
    }
    let ready = object.live.condition(ConditionType::Ready).cloned();
    (!object.live.is_true(ConditionType::Ready)).then(|| format!("it is not Ready: {ready:?}"))
}

/// What a plan is made from when nothing is remembered but what status says.
fn with_given<T>(world: &World, object: &Object, then: impl FnOnce(&Given<'_>) -> T) -> T {
    let identity = object.identity();
    let boundary = world.account.spec.guardrails.permissions_boundary.as_deref();
    let boundary = boundary.and_then(|arn| PolicyArn::parse(arn).ok());
    let reported = object.live.reported_role().cloned().unwrap_or_default();
    then(&Given {
        object: &identity,
        operator: Some(OPERATOR),
        boundary: boundary.as_ref(),
        revoke: None,
        session_name: "team.a",
        declared_inline: &reported.inline_policies,
        declared_tags: &reported.tag_keys,
        instance_profiles: &[],
        deletion_failed: false,
        unsettled: false,
        now: world.now,
    })
}

/// How long ago a moment is, as far as it makes a difference.
pub fn age(now: Timestamp, at: Timestamp) -> String {
    match now.duration_since(at).as_secs() {
        ahead if ahead < 0 => format!("in {}", -ahead),
        recent if recent < 120 => "recent".to_owned(),
        past if past <= 12 * 3600 => "past".to_owned(),
        _ => "ancient".to_owned(),
    }
}
