//! The target: what is to become of an object's access, decided in one place and from Kubernetes alone.
//!
//! What AWS has is no part of this. It decides only how the target is reached ([`crate::decide::role::plan`]), and
//! whether a role that is held may stay as it is ([`crate::decide::guardrails::within`]).

pub mod desired;
pub mod fields;
mod no_effect;
mod partition;
pub mod policies;
pub mod requests;
pub mod role_location;
pub mod warnings;

use self::desired::{Desired, desired};
use self::role_location::RoleLocation;
use super::Refusal;
use super::account::allowed::{Namespace, allowed, allows_namespace};
use super::account::readiness::{manageable, unknown_principal, unusable};
use super::failure::Verdict;
use super::guardrails::{allows_deletion_policy, declared};
use crate::api::{AWSAccount, CrossAccountRole, CrossAccountRoleSpec, DeletionPolicy, Lifecycle, Reason};
use crate::domain::{AwsFailure, BaseIdentity, ObjectIdentity, RoleArn, RoleName};

/// What is to become of an object's access.
#[derive(Clone, Debug)]
pub enum Target {
    /// As declared.
    Open(Box<Desired>),
    /// As it is, provided that what stands in AWS is within the guardrails; else closed.
    Held(Hold),
    /// Taken away: the permission is missing, or a guardrail is broken.
    Closed(Refusal),
    /// Gone with its object, if the operator created the role; else given up.
    Absent {
        /// Why a role that is given up is closed first, if it is.
        closed: Option<Refusal>,
    },
    /// Given up by its object: the role stays.
    Released {
        /// Why the role is closed first: the object has no permission to leave it open.
        closed: Option<Refusal>,
    },
}

/// Why access stays as it is.
#[derive(Clone, Debug)]
pub struct Hold {
    /// What is wrong; none while the object is suspended.
    pub problem: Option<Verdict>,
    /// The declaration, where its session can still be renewed.
    pub desired: Option<Box<Desired>>,
}

/// What Kubernetes says around an object.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The object.
    pub role: &'a CrossAccountRole,
    /// Its identity.
    pub object: &'a ObjectIdentity,
    /// The account that it names.
    pub account: Option<&'a AWSAccount>,
    /// Its namespace.
    pub namespace: &'a Namespace,
    /// Why another object keeps it from one of its names.
    pub conflict: Option<&'a Refusal>,
    /// Who the operator is.
    pub identity: Result<&'a BaseIdentity, &'a AwsFailure>,
    /// Roles by which the operator itself works.
    pub operators_own: &'a [RoleArn],
}

/// Largest object that is accepted, in bytes of JSON. etcd takes requests of 1.5 MB (etcd documentation, "System
/// limits"), and status and managed fields need room beside it.
const OBJECT_MAX: usize = 1_000_000;

/// Decides. Permission and guardrails come first, so that no state of the object, and no trouble elsewhere, keeps what
/// is no longer allowed.
#[must_use]
pub fn target(situation: &Situation<'_>) -> Target {
    let Situation { role, object, identity, conflict, .. } = *situation;
    if role.is_deleted() {
        return deletion_target(situation);
    }
    let account = match permission(situation) {
        Ok(account) => account,
        Err(refusal) => return Target::Closed(refusal),
    };
    let held = |problem: Verdict| Target::Held(Hold { problem: Some(problem), desired: None });
    if role.spec.suspend {
        return Target::Held(Hold { problem: None, desired: None });
    }
    if let Some(refusal) = conflict.cloned().or_else(|| too_large(role)) {
        return held(refusal.into());
    }
    let base = match identity {
        Ok(base) => base,
        Err(failure) => return held(unusable(failure)),
    };
    let parsed = RoleLocation::of(role, account, object).and_then(|at| desired(role, account, at, base));
    let desired = match parsed {
        Ok(desired) => Box::new(desired),
        Err(refusal) => return held(refusal.into()),
    };
    let problem = match &desired.role {
        Err(refusal) => Some(refusal.clone().into()),
        Ok(_) => manageable(account).err().or_else(|| base.guessed.as_ref().map(unknown_principal)),
    };
    match problem {
        Some(problem) => Target::Held(Hold { problem: Some(problem), desired: Some(desired) }),
        None => Target::Open(desired),
    }
}

/// Whether an object may have access at all: the account allows its namespace, the role is not one by which the operator
/// itself works, and the declaration is within the guardrails.
pub fn permission<'a>(situation: &Situation<'a>) -> Result<&'a AWSAccount, Refusal> {
    let account = allowed(&situation.role.spec.account_ref.name, situation.account, situation.namespace)?;
    check_guardrails(situation, account).map(|()| account)
}

fn check_guardrails(situation: &Situation<'_>, account: &AWSAccount) -> Result<(), Refusal> {
    not_the_operators_own(situation, account)?;
    declared(account, situation.role)
}

fn not_the_operators_own(situation: &Situation<'_>, account: &AWSAccount) -> Result<(), Refusal> {
    let Situation { role, operators_own, identity, .. } = *situation;
    let Ok(name) = RoleName::parse(&role.iam_role_name()) else { return Ok(()) };
    let chain = account.spec.access.chain.iter().filter_map(|hop| RoleArn::parse(&hop.role_arn).ok());
    let base = identity.ok().and_then(|base| RoleArn::parse(&base.principal_arn).ok());
    let mut own = chain.chain(base).chain(operators_own.iter().cloned());
    match own.find(|arn| arn.account.as_str() == account.spec.account_id && arn.name.is_same_as(&name)) {
        None => Ok(()),
        Some(arn) => {
            let message = format!("the operator itself uses role {arn}; choose another spec.role.name");
            Err(Refusal::new(Reason::NotAllowed, message))
        }
    }
}

fn too_large(role: &CrossAccountRole) -> Option<Refusal> {
    let size = serde_json::to_vec(&(&role.spec, &role.metadata)).map_or(usize::MAX, |json| json.len());
    (size > OBJECT_MAX).then(|| {
        let message = format!(
            "the object is {size} bytes as JSON, more than {OBJECT_MAX}: Kubernetes could not store its status"
        );
        Refusal::new(Reason::InvalidSpec, message)
    })
}

/// The end of an object. What it asks for counts only as far as the account allows it: a role that may not be kept is
/// deleted, and one that may not be open is closed before it is given up. An adopted role stays in either case, by its tags;
/// what is decided here is whether a role that the operator created stays, too, because its object says `Adopt` by now.
fn deletion_target(situation: &Situation<'_>) -> Target {
    let Some(account) = situation.account else { return Target::Absent { closed: None } };
    let spec = &situation.role.spec;
    let policy = deletion_policy(spec, account);
    let adopted =
        spec.role.lifecycle == Lifecycle::Adopt && account.spec.guardrails.lifecycles.contains(&Lifecycle::Adopt);
    let stays =
        (adopted || policy == DeletionPolicy::Retain) && allows_deletion_policy(account, DeletionPolicy::Retain);
    let permitted = allows_namespace(account, situation.namespace).and_then(|()| check_guardrails(situation, account));
    let closed = permitted.err();
    if stays { Target::Released { closed } } else { Target::Absent { closed } }
}

/// What happens to the role when the object is deleted: what the object declares, else what the account does.
#[must_use]
pub fn deletion_policy(spec: &CrossAccountRoleSpec, account: &AWSAccount) -> DeletionPolicy {
    spec.role.deletion_policy.unwrap_or(account.spec.deletion_policy)
}

#[cfg(test)]
mod tests;
