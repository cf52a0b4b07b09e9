//! Effects on Kubernetes: reads, the Secret, finalizers, status, Events. Every write names one field manager.

mod events;
mod finalizer;
mod pods;
mod read;
mod secret;
mod status;
mod workloads;

pub use events::Events;
#[cfg(test)]
pub(crate) use secret::manifest;
pub use secret::{ObservedSecret, SecretDeletion, SecretWrite};

use kube::Client;
use kube::api::PatchParams;

use crate::api::FIELD_MANAGER;

/// The cluster, as the operator uses it.
#[derive(Clone)]
pub struct Cluster {
    client: Client,
}

impl Cluster {
    /// Wraps a client.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// The client, for watches.
    #[must_use]
    pub fn client(&self) -> &Client {
        &self.client
    }
}

/// Server-side apply as the one field manager. It takes back fields that others set: what we declare is ours.
fn apply_params() -> PatchParams {
    PatchParams::apply(FIELD_MANAGER).force()
}
