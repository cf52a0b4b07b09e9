//! The finalizer: on before the first side effect, off after the last.

use json_patch::jsonptr::PointerBuf;
use json_patch::{Patch as JsonPatch, PatchOperation, RemoveOperation, TestOperation};
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::{Cluster, apply_params};
use crate::api::{CrossAccountRole, FINALIZER};

impl Cluster {
    /// Puts the finalizer on. Finalizers are a set under server-side apply, so ours is never written twice
    /// (kube issue 964); the UID keeps an object that is gone from being made anew.
    pub async fn put_finalizer(&self, role: &CrossAccountRole) -> kube::Result<()> {
        if role.finalizers().iter().any(|finalizer| finalizer == FINALIZER) {
            return Ok(());
        }
        let body = json!({
            "apiVersion": CrossAccountRole::api_version(&()),
            "kind": CrossAccountRole::kind(&()),
            "metadata": {"name": role.name_any(), "uid": role.uid(), "finalizers": [FINALIZER]},
        });
        self.roles_of(role).patch(&role.name_any(), &apply_params(), &Patch::Apply(body)).await.map(drop)
    }

    /// Takes the finalizer off, whoever put it on. Another finalizer in its place makes the patch fail, and a later
    /// reconcile tries again.
    pub async fn remove_finalizer(&self, role: &CrossAccountRole) -> kube::Result<()> {
        let Some(index) = role.finalizers().iter().position(|finalizer| finalizer == FINALIZER) else { return Ok(()) };
        let path = PointerBuf::from_tokens(["metadata".to_owned(), "finalizers".to_owned(), index.to_string()]);
        let removal = JsonPatch(vec![
            PatchOperation::Test(TestOperation { path: path.clone(), value: FINALIZER.into() }),
            PatchOperation::Remove(RemoveOperation { path }),
        ]);
        match self
            .roles_of(role)
            .patch(&role.name_any(), &PatchParams::default(), &Patch::Json::<CrossAccountRole>(removal))
            .await
        {
            Err(kube::Error::Api(status)) if status.is_not_found() => Ok(()), // gone already
            other => other.map(drop),
        }
    }

    pub(super) fn roles_of(&self, role: &CrossAccountRole) -> Api<CrossAccountRole> {
        Api::namespaced(self.client.clone(), &role.namespace().unwrap_or_default())
    }
}
