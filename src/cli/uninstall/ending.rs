//! What `uninstall` does in the cluster, with the rights of the person who calls it.

use std::fmt::Debug;
use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{DeleteParams, ListParams, Patch, PatchParams};
use kube::runtime::wait::{await_condition, conditions::is_deleted};
use kube::{Api, Client, Resource, ResourceExt as _};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::timeout;

use super::error::UninstallError;
use super::inventory::Inventory;
use crate::api::{AWSAccount, CrossAccountRole, FIELD_MANAGER, FINALIZER};

/// Requests on their way at a time.
const AT_A_TIME: usize = 16;

/// The operator renews its lease every few seconds; one that is older than this has no living holder.
const LEASE: SignedDuration = SignedDuration::from_secs(15);

/// The caller's cluster.
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// The cluster of the kubeconfig.
    pub async fn connect() -> Result<Self, UninstallError> {
        Ok(Self { client: Client::try_default().await.map_err(UninstallError::Connect)? })
    }

    /// All objects.
    pub async fn inventory(&self) -> Result<Inventory, UninstallError> {
        let roles = Api::<CrossAccountRole>::all(self.client.clone());
        let accounts = Api::<AWSAccount>::all(self.client.clone());
        let (roles, accounts) = tokio::try_join!(list(&roles), list(&accounts))?;
        Ok(Inventory { roles, accounts })
    }

    /// Who holds a lease of the operator in this namespace, if somebody does at this time.
    pub async fn leader(&self, namespace: &str, now: Timestamp) -> Result<Option<String>, UninstallError> {
        let leases = list(&Api::<Lease>::namespaced(self.client.clone(), namespace)).await?;
        let ours = leases.into_iter().filter(|lease| lease.name_any().starts_with(FIELD_MANAGER));
        Ok(ours.filter_map(|lease| lease.spec).find_map(|spec| {
            let renewed = spec.renew_time?.0;
            spec.holder_identity.filter(|holder| !holder.is_empty() && now.duration_since(renewed) < LEASE)
        }))
    }

    /// Deletes all objects and waits until they are gone: first the roles, since accounts wait for them.
    pub async fn delete(&self, inventory: &Inventory, within: Duration) -> Result<(), UninstallError> {
        let deletion = async {
            delete(&inventory.roles, |role| self.role_api(role)).await?;
            delete(&inventory.accounts, |_| Api::all(self.client.clone())).await
        };
        match timeout(within, deletion).await {
            Ok(result) => result,
            Err(_) => Err(UninstallError::Waiting { within, left: self.inventory().await?.waiting() }),
        }
    }

    /// Removes the operator's finalizer from all objects, and no other.
    pub async fn release(&self, inventory: &Inventory) -> Result<(), UninstallError> {
        release(&inventory.roles, |role| self.role_api(role)).await?;
        release(&inventory.accounts, |_| Api::all(self.client.clone())).await
    }

    fn role_api(&self, role: &CrossAccountRole) -> Api<CrossAccountRole> {
        Api::namespaced(self.client.clone(), &role.namespace().unwrap_or_default())
    }
}

async fn list<K>(api: &Api<K>) -> Result<Vec<K>, UninstallError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let listed = api.list(&ListParams::default()).await;
    Ok(listed.map_err(|error| UninstallError::request("list", K::plural(&()), error))?.items)
}

async fn delete<K>(objects: &[K], api: impl Fn(&K) -> Api<K>) -> Result<(), UninstallError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    let requests = stream::iter(objects).map(|object| {
        let api = api(object);
        async move { unless_gone("delete", api.delete(&object.name_any(), &DeleteParams::default()).await) }
    });
    requests.buffer_unordered(AT_A_TIME).try_collect::<()>().await?;
    // They end beside each other, so waiting for one after the other takes as long as the slowest.
    for object in objects {
        let uid = object.uid().unwrap_or_default();
        await_condition(api(object), &object.name_any(), is_deleted(&uid)).await.map_err(UninstallError::Watch)?;
    }
    Ok(())
}

async fn release<K>(objects: &[K], api: impl Fn(&K) -> Api<K>) -> Result<(), UninstallError>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let requests = stream::iter(objects).map(|object| {
        let api = api(object);
        async move {
            let others = object.finalizers().iter().filter(|finalizer| *finalizer != FINALIZER).collect::<Vec<_>>();
            // The version that was read must be the present one, so that nobody else's finalizer is lost.
            let metadata = json!({"finalizers": others, "resourceVersion": object.resource_version()});
            let patch = Patch::Merge(json!({"metadata": metadata}));
            unless_gone("patch", api.patch(&object.name_any(), &PatchParams::default(), &patch).await)
        }
    });
    requests.buffer_unordered(AT_A_TIME).try_collect::<()>().await
}

/// An object that somebody else deleted meanwhile is as it should be.
fn unless_gone<T>(verb: &'static str, result: kube::Result<T>) -> Result<(), UninstallError> {
    match result {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()),
        Err(error) => Err(UninstallError::request(verb, "the objects".into(), error)),
        Ok(_) => Ok(()),
    }
}
