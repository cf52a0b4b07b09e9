//! What the API server sends, with the fields that this program does not know.

use futures::AsyncBufRead;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::api::{ListParams, LogParams};
use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};
use serde::Serialize;
use serde_json::{Value, json};

use super::objects::pages;
use super::{Cluster, Permission, RequestError, Scope};

impl Cluster {
    /// The objects of a kind that match.
    pub async fn raw(
        &self,
        resource: &ApiResource,
        scope: &Scope,
        params: ListParams,
    ) -> Result<Vec<Value>, RequestError> {
        let api = self.dynamic(resource, scope);
        let read = pages(params, async |params| api.list(params).await).await;
        values(resource, scope, read)
    }

    /// What surrounds the objects of a kind that match, without their content. The API server does not send it.
    pub async fn raw_metadata(
        &self,
        resource: &ApiResource,
        scope: &Scope,
        params: ListParams,
    ) -> Result<Vec<Value>, RequestError> {
        let api = self.dynamic(resource, scope);
        let read = pages(params, async |params| api.list_metadata(params).await).await;
        values(resource, scope, read)
    }

    /// One object of a kind.
    pub async fn raw_one(&self, resource: &ApiResource, scope: &Scope, name: &str) -> Result<Value, RequestError> {
        let read = self.dynamic(resource, scope).get(name).await;
        read.map(|object| value(resource, object)).map_err(|error| {
            RequestError::about(&resource.kind, Permission::on("get", resource, scope.clone()), Some(name), error)
        })
    }

    /// The version of the API server. Everybody may read it who is somebody to the API server.
    pub async fn version(&self) -> kube::Result<Info> {
        self.client.apiserver_version().await
    }

    /// The log of a container.
    pub async fn log(
        &self,
        namespace: &str,
        pod: &str,
        params: &LogParams,
    ) -> Result<impl AsyncBufRead + use<>, RequestError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        pods.log_stream(pod, params).await.map_err(|error| {
            let scope = Scope::Namespace(namespace.to_owned());
            let permission = Permission { verb: "get", resource: "pods/log".to_owned(), scope };
            RequestError::of::<Pod>(permission, Some(pod), error)
        })
    }

    fn dynamic(&self, resource: &ApiResource, scope: &Scope) -> Api<DynamicObject> {
        let client: Client = self.client.clone();
        match scope {
            Scope::Namespace(namespace) => Api::namespaced_with(client, namespace, resource),
            Scope::Cluster | Scope::AllNamespaces => Api::all_with(client, resource),
        }
    }
}

fn values<T: Serialize>(
    resource: &ApiResource,
    scope: &Scope,
    read: kube::Result<Vec<T>>,
) -> Result<Vec<Value>, RequestError> {
    match read {
        Ok(objects) => Ok(objects.into_iter().map(|object| value(resource, object)).collect()),
        Err(error) => {
            let permission = Permission::on("list", resource, scope.clone());
            Err(RequestError::about(&resource.kind, permission, None, error))
        }
    }
}

/// The object with its type, which lists leave out.
fn value(resource: &ApiResource, object: impl Serialize) -> Value {
    // What came as JSON has a JSON form.
    let mut value = serde_json::to_value(object).unwrap_or_default();
    value["apiVersion"] = json!(resource.api_version);
    value["kind"] = json!(resource.kind);
    value
}
