//! Writes as somebody tries them: dry runs, which change nothing.

use crossaccount::api::{AWSAccount, CrossAccountRole};
use http::Request;
use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, StatefulSet},
    core::v1::{Pod, Secret},
};
use kube::{
    Api, Client,
    api::{ApiResource, DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

/// What a write is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `Secret`.
    Secret,
    /// `CrossAccountRole`.
    Role,
    /// `AWSAccount`, whose name begins with that of the test's namespace.
    Account,
    /// `Deployment`.
    Deployment,
    /// `StatefulSet`.
    StatefulSet,
    /// `DaemonSet`.
    DaemonSet,
    /// `Pod`.
    Pod,
}

/// One write.
#[derive(Clone, Debug)]
pub struct Write {
    kind: Kind,
    name: &'static str,
    how: How,
}

#[derive(Clone, Debug)]
enum How {
    Create(Value),
    Merge(Value),
    Json(Value),
    Subresource(&'static str, Value),
    Evict,
    Exec,
    Delete,
    DeleteAll,
}

/// A new object.
pub fn create(kind: Kind, object: Value) -> Write {
    Write { kind, name: "", how: How::Create(object) }
}

/// A merge patch.
pub fn merge(kind: Kind, name: &'static str, patch: Value) -> Write {
    Write { kind, name, how: How::Merge(patch) }
}

/// A JSON patch.
pub fn json_patch(kind: Kind, name: &'static str, patch: Value) -> Write {
    Write { kind, name, how: How::Json(patch) }
}

/// A merge patch of the status.
pub fn status(kind: Kind, name: &'static str, patch: Value) -> Write {
    subresource("status", kind, name, patch)
}

/// A merge patch of a subresource.
pub fn subresource(of: &'static str, kind: Kind, name: &'static str, patch: Value) -> Write {
    Write { kind, name, how: How::Subresource(of, patch) }
}

/// The eviction of a pod.
pub fn evict(name: &'static str) -> Write {
    Write { kind: Kind::Pod, name, how: How::Evict }
}

/// A command in a pod.
pub fn exec(name: &'static str) -> Write {
    Write { kind: Kind::Pod, name, how: How::Exec }
}

/// The deletion of an object.
pub fn delete(kind: Kind, name: &'static str) -> Write {
    Write { kind, name, how: How::Delete }
}

/// The deletion of all objects of a kind in the namespace.
pub fn delete_all(kind: Kind) -> Write {
    Write { kind, name: "", how: How::DeleteAll }
}

impl Kind {
    fn resource(self) -> ApiResource {
        match self {
            Self::Secret => ApiResource::erase::<Secret>(&()),
            Self::Role => ApiResource::erase::<CrossAccountRole>(&()),
            Self::Account => ApiResource::erase::<AWSAccount>(&()),
            Self::Deployment => ApiResource::erase::<Deployment>(&()),
            Self::StatefulSet => ApiResource::erase::<StatefulSet>(&()),
            Self::DaemonSet => ApiResource::erase::<DaemonSet>(&()),
            Self::Pod => ApiResource::erase::<Pod>(&()),
        }
    }

    /// The objects of a namespace, as somebody may see them.
    pub fn api(self, client: &Client, namespace: &str) -> Api<DynamicObject> {
        match self {
            Self::Account => Api::all_with(client.clone(), &self.resource()),
            _ => Api::namespaced_with(client.clone(), namespace, &self.resource()),
        }
    }

    /// An object of this kind.
    pub fn object(self, manifest: &Value) -> kube::Result<DynamicObject> {
        let ApiResource { api_version, kind, .. } = self.resource();
        let mut whole = manifest.clone();
        whole["apiVersion"] = json!(api_version);
        whole["kind"] = json!(kind);
        serde_json::from_value(whole).map_err(kube::Error::SerdeError)
    }
}

impl Write {
    /// Tries it as a client, in a namespace.
    pub async fn try_as(&self, client: &Client, namespace: &str) -> kube::Result<()> {
        let Self { kind, name, how } = self;
        let name = if *kind == Kind::Account { format!("{namespace}-{name}") } else { (*name).to_owned() };
        let api = kind.api(client, namespace);
        let post = PostParams { dry_run: true, ..PostParams::default() };
        let patching = PatchParams { dry_run: true, ..PatchParams::default() };
        let deleting = DeleteParams { dry_run: true, ..DeleteParams::default() };
        match how {
            How::Create(object) => api.create(&post, &kind.object(object)?).await.map(drop),
            How::Merge(patch) => api.patch(&name, &patching, &Patch::Merge(patch)).await.map(drop),
            How::Json(patch) => {
                let patch = serde_json::from_value(patch.clone()).map_err(kube::Error::SerdeError)?;
                api.patch(&name, &patching, &Patch::Json::<()>(patch)).await.map(drop)
            }
            How::Subresource(of, patch) => {
                api.patch_subresource(of, &name, &patching, &Patch::Merge(patch)).await.map(drop)
            }
            How::Evict => {
                let eviction = json!({"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}});
                api.create_subresource::<_, Value>("eviction", &name, &post, &eviction).await.map(drop)
            }
            How::Exec => {
                let path = format!("/api/v1/namespaces/{namespace}/pods/{name}/exec?command=true&stdout=true");
                let request = Request::post(path).body(Vec::new()).map_err(kube::Error::HttpError)?;
                client.request_text(request).await.map(drop)
            }
            How::Delete => api.delete(&name, &deleting).await.map(drop),
            How::DeleteAll => api.delete_collection(&deleting, &ListParams::default()).await.map(drop),
        }
    }
}
