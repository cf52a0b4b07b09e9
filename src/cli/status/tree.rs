//! From objects and the time to the tree of `status`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt as _;

use super::model::{Account, Health, Role, Secret, Tree};
use super::problem::{health, problems};
use super::snapshot::{Seen, Snapshot};
use crate::api::{AWSAccount, ConditionType, CredentialsStatus, CrossAccountRole};
use crate::cli::unused::args::DAYS;
use crate::decide::usage::used_since;

/// The version of the JSON form.
const VERSION: &str = "v1";

/// Puts every object under the account that it names.
#[must_use]
pub fn tree(snapshot: &Snapshot, now: Timestamp) -> Tree {
    let mut roles: BTreeMap<&str, Vec<Role>> = BTreeMap::new();
    for object in &snapshot.roles {
        roles.entry(&object.spec.account_ref.name).or_default().push(role(object, now));
    }
    let names = snapshot.accounts.keys().map(String::as_str).chain(roles.keys().copied());
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.dedup();
    let of = |name: &str| {
        let mut roles = roles.get(name).cloned().unwrap_or_default();
        roles.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
        account(name, snapshot.accounts.get(name), roles)
    };
    let accounts: Vec<Account> = names.into_iter().map(of).collect();
    let is_ready = |health: Health| health != Health::NotReady;
    let ready = accounts.iter().all(|one| is_ready(one.health) && one.roles.iter().all(|role| is_ready(role.health)));
    Tree { version: VERSION, ready, accounts }
}

fn account(name: &str, seen: Option<&Seen>, roles: Vec<Role>) -> Account {
    let unseen = Account {
        name: name.to_owned(),
        account_id: None,
        health: Health::Unknown,
        reason: None,
        missing_permission: None,
        problems: Vec::new(),
        roles,
    };
    match seen {
        Some(Seen::Found(object)) => found(object, unseen),
        // The objects that name it say what that means to them.
        Some(Seen::Missing) => Account { health: Health::NotReady, reason: Some("there is none".into()), ..unseen },
        Some(Seen::Hidden(permission)) => Account { missing_permission: Some(permission.to_string()), ..unseen },
        None => unseen,
    }
}

fn found(object: &AWSAccount, unseen: Account) -> Account {
    let (conditions, generation) = (object.conditions(), object.metadata.generation);
    let problems = problems(conditions, generation);
    Account {
        account_id: Some(object.spec.account_id.clone()),
        health: health(conditions, generation, &problems),
        reason: object.condition(ConditionType::Ready).map(|ready| ready.reason.clone()),
        problems,
        ..unseen
    }
}

fn role(object: &CrossAccountRole, now: Timestamp) -> Role {
    let (conditions, generation) = (object.conditions(), object.metadata.generation);
    let problems = problems(conditions, generation);
    let reported = object.reported_role();
    let status = object.status.as_ref();
    let principal = |grant: &crate::api::SourceGrantStatus| grant.principal_arn.clone();
    Role {
        namespace: object.namespace().unwrap_or_default(),
        name: object.name_any(),
        health: health(conditions, generation, &problems),
        reason: object.condition(ConditionType::Ready).map(|ready| ready.reason.clone()),
        role_arn: reported.and_then(|role| role.arn.clone()),
        last_used: reported.and_then(|role| role.last_used.as_ref()).map(|time| time.0),
        unused_services: unused(object, now),
        denied_before: reported.and_then(|role| role.denied_before.as_ref()).map(|time| time.0),
        secret: status.and_then(|status| status.credentials.as_ref()).and_then(|set| secret(set, now)),
        grants: object.reported_grants().iter().filter_map(principal).collect(),
        restarts: object.spec.rollout_restarts.iter().map(|one| format!("{} {}", one.kind, one.name)).collect(),
        planned_changes: status.map(|status| status.planned_changes.clone()).unwrap_or_default(),
        problems,
    }
}

fn unused(object: &CrossAccountRole, now: Timestamp) -> Vec<String> {
    let since = now - SignedDuration::from_hours(24 * i64::from(DAYS));
    used_since(object, since).into_iter().filter(|(_, used)| !used).map(|(service, _)| service).collect()
}

fn secret(set: &CredentialsStatus, now: Timestamp) -> Option<Secret> {
    let CredentialsStatus { secret_name, issued_at, expires_at, renew_at, .. } = set;
    let expires_at = expires_at.as_ref().map(|time| time.0);
    Some(Secret {
        name: secret_name.clone()?,
        issued_at: issued_at.as_ref().map(|time| time.0),
        expires_at,
        renews_at: renew_at.as_ref().map(|time| time.0),
        expired: expires_at.is_some_and(|at| at <= now),
    })
}
