//! The objects of one kind in one place. A request that fails names the permission that it needs.

use std::fmt::Debug;

use futures::{Stream, TryStreamExt as _};
use kube::api::{DeleteParams, ListParams, ObjectList, Patch, PatchParams, PostParams};
use kube::core::PartialObjectMeta;
use kube::runtime::wait::{Condition, await_condition};
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Permission, RequestError, Scope};

/// Who wrote a field, as `metadata.managedFields` says.
const FIELD_MANAGER: &str = "kubectl-crossaccount";

/// How many objects the API server sends at a time.
const PAGE: u32 = 500;

/// The objects of a kind in one place.
#[derive(Clone, Debug)]
pub struct Objects<K> {
    api: Api<K>,
    scope: Scope,
}

impl<K> Objects<K> {
    pub(super) fn new(api: Api<K>, scope: Scope) -> Self {
        Self { api, scope }
    }
}

impl<K> Objects<K>
where
    K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static,
{
    /// All of them.
    pub async fn list(&self) -> Result<Vec<K>, RequestError> {
        self.select(ListParams::default()).await
    }

    /// Those that match, in pages.
    pub async fn select(&self, params: ListParams) -> Result<Vec<K>, RequestError> {
        let read = pages(params, async |params| self.api.list(params).await).await;
        read.map_err(|error| self.failed("list", None, error))
    }

    /// One of them.
    pub async fn get(&self, name: &str) -> Result<K, RequestError> {
        self.api.get(name).await.map_err(|error| self.failed("get", Some(name), error))
    }

    /// What surrounds one of them, without its content.
    pub async fn metadata(&self, name: &str) -> Result<PartialObjectMeta<K>, RequestError> {
        self.api.get_metadata(name).await.map_err(|error| self.failed("get", Some(name), error))
    }

    /// Merges a patch into one of them. Only the fields of the patch change hands.
    pub async fn merge(&self, name: &str, patch: &Value) -> Result<K, RequestError> {
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        let patched = self.api.patch(name, &params, &Patch::Merge(patch)).await;
        patched.map_err(|error| self.failed("patch", Some(name), error))
    }

    /// What the API server would store. It stores nothing.
    pub async fn try_create(&self, object: &K) -> Result<K, RequestError>
    where
        K: Serialize,
    {
        self.api.create(&dry_run(), object).await.map_err(|error| self.failed("create", None, error))
    }

    /// Creates one.
    pub async fn create(&self, object: &K) -> Result<K, RequestError>
    where
        K: Serialize,
    {
        let params = PostParams { dry_run: false, field_manager: Some(FIELD_MANAGER.to_owned()) };
        self.api.create(&params, object).await.map_err(|error| self.failed("create", None, error))
    }

    /// What the API server would store in place of one of them. It stores nothing.
    pub async fn try_replace(&self, name: &str, object: &K) -> Result<K, RequestError>
    where
        K: Serialize,
    {
        self.api.replace(name, &dry_run(), object).await.map_err(|error| self.failed("update", Some(name), error))
    }

    /// Deletes one of them.
    pub async fn delete(&self, name: &str) -> Result<(), RequestError> {
        let deleted = self.api.delete(name, &DeleteParams::default()).await;
        deleted.map(drop).map_err(|error| self.failed("delete", Some(name), error))
    }

    /// Waits until one of them, or its absence, fulfils a condition.
    pub async fn until(&self, name: &str, condition: impl Condition<K>) -> Result<Option<K>, RequestError> {
        let met = await_condition(self.api.clone(), name, condition).await;
        met.map_err(|error| RequestError::of_wait::<K>(self.scope.clone(), error))
    }

    /// All of them, and then every change, or those of one name. Ends where the caller may not watch.
    pub fn watch(&self, name: Option<&str>) -> impl Stream<Item = Result<watcher::Event<K>, RequestError>> + use<K> {
        let config = watcher::Config::default();
        let config = match name {
            Some(name) => config.fields(&format!("metadata.name={name}")),
            None => config,
        };
        let scope = self.scope.clone();
        watcher(self.api.clone(), config)
            .default_backoff()
            .map_err(move |error| RequestError::of_watch::<K>(scope.clone(), error))
    }

    fn failed(&self, verb: &'static str, name: Option<&str>, error: kube::Error) -> RequestError {
        RequestError::of::<K>(Permission::of::<K>(verb, self.scope.clone()), name, error)
    }
}

/// Everything of a list, asked for in pages.
pub(super) async fn pages<T: Clone>(
    params: ListParams,
    page: impl AsyncFn(&ListParams) -> kube::Result<ObjectList<T>>,
) -> kube::Result<Vec<T>> {
    let mut params = params.limit(PAGE);
    let mut items = Vec::new();
    loop {
        let ObjectList { items: more, metadata, .. } = page(&params).await?;
        items.extend(more);
        match metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return Ok(items),
        }
    }
}

fn dry_run() -> PostParams {
    PostParams { dry_run: true, field_manager: Some(FIELD_MANAGER.to_owned()) }
}
