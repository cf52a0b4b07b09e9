//! The finalizer: on before the first side effect, off after the last.

use std::fmt::Debug;

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch as JsonPatch, PatchOperation, RemoveOperation, TestOperation};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::read::is_same;
use super::{Cluster, apply_params};
use crate::api::{AWSAccount, CrossAccountRole, FINALIZER};

impl Cluster {
    /// Keeps a role until AWS is clean. If that takes a write, says whether the object is still what the cache said.
    pub async fn add_finalizer(&self, role: &CrossAccountRole) -> kube::Result<Option<bool>> {
        let live = add(&self.roles_of(role), role).await?;
        Ok(live.map(|live| is_same(&live.metadata, role)))
    }

    /// Removes the finalizer of a role.
    pub async fn remove_finalizer(&self, role: &CrossAccountRole) -> kube::Result<()> {
        remove(&self.roles_of(role), role).await
    }

    /// Keeps an account until no object needs it to clean a role or a grant: without it nothing could be denied.
    pub async fn add_account_finalizer(&self, account: &AWSAccount) -> kube::Result<()> {
        add(&Api::all(self.client.clone()), account).await.map(drop)
    }

    /// Removes the finalizer of an account.
    pub async fn remove_account_finalizer(&self, account: &AWSAccount) -> kube::Result<()> {
        remove(&Api::all(self.client.clone()), account).await
    }

    pub(super) fn roles_of(&self, role: &CrossAccountRole) -> Api<CrossAccountRole> {
        Api::namespaced(self.client.clone(), &role.namespace().unwrap_or_default())
    }
}

/// Finalizers are a set under server-side apply, so ours is never written twice (kube issue 964); the UID keeps an object
/// that is gone from being made anew.
async fn add<K>(api: &Api<K>, object: &K) -> kube::Result<Option<K>>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    if object.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
        return Ok(None);
    }
    let body = json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": object.name_any(), "uid": object.uid(), "finalizers": [FINALIZER]},
    });
    api.patch(&object.name_any(), &apply_params(), &Patch::Apply(body)).await.map(Some)
}

/// Removes the finalizer, also if another field manager added it. Another finalizer in its place makes the patch fail, and a later reconcile
/// tries again.
async fn remove<K>(api: &Api<K>, object: &K) -> kube::Result<()>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
{
    let Some(index) = object.finalizers().iter().position(|finalizer| finalizer == FINALIZER) else { return Ok(()) };
    let path = PointerBuf::from_tokens(["metadata".to_owned(), "finalizers".to_owned(), index.to_string()]);
    let removal = JsonPatch(vec![
        PatchOperation::Test(TestOperation { path: path.clone(), value: FINALIZER.into() }),
        PatchOperation::Remove(RemoveOperation { path }),
    ]);
    match api.patch(&object.name_any(), &PatchParams::default(), &Patch::Json::<K>(removal)).await {
        Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()), // gone already
        other => other.map(drop),
    }
}
