//! What holds of every world that has become quiet, and what the targets of objects are.

use jiff::Timestamp;
use serde_json::json;

use super::iam::powers;
use super::world::{Object, World, identity, operator};
use crate::api::{ConditionType, CrossAccountRole, Lifecycle};
use crate::decide::Refusal;
use crate::decide::account::allowed::Namespace;
use crate::decide::role::compliance::{Ended, check_compliance};
use crate::decide::role::denial::{denied, is_denied};
use crate::decide::role::fixture::OPERATOR;
use crate::decide::role::{Given, Goal, plan};
use crate::decide::target::desired::Desired;
use crate::decide::target::{Situation, Target, target};
use crate::domain::policy::PolicyDocument;
use crate::domain::{IamRoleState, PolicyArn};

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

/// Whether the role still belongs to an object that is gone.
pub fn left_behind(world: &World) -> Option<String> {
    let tags = &world.iam.role.as_ref()?.role.tags;
    let mut gone = ["a", "b"].into_iter().zip(&world.objects).filter(|(_, object)| object.is_none());
    let (name, _) = gone.find(|(name, _)| Object::new(name, &json!({})).identity().ownership(tags).is_ours())?;
    Some(format!("{name} is gone, and its role is still there"))
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
