//! The bulk read of an account: at each drift interval all its roles in few calls, for the objects to compare themselves with,
//! and for finding roles whose objects are gone.

use std::time::Instant;

use jiff::Timestamp;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::{Resource, ResourceExt};

use super::reconcile::AccountContext;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::controller::manager::ManagedAccount;
use crate::controller::state::accounts::LastBulkRead;
use crate::decide::account::access::access;
use crate::decide::account::orphans::Search;
use crate::decide::event::{Event, EventReason, some_of};
use crate::decide::failure::Verdict;
use crate::domain::tag;
use crate::domain::{IamRoleState, RolePath, RoleTags};

impl AccountContext {
    /// Reads the account in bulk if that is due. Gives the number of orphans, where it was counted.
    pub async fn read_in_bulk(&self, account: &AWSAccount, now: Timestamp) -> Option<u32> {
        let (ctx, name) = (&self.shared, account.name_any());
        let last = ctx.accounts.of(&name).bulk_read;
        if now < ctx.next_comparison(last.map(|last| last.at), &name) {
            return None;
        }
        let worked = last.is_none_or(|last| last.worked);
        let begun = Instant::now();
        let read = self.read(account).await;
        let last = LastBulkRead { at: now, worked: read.is_ok() };
        ctx.accounts.change(&name, |state| state.bulk_read = Some(last));
        match read {
            Ok(found) => Some(self.use_roles(account, found, begun).await),
            Err(verdict) => {
                if worked {
                    ctx.wake_roles(self.objects_of(&name)); // they are read one by one from now on
                }
                tracing::info!(
                    name,
                    reason = verdict.message,
                    "no bulk read; roles are read one by one, orphans not counted"
                );
                None
            }
        }
    }

    async fn read(&self, account: &AWSAccount) -> Result<Vec<IamRoleState>, Verdict> {
        let access = access(account)?;
        ManagedAccount::enter(&self.shared, &access).await?.read_all().await
    }

    async fn use_roles(&self, account: &AWSAccount, found: Vec<IamRoleState>, begun: Instant) -> u32 {
        let ctx = &self.shared;
        let ours = |tags: &RoleTags| tags.get(tag::CLUSTER) == Some(&ctx.cluster_name);
        let roles: Vec<_> = found.into_iter().filter(|state| ours(&state.role.tags)).collect();
        let orphans = self.orphans(account, &roles);
        self.record_roles(&roles);
        ctx.bulk.put(&account.name_any(), begun, roles);
        ctx.wake_roles(self.objects_of(&account.name_any()));
        let count = u32::try_from(orphans.len()).unwrap_or(u32::MAX);
        ctx.metrics.orphan_roles(&account.name_any(), count);
        if count > 0 && account.status.as_ref().and_then(|status| status.orphans) != Some(count) {
            let note = format!("Roles of this cluster have no CrossAccountRole any more: {}", some_of(&orphans));
            ctx.events.publish(&account.object_ref(&()), &Event::warning(EventReason::OrphansFound, note)).await;
        }
        count
    }

    fn orphans(&self, account: &AWSAccount, roles: &[IamRoleState]) -> Vec<String> {
        let Ok(path) = RolePath::parse(&account.spec.guardrails.role_path) else { return Vec::new() };
        // Of namespaces that are not watched it is not known which objects exist.
        let exists = |namespace: &str, name: &str| {
            !self.shared.watches(namespace) || {
                let object = ObjectRef::new(name).within(namespace);
                self.roles.iter().any(|store| store.get(&object).is_some())
            }
        };
        let orphans = Search { cluster: &self.shared.cluster_name, path: &path }.orphans(roles, exists);
        orphans.into_iter().map(|found| found.role.arn.to_string()).collect()
    }

    /// Takes note of roles whose object has no finalizer, as in a cluster that was built again: what the account does not allow any
    /// more is closed there, too.
    fn record_roles(&self, roles: &[IamRoleState]) {
        for IamRoleState { role: found, .. } in roles {
            let Some((namespace, name)) = found.tags.get(tag::NAMESPACE).zip(found.tags.get(tag::NAME)) else {
                continue;
            };
            let object = ObjectRef::new(name).within(namespace);
            let Some(role) = self.roles.iter().find_map(|store| store.get(&object)) else { continue };
            if !role.has_finalizer() && role.iam_role_name().eq_ignore_ascii_case(found.arn.name.as_str()) {
                let uid = role.uid().unwrap_or_default();
                self.shared.objects.change(&uid, |state| state.seen_in_bulk = true);
                self.shared.wake_roles(vec![object]);
            }
        }
    }

    fn objects_of(&self, account: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        let stores = self.roles.iter().flat_map(Store::state);
        let of_account = stores.filter(|role| role.spec.account_ref.name == account && role.has_finalizer());
        of_account.map(|role| ObjectRef::from_obj(role.as_ref())).collect()
    }
}
