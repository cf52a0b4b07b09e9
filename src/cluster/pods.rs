//! Pods: read to find those that hold earlier credentials, and annotated so that they see new ones at once.

use futures::StreamExt as _;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{ListParams, Patch, PatchParams};
use serde_json::json;

use super::Cluster;
use crate::api::{CrossAccountRole, FIELD_MANAGER, annotation};

/// Pods in one answer: a namespace may have thousands, of some 10 kB each.
const PAGE: u32 = 500;
/// Pods of one namespace that are annotated at the same time.
const AT_ONCE: usize = 8;

impl Cluster {
    /// Shows all pods in the namespace of an object. The API server leaves out pods that have ended.
    pub async fn for_each_pod(&self, role: &CrossAccountRole, mut look: impl FnMut(&Pod)) -> kube::Result<()> {
        let api = self.pods_of(&role.metadata.namespace.clone().unwrap_or_default());
        let mut params = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed").limit(PAGE);
        loop {
            let page = api.list(&params).await?;
            page.items.iter().for_each(&mut look);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(()),
            }
        }
    }

    /// Annotates pods with the time at which their credentials were issued. Gives the failures. A pod that is gone is none.
    ///
    /// A merge patch of one key, and no server-side apply: the pod is somebody else's, and an apply would create it anew if it
    /// is gone.
    pub async fn nudge(&self, namespace: &str, pods: Vec<String>, issued_at: Timestamp) -> Vec<kube::Error> {
        let api = self.pods_of(namespace);
        let patch = json!({"metadata": {"annotations": {(annotation::CREDENTIALS_ISSUED_AT): issued_at.to_string()}}});
        let (patch, params) = (
            Patch::Merge(patch),
            PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() },
        );
        let annotate = async |name: String| match api.patch_metadata(&name, &params, &patch).await {
            Err(kube::Error::Api(status)) if status.is_not_found() => None,
            answer => answer.err(),
        };
        let answers = futures::stream::iter(pods).map(annotate).buffer_unordered(AT_ONCE);
        answers.filter_map(async |failure| failure).collect().await
    }

    fn pods_of(&self, namespace: &str) -> Api<Pod> {
        Api::namespaced(self.client.clone(), namespace)
    }
}
