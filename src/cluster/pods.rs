//! Pods, read only to find those that hold earlier credentials.

use k8s_openapi::api::core::v1::Pod;
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::Cluster;
use crate::api::CrossAccountRole;

/// Pods in one answer: a namespace may have thousands, of some 10 kB each.
const PAGE: u32 = 500;

impl Cluster {
    /// Names of the pods in the namespace of an object that are of interest, in order. Pods that have ended are left out by
    /// the API server.
    pub async fn pods(&self, role: &CrossAccountRole, of_interest: impl Fn(&Pod) -> bool) -> kube::Result<Vec<String>> {
        let api: Api<Pod> = Api::namespaced(self.client.clone(), &role.namespace().unwrap_or_default());
        let mut params = ListParams::default().fields("status.phase!=Succeeded,status.phase!=Failed").limit(PAGE);
        let mut names = Vec::new();
        loop {
            let page = api.list(&params).await?;
            names.extend(page.items.iter().filter(|pod| of_interest(pod)).map(ResourceExt::name_any));
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => break,
            }
        }
        names.sort();
        Ok(names)
    }
}
