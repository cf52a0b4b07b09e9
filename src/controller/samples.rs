//! What the objects contribute to the metrics, read from the caches at each scrape.

use std::collections::HashSet;
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt;
use kube::runtime::reflector::Store;

use super::context::Shared;
use crate::api::{AWSAccount, ConditionType, CrossAccountRole};
use crate::host::metrics::{AccountSample, RoleSample, Snapshot};

/// Has the metrics read these caches at each scrape.
pub(super) fn observe(ctx: &Shared, roles: &[Store<CrossAccountRole>], accounts: &Store<AWSAccount>) {
    let (context, roles, accounts) = (Arc::clone(ctx), roles.to_vec(), accounts.clone());
    ctx.metrics.observe(move || {
        let shard = context.shard;
        let unclosed = context.objects.unclosed();
        let ours = roles
            .iter()
            .flat_map(Store::state)
            .filter(|role| shard.has_namespace(&role.namespace().unwrap_or_default()));
        let checked = accounts.state().into_iter().filter(|account| shard.has_account(&account.spec.account_id));
        Snapshot {
            roles: ours.map(|role| of_role(&role, &unclosed)).collect(),
            accounts: checked.map(|account| of_account(&account)).collect(),
        }
    });
}

fn of_role(role: &CrossAccountRole, unclosed: &HashSet<String>) -> RoleSample {
    let set = role.status.as_ref().and_then(|status| status.credentials.as_ref());
    let renews = !role.spec.suspend && role.metadata.deletion_timestamp.is_none();
    RoleSample {
        namespace: role.namespace().unwrap_or_default(),
        name: role.name_any(),
        account: role.spec.account_ref.name.clone(),
        ready: is_ready(role.condition(ConditionType::Ready)),
        expires_at: set.and_then(|set| set.expires_at.as_ref()).map(|time| time.0),
        renew_at: set.and_then(|set| set.renew_at.as_ref()).map(|time| time.0).filter(|_| renews),
        closed_unverified: role.metadata.uid.as_ref().is_some_and(|uid| unclosed.contains(uid)),
    }
}

fn of_account(account: &AWSAccount) -> AccountSample {
    AccountSample { name: account.name_any(), ready: is_ready(account.condition(ConditionType::Ready)) }
}

fn is_ready(condition: Option<&Condition>) -> bool {
    condition.is_some_and(|ready| ready.status == "True")
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::api::{CredentialsStatus, CrossAccountRoleSpec, CrossAccountRoleStatus};

    #[test]
    fn what_is_suspended_or_being_deleted_is_not_to_be_renewed() {
        let at = |minutes| Some(Time(Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)));
        let set = CredentialsStatus { renew_at: at(30), expires_at: at(60), ..CredentialsStatus::default() };
        let status = CrossAccountRoleStatus { credentials: Some(set), ..CrossAccountRoleStatus::default() };
        let role = CrossAccountRole {
            status: Some(status),
            ..CrossAccountRole::new("reader", CrossAccountRoleSpec::default())
        };
        let mut suspended = role.clone();
        suspended.spec.suspend = true;
        let mut deleted = role.clone();
        deleted.metadata.deletion_timestamp = at(1);
        for (role, renews) in [(role, true), (suspended, false), (deleted, false)] {
            let sample = of_role(&role, &HashSet::new());
            assert_eq!(sample.renew_at.is_some(), renews);
            assert!(sample.expires_at.is_some());
        }
    }
}
