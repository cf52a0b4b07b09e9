//! What may happen between two passes, and the passes themselves.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::effects::Weather;
use super::iam::STRANGER;
use super::world::{DEPLOYER, World, read_policy};
use crate::api::{AllowedNamespaces, DeletionPolicy};
use crate::decide::role::denial::DENY;
use crate::decide::role::trust::entry;
use crate::domain::policy::PolicyDocument;
use crate::domain::{IamRoleState, tag};

/// One move. `usize` says which object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// A pass of the operator.
    Pass(usize, Weather),
    /// A new process.
    Restart,
    /// The tenant declares a narrow role, or a wide one.
    Declare(usize, Declared),
    /// The tenant suspends the object, or lets it go on.
    Suspend(usize),
    /// The tenant asks for the role to be retained, or to be deleted.
    Retain(usize),
    /// The tenant deletes the object.
    Delete(usize),
    /// The platform team lets the namespace in, or not.
    Permission,
    /// The platform team lets tenants name the other principal, or not.
    Guardrail,
    /// A person edits the role in AWS.
    Person(Meddling),
    /// Minutes pass, until IAM is settled.
    Minutes,
    /// Hours pass, until credentials expire.
    Hours,
}

/// What a tenant declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Declared {
    /// One action.
    Narrow,
    /// All actions, and another principal.
    Wide,
}

/// What a person does to a role in AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meddling {
    /// Takes the operator's denial off.
    LiftsDenial,
    /// Lets a stranger in.
    AddsPrincipal,
    /// Takes the tags off.
    TakesTagsOff,
    /// Gives the role to an object of another cluster.
    GivesAway,
    /// Deletes the role.
    DeletesRole,
    /// Deletes the role and makes it again, which gives it another id.
    MakesAgain,
}

impl Move {
    /// The world after a move that is not a pass; none if the move changes nothing.
    pub fn apply(self, before: &World) -> Option<World> {
        let mut world = before.clone();
        let now = world.now;
        match self {
            Self::Pass(..) => return None,
            Self::Restart => world.restart(),
            Self::Minutes => world.wait(SignedDuration::from_mins(3)),
            Self::Hours => world.wait(SignedDuration::from_hours(3)),
            Self::Delete(who)
                if world.object(who).is_some_and(|object| object.live.metadata.deletion_timestamp.is_none()) =>
            {
                world.delete(who);
            }
            Self::Declare(who, declared) => {
                let object = world.object(who)?;
                let (policy, principals) = match declared {
                    Declared::Narrow => (read_policy("s3:GetObject"), vec![]),
                    Declared::Wide => (read_policy("s3:*"), vec![DEPLOYER.to_owned()]),
                };
                let policies = serde_json::from_value(json!({"read": policy})).expect("policies");
                if object.live.spec.role.inline_policies == policies {
                    return None;
                }
                object.edit(|live| {
                    live.spec.role.inline_policies = policies;
                    live.spec.trust.principals = principals;
                });
            }
            Self::Suspend(who) => world.object(who)?.edit(|live| live.spec.suspend = !live.spec.suspend),
            Self::Retain(who) => world.object(who)?.edit(|live| {
                let retained = live.spec.role.deletion_policy == Some(DeletionPolicy::Retain);
                live.spec.role.deletion_policy = (!retained).then_some(DeletionPolicy::Retain);
            }),
            Self::Delete(_) => return None,
            Self::Permission => {
                let rule = &mut world.account.spec.allowed_namespaces;
                *rule = match rule {
                    Some(_) => None,
                    None => Some(AllowedNamespaces { names: Some(vec!["team".into()]), selector: None }),
                };
            }
            Self::Guardrail => {
                let principals = &mut world.account.spec.guardrails.principals;
                *principals = if principals.is_empty() { vec![DEPLOYER.to_owned()] } else { Vec::new() };
            }
            Self::Person(meddling) => {
                let found = world.iam.role.clone()?;
                let role = meddling.apply(found.clone(), &mut world.iam.made, now);
                if role.as_ref() == Some(&found) {
                    return None;
                }
                world.iam.role = role;
            }
        }
        if matches!(self, Self::Permission | Self::Guardrail) {
            world.objects.iter_mut().flatten().for_each(|object| object.wake_at = None);
        }
        Some(world)
    }
}

impl Meddling {
    fn apply(self, mut state: IamRoleState, made: &mut u32, now: jiff::Timestamp) -> Option<IamRoleState> {
        match self {
            Self::LiftsDenial => drop(state.inline.remove(DENY)),
            Self::AddsPrincipal => state.role.trust = state.role.trust.as_ref().map(admitting_stranger),
            Self::TakesTagsOff => state.role.tags.clear(),
            Self::GivesAway => drop(state.role.tags.insert(tag::CLUSTER.to_owned(), "green".to_owned())),
            Self::DeletesRole => return None,
            Self::MakesAgain => {
                *made += 1;
                (state.role.id, state.role.created_at) = (format!("AROA{made}"), now);
            }
        }
        Some(state)
    }
}

fn admitting_stranger(trust: &PolicyDocument) -> PolicyDocument {
    let mut statements: Vec<Value> =
        trust.statements().map(|statement| Value::Object(statement.elements().clone())).collect();
    let stranger = entry(STRANGER, None);
    if !statements.contains(&stranger) {
        statements.push(stranger);
    }
    PolicyDocument::from_value(json!({"Version": "2012-10-17", "Statement": statements})).expect("a policy")
}
