//! Reads that must be fresh, so they go to the API server and not to a cache.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::Namespace as CoreNamespace;
use kube::api::{ListParams, ObjectMeta};
use kube::core::PartialObjectMeta;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, ResourceExt};

use super::Cluster;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::decide::account::allowed::Namespace;
use crate::domain::kubernetes::is_object_name;

/// Objects in one answer, so that no list is held twice in memory.
const PAGE: u32 = 500;

impl Cluster {
    /// An account by name; none if there is no such object.
    pub async fn account(&self, name: &str) -> kube::Result<Option<AWSAccount>> {
        if !is_object_name(name) {
            return Ok(None); // it would lead to another path of the API server
        }
        Api::all(self.client.clone()).get_opt(name).await
    }

    /// All accounts, by name.
    pub async fn accounts(&self) -> kube::Result<BTreeMap<String, AWSAccount>> {
        let found = Api::all(self.client.clone()).list(&ListParams::default()).await?;
        Ok(found.into_iter().map(|account: AWSAccount| (account.name_any(), account)).collect())
    }

    /// The objects of a namespace (none: of all) that are of interest, whatever shard they are in.
    pub async fn roles_where(
        &self,
        namespace: Option<&str>,
        interesting: impl Fn(&CrossAccountRole) -> bool,
    ) -> kube::Result<Vec<CrossAccountRole>> {
        let api: Api<CrossAccountRole> = match namespace {
            Some(namespace) => Api::namespaced(self.client.clone(), namespace),
            None => Api::all(self.client.clone()),
        };
        let (mut found, mut params) = (Vec::new(), ListParams::default().limit(PAGE));
        loop {
            let page = api.list(&params).await?;
            params.continue_token = page.metadata.continue_.filter(|token| !token.is_empty());
            found.extend(page.items.into_iter().filter(|role| interesting(role)));
            if params.continue_token.is_none() {
                return Ok(found);
            }
        }
    }

    /// The object as it is now, if it is still the same one.
    pub async fn role(&self, role: &CrossAccountRole) -> kube::Result<Option<CrossAccountRole>> {
        let live = self.roles_of(role).get_opt(&role.name_any()).await?;
        Ok(live.filter(|live| live.uid() == role.uid()))
    }

    /// An object by its reference.
    pub async fn role_of(&self, object: &ObjectRef<CrossAccountRole>) -> kube::Result<Option<CrossAccountRole>> {
        let namespace = object.namespace.as_deref().unwrap_or_default();
        Api::namespaced(self.client.clone(), namespace).get_opt(&object.name).await
    }

    /// A namespace with its labels. One that is gone has none.
    pub async fn namespace(&self, name: &str) -> kube::Result<Namespace> {
        let api: Api<CoreNamespace> = Api::all(self.client.clone());
        let found: Option<PartialObjectMeta<CoreNamespace>> = api.get_metadata_opt(name).await?;
        let labels = found.map(|namespace| namespace.labels().clone()).unwrap_or_default();
        Ok(Namespace { name: name.to_owned(), labels })
    }

    /// UID of a namespace; that of `kube-system` is the name of a cluster that was given none.
    pub async fn namespace_uid(&self, name: &str) -> kube::Result<Option<String>> {
        let api: Api<CoreNamespace> = Api::all(self.client.clone());
        Ok(api.get_metadata(name).await?.uid())
    }

    /// Whether the object is still what the cache said: the same one, of the same generation, not being deleted. Asked
    /// before the first write to AWS, because a cache may lag by minutes (kube issue 712).
    pub async fn is_current(&self, role: &CrossAccountRole) -> kube::Result<bool> {
        let live = self.roles_of(role).get_metadata_opt(&role.name_any()).await?;
        Ok(live.is_some_and(|live| is_same(&live.metadata, role)))
    }
}

/// Whether this is the same object, of the same generation, not being deleted.
pub(super) fn is_same(live: &ObjectMeta, role: &CrossAccountRole) -> bool {
    live.uid == role.metadata.uid && live.generation == role.metadata.generation && live.deletion_timestamp.is_none()
}
