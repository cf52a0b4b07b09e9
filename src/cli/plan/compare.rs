//! From the present object and the declaration to what would change in AWS.

use jiff::Timestamp;
use kube::ResourceExt as _;

use super::live::Live;
use super::role::{boundary, created, operator};
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Lifecycle, SourceGrant};
use crate::decide::Refusal;
use crate::decide::account::allowed::{Namespace, allowed};
use crate::decide::guardrails::declared;
use crate::decide::role::{Given, Goal, describe, plan};
use crate::decide::target::desired::{Desired, desired};
use crate::decide::target::role_location::RoleLocation;
use crate::domain::{DesiredRole, ObjectIdentity};

/// What is around a declaration.
#[derive(Clone, Copy, Debug)]
pub struct Around<'a> {
    /// The account that it names.
    pub account: Option<&'a AWSAccount>,
    /// Its namespace.
    pub namespace: &'a Namespace,
    /// The role in AWS, if it was read.
    pub live: Option<&'a Live>,
    /// The time.
    pub now: Timestamp,
}

/// Lines about what would change, one for each thing. Refuses what the operator would refuse.
pub fn changes(
    present: Option<&CrossAccountRole>,
    wanted: &CrossAccountRole,
    around: Around<'_>,
) -> Result<Vec<String>, Refusal> {
    let account = allowed(&wanted.spec.account_ref.name, around.account, around.namespace)?;
    declared(account, wanted)?;
    let after = parsed(wanted, account)?;
    let role = after.role.as_ref().map_err(Refusal::clone)?;
    after.session.as_ref().map_err(Refusal::clone)?;
    if wanted.spec.suspend {
        return Ok(Vec::new());
    }
    let before = present.and_then(|present| parsed(present, account).ok());
    let mut lines = match (around.live, wanted.spec.role.lifecycle) {
        (Some(live), _) => live.changes(wanted, account, around.now)?,
        (None, Lifecycle::Observe) => Vec::new(),
        (None, Lifecycle::Create | Lifecycle::Adopt) => {
            let made = before.as_ref().and_then(|before| before.role.as_ref().ok()).filter(|_| is_kept(present));
            role_lines(made, (wanted, role), account, around.now)?
        }
    };
    if before.as_ref().is_some_and(|before| before.session.as_ref().ok() != after.session.as_ref().ok()) {
        lines.push("credentials: a new set, since the session differs".to_owned());
    }
    lines.extend(grant_lines(present, wanted));
    Ok(lines)
}

/// Whether the operator keeps the role of the present object as it is declared.
fn is_kept(present: Option<&CrossAccountRole>) -> bool {
    present
        .is_some_and(|present| present.spec.role.lifecycle != Lifecycle::Observe && present.reported_role().is_some())
}

fn role_lines(
    made: Option<&DesiredRole>,
    (wanted, role): (&CrossAccountRole, &DesiredRole),
    account: &AWSAccount,
    now: Timestamp,
) -> Result<Vec<String>, Refusal> {
    let object = identity(wanted);
    let boundary = boundary(account);
    let declared_inline: Vec<String> = made.map(|made| made.inline.keys().cloned().collect()).unwrap_or_default();
    let declared_tags: Vec<String> = made.map(|made| made.tags.keys().cloned().collect()).unwrap_or_default();
    let given = Given {
        object: &object,
        operator: None,
        boundary: boundary.as_ref(),
        revoke: None,
        session_name: "",
        declared_inline: &declared_inline,
        declared_tags: &declared_tags,
        instance_profiles: &[],
        deletion_failed: false,
        unsettled: false,
        now,
    };
    let whole = |role: &DesiredRole| Ok::<_, Refusal>(plan(Goal::Declared(role), &given, None)?.result(None));
    let Some(made) = made else {
        return Ok(match wanted.spec.role.lifecycle {
            Lifecycle::Adopt => vec![format!(
                "role: take over {}, and change there what differs; declare lifecycle Observe first to see what that is",
                role.name
            )],
            Lifecycle::Create | Lifecycle::Observe => created(whole(role)?.as_ref()),
        });
    };
    let before = whole(made)?;
    let after = plan(Goal::Declared(role), &given, before.as_ref())?.result(before.as_ref());
    Ok(describe::changes(before.as_ref(), after.as_ref()))
}

fn grant_lines(present: Option<&CrossAccountRole>, wanted: &CrossAccountRole) -> Vec<String> {
    let before = present.map(|present| present.spec.source_grants.as_slice()).unwrap_or_default();
    let after = &wanted.spec.source_grants;
    let missing = |grant: &&SourceGrant, others: &[SourceGrant]| !others.iter().any(|other| other.is_same_as(grant));
    let added =
        after.iter().filter(|grant| missing(grant, before)).map(|grant| format!("grant for {}: add", named(grant)));
    let removed = before.iter().filter(|grant| missing(grant, after));
    added.chain(removed.map(|grant| format!("grant for {}: take back", named(grant)))).collect()
}

fn named(grant: &SourceGrant) -> String {
    let SourceGrant { account_ref, user, group, role } = grant;
    let kinds = [("user", user), ("group", group), ("role", role)];
    let principal = kinds.into_iter().find_map(|(kind, name)| name.as_ref().map(|name| format!("{kind} {name}")));
    format!("{} of AWSAccount {}", principal.unwrap_or_default(), account_ref.name)
}

/// Whether AWS is as the present object declares, by what the operator reports.
#[must_use]
pub fn pending(present: &CrossAccountRole) -> Vec<String> {
    if present.spec.role.lifecycle == Lifecycle::Observe {
        let planned = present.status.as_ref().map(|status| status.planned_changes.clone()).unwrap_or_default();
        return planned.into_iter().map(|line| format!("Create or Adopt would change: {line}")).collect();
    }
    let parts = [ConditionType::RoleReady, ConditionType::SourceGrantsReady];
    let behind = parts.into_iter().filter(|kind| !present.is_true(*kind)).filter_map(|kind| {
        let condition = present.condition(kind);
        match condition {
            Some(condition) if condition.observed_generation == present.metadata.generation => {
                Some(format!("{kind}, {}: {}", condition.reason, condition.message))
            }
            Some(_) => Some(format!("{kind}: the operator has not yet looked at the latest change")),
            None if kind == ConditionType::RoleReady => Some(format!("{kind}: the operator has not come to this yet")),
            None => None,
        }
    });
    behind.collect()
}

fn parsed(role: &CrossAccountRole, account: &AWSAccount) -> Result<Desired, Refusal> {
    let at = RoleLocation::of(role, account, &identity(role))?;
    let base = operator(&at, None);
    desired(role, account, at, &base)
}

/// The cluster's name is the same before and after, too.
fn identity(role: &CrossAccountRole) -> ObjectIdentity {
    ObjectIdentity {
        cluster: String::new(),
        namespace: role.namespace().unwrap_or_default(),
        name: role.name_any(),
        uid: String::new(),
    }
}

#[cfg(test)]
mod tests;
