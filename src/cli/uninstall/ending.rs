//! What `uninstall` does in the cluster, with the rights of the person who calls it.

use std::fmt::Debug;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::runtime::wait::conditions::is_deleted;
use kube::{Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::timeout;

use super::error::UninstallError;
use super::inventory::Inventory;
use crate::api::{AWSAccount, CrossAccountRole, FIELD_MANAGER, FINALIZER};
use crate::cli::cluster::{Cluster, Objects, RequestError};

/// Requests on their way at a time.
const AT_A_TIME: usize = 16;

/// The operator renews its lease every few seconds; one that is older than this has no living holder.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// The end of an installation in the caller's cluster.
pub struct Ending {
    cluster: Cluster,
}

impl Ending {
    /// That of this cluster.
    pub fn of(cluster: Cluster) -> Self {
        Self { cluster }
    }

    /// All objects.
    pub async fn inventory(&self) -> Result<Inventory, UninstallError> {
        let (roles, accounts) = (self.cluster.everywhere::<CrossAccountRole>(), self.accounts());
        let (roles, accounts) = tokio::try_join!(roles.list(), accounts.list())?;
        Ok(Inventory { roles, accounts })
    }

    /// Who holds a lease of the operator in this namespace, if somebody does at this time.
    pub async fn leader(&self, namespace: &str, now: Timestamp) -> Result<Option<String>, UninstallError> {
        let leases = self.cluster.within::<Lease>(namespace).list().await?;
        let ours = leases.into_iter().filter(|lease| lease.name_any().starts_with(FIELD_MANAGER));
        Ok(ours.filter_map(|lease| lease.spec).find_map(|spec| {
            let renewed = spec.renew_time?.0;
            spec.holder_identity.filter(|holder| !holder.is_empty() && now.duration_since(renewed) < LEASE)
        }))
    }

    /// Deletes all objects and waits until they are gone: first the roles, since accounts wait for them.
    pub async fn delete(&self, inventory: &Inventory, within: Duration) -> Result<(), UninstallError> {
        let deletion = async {
            delete(&inventory.roles, |role| self.beside(role)).await?;
            delete(&inventory.accounts, |_| self.accounts()).await
        };
        match timeout(within, deletion).await {
            Ok(result) => Ok(result?),
            Err(_) => Err(UninstallError::Waiting { within, left: self.inventory().await?.waiting() }),
        }
    }

    /// Removes the operator's finalizer from all objects, and no other.
    pub async fn release(&self, inventory: &Inventory) -> Result<(), UninstallError> {
        release(&inventory.roles, |role| self.beside(role)).await?;
        Ok(release(&inventory.accounts, |_| self.accounts()).await?)
    }

    fn accounts(&self) -> Objects<AWSAccount> {
        self.cluster.wide()
    }

    /// The objects of the namespace of one of them.
    fn beside(&self, role: &CrossAccountRole) -> Objects<CrossAccountRole> {
        self.cluster.within(&role.namespace().unwrap_or_default())
    }
}

async fn delete<K>(objects: &[K], those: impl Fn(&K) -> Objects<K>) -> Result<(), RequestError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let requests = stream::iter(objects).map(|object| {
        let those = those(object);
        async move { unless_gone(those.delete(&object.name_any()).await) }
    });
    requests.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    // They end beside each other, so waiting for one after the other takes as long as the slowest.
    for object in objects {
        let uid = object.uid().unwrap_or_default();
        those(object).until(&object.name_any(), is_deleted(&uid)).await?;
    }
    Ok(())
}

async fn release<K>(objects: &[K], those: impl Fn(&K) -> Objects<K>) -> Result<(), RequestError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let requests = stream::iter(objects).map(|object| {
        let those = those(object);
        async move {
            let others = object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect::<Vec<_>>();
            // The version that was read must be the present one, so that nobody else's finalizer is lost.
            let metadata = json!({"finalizers": others, "resourceVersion": object.resource_version()});
            unless_gone(those.merge(&object.name_any(), &json!({"metadata": metadata})).await.map(drop))
        }
    });
    requests.buffer_unordered(AT_A_TIME).try_collect::<()>().await
}

/// An object that somebody else deleted meanwhile is as it should be.
fn unless_gone(result: Result<(), RequestError>) -> Result<(), RequestError> {
    match result {
        Err(RequestError::NotFound { .. }) => Ok(()),
        other => other,
    }
}
