//! From a role as it is in IAM to the object that declares it, with a note for everything that the object cannot say: what is not
//! declared, an adoption removes.

mod judge;
mod name;
mod note;
mod policies;
mod tags;
mod trust;
mod wanted;

pub use judge::judge;
pub use name::object_name;
pub use note::Note;
pub use wanted::{Origin, Wanted};

use self::policies::{description, inline, managed};
use super::Refusal;
use super::target::policies::policies as parsed;
use crate::api::{AccountRef, CrossAccountRole, CrossAccountRoleSpec, Reason, RoleSpec};
use crate::domain::{IamRole, IamRoleState, Owner, RoleArn, RolePath, tag};

/// An object, and what it does not say.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The object.
    pub role: CrossAccountRole,
    /// What of the role is not in it.
    pub notes: Vec<Note>,
}

/// Declares a role as it is.
#[must_use]
pub fn import(state: &IamRoleState, wanted: &Wanted<'_>) -> Imported {
    let IamRoleState { role: found, attached, .. } = state;
    let mut notes = Vec::new();
    let trust = trust::trust(found, wanted.origin, &mut notes);
    let role = RoleSpec {
        name: Some(found.arn.name.to_string()),
        lifecycle: wanted.lifecycle,
        description: description(found.settings.description.as_deref(), &mut notes),
        max_session_duration_seconds: u32::try_from(found.settings.max_session_seconds).unwrap_or(3600),
        managed_policy_arns: managed(attached, &mut notes),
        inline_policies: inline(state, wanted.origin, &mut notes),
        tags: tags::tags(&found.tags, wanted.origin, &mut notes),
        deletion_policy: None,
    };
    if let Err(refusal) = parsed(&role) {
        notes.push(Note::new("inline policies", refusal.message, "The operator refuses the object until they fit"));
    }
    let account_ref = AccountRef { name: wanted.account.to_owned() };
    let spec = CrossAccountRoleSpec { account_ref, role, trust, ..CrossAccountRoleSpec::default() };
    let mut role = CrossAccountRole::new(wanted.name, spec);
    role.metadata.namespace = wanted.namespace.map(str::to_owned);
    if wanted.origin != Origin::Elsewhere && role.default_role_name() == found.arn.name.as_str() {
        role.spec.role.name = None;
    }
    Imported { role, notes }
}

/// Paths of roles that AWS keeps for its own services (IAM user guide, "Service-linked roles"; IAM Identity Center user guide,
/// "Referencing permission sets in resource policies").
const OF_AWS: [&str; 2] = ["/aws-service-role/", "/aws-reserved/"];

/// Refuses a role that only AWS can change.
pub fn changeable(arn: &RoleArn) -> Result<(), Refusal> {
    let is_of_aws = |path: &RolePath| OF_AWS.iter().any(|prefix| path.as_str().starts_with(prefix));
    if !is_of_aws(&arn.path) {
        return Ok(());
    }
    let message = format!(
        "AWS itself keeps the roles under {}: nobody else can change the trust policy or the policies of {arn}, so no \
         CrossAccountRole can use it",
        arn.path.as_str()
    );
    Err(Refusal::new(Reason::NotSupported, message))
}

/// The object that a role belongs to by its tags.
#[must_use]
pub fn owner(role: &IamRole) -> Option<Owner> {
    let value = |key: &str| role.tags.get(key).cloned();
    Some(Owner { cluster: value(tag::CLUSTER)?, namespace: value(tag::NAMESPACE)?, name: value(tag::NAME)? })
}

/// Refuses a role that the operator of this cluster keeps already.
pub fn unowned(role: &IamRole, cluster: &str, account: &str) -> Result<(), Refusal> {
    let Some(Owner { namespace, name, .. }) = owner(role).filter(|owner| owner.cluster == cluster) else {
        return Ok(());
    };
    let message = format!(
        "role {} belongs to CrossAccountRole {namespace}/{name} of this cluster; `kubectl get crossaccountrole {name} --namespace \
         {namespace} --output yaml` shows it. If there is no such object, `kubectl crossaccount orphans adopt {account} {}` makes it \
         again",
        role.arn, role.arn.name
    );
    Err(Refusal::new(Reason::RoleNotOwned, message))
}

#[cfg(test)]
mod tests;
