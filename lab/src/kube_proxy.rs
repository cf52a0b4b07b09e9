//! The API server proxy: a loopback HTTP proxy between an operator and kube-apiserver.
//!
//! It *isolates*: all tests share one API server, and an operator behind it sees only the `AWSAccount`s of its own test. It
//! *counts* every request. And it *fails* as API servers and networks do, by rules about requests and about single watch
//! events:
//!
//! ```ignore
//! proxy.on([Verb::Patch], "crossaccountroles/status").times(1).error(409, "Conflict", "modified meanwhile");
//! proxy.on_event("secrets").kind("DELETED").name("reports").drop_event();
//! proxy.freeze().await?;
//! assert_eq!(proxy.count(Verb::List, "secrets"), 1);
//! ```
//!
//! Requests are read whole, answers are streamed. Connections are not upgraded, so `kubectl exec` does not pass.

mod control;
mod fault;
mod frozen;
mod journal;
mod request;
mod server;
#[cfg(test)]
mod tests;
mod upstream;
mod watches;

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Result;
use kube::Config;

use self::{control::Control, fault::Faults, frozen::Frozen, journal::Journal, upstream::Upstream};
pub use self::{
    fault::{ApiStatus, Fault, On, OnEvent},
    frozen::Stale,
    journal::{Outcome, RecordedRequest},
    request::{ApiRequest, Verb},
};
use super::{control_plane::ControlPlane, effects::Effects, guard, loopback::Loopback, pki};

/// A running proxy in front of one API server. It stops when dropped.
pub struct KubeProxy {
    shared: Arc<Shared>,
    config: Box<Config>,
    loopback: Loopback,
}

/// What the handle and the server of one proxy both hold.
struct Shared {
    upstream: Upstream,
    /// The `labelSelector` that lists and watches of `AWSAccount`s get.
    isolation: String,
    journal: Journal,
    faults: Faults,
    frozen: Frozen,
    control: Control,
    effects: Effects,
}

impl KubeProxy {
    /// Starts a proxy on a free loopback port. Who comes through it finds only the `AWSAccount`s that this label selector
    /// selects; `effects` may be shared with the AWS proxy of the same test.
    pub async fn start(control_plane: &ControlPlane, isolation: &str, effects: Effects) -> Result<Self> {
        let config = Box::new(Box::pin(control_plane.anonymous_config()).await?);
        let (loopback, shared) = Loopback::start("kube-proxy", || {
            let shared = Arc::new(Shared {
                upstream: Upstream::new(*config.clone())?,
                isolation: isolation.to_owned(),
                journal: Journal::default(),
                faults: Faults::default(),
                frozen: Frozen::default(),
                control: Control::default(),
                effects,
            });
            anyhow::Ok((shared.clone(), server::answering(shared)))
        })?;
        Ok(Self { shared, config, loopback })
    }

    /// The URL of the API server as its clients see it.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
    }

    /// A kubeconfig file of the bearer of a token that leads through this proxy.
    pub fn kubeconfig(&self, token: &str) -> Result<PathBuf> {
        let file = guard::scratch("kubeconfig")?.join("proxy.kubeconfig");
        pki::write_kubeconfig(&file, &self.endpoint(), None, &pki::token_user(token))?;
        Ok(file)
    }

    /// Begins a rule for requests of these verbs about a resource: `"secrets"`, with its subresource
    /// `"crossaccountroles/status"`, or `"*"` for all.
    pub fn on(&self, verbs: impl IntoIterator<Item = Verb>, resource: &str) -> On<'_> {
        self.shared.faults.on(verbs.into_iter().collect(), resource)
    }

    /// Begins a rule for the watch events of a resource.
    pub fn on_event(&self, resource: &str) -> OnEvent<'_> {
        self.shared.faults.on_event(resource)
    }

    /// Breaks all open watches of a resource. New ones may begin.
    pub fn cut_watches(&self, resource: &str) {
        self.shared.control.cut_watches(resource);
    }

    /// From now on every connection is reset, open watches included.
    pub fn begin_outage(&self) {
        self.shared.control.set_outage(true);
    }

    /// Ends [`begin_outage`](Self::begin_outage).
    pub fn end_outage(&self) {
        self.shared.control.set_outage(false);
    }

    /// From now on lists and watches, or all reads, show the cluster as it is at this moment, although writes have their
    /// effect. Only what was read through this proxy before can be shown so; gives how many such reads there are.
    pub async fn freeze(&self, stale: Stale) -> Result<usize> {
        // A client of this runtime: those of another may end with it.
        self.shared.frozen.freeze(stale, &Upstream::new(*self.config.clone())?).await
    }

    /// Ends [`freeze`](Self::freeze). Watches break, and learn of all that happened when they begin again.
    pub fn thaw(&self) {
        self.shared.frozen.thaw();
        self.shared.control.cut_all_watches();
    }

    /// All requests since the start or the last [`reset_counts`](Self::reset_counts), in the order they arrived.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.requests_that(|_| true)
    }

    /// Those of the requests so far that are wanted, in the same order.
    pub fn requests_that(&self, are_wanted: impl Fn(&RecordedRequest) -> bool) -> Vec<RecordedRequest> {
        self.shared.journal.that(are_wanted)
    }

    /// The writes so far. Events and leases are none.
    pub fn writes(&self) -> Vec<RecordedRequest> {
        self.requests_that(|recorded| recorded.request.is_write())
    }

    /// How many requests of this verb about this resource arrived: `"secrets"` is without its subresources.
    pub fn count(&self, verb: Verb, resource: &str) -> usize {
        self.shared.journal.count(verb, resource)
    }

    /// Numbers of requests by verb and resource, as [`count`](Self::count) names them.
    pub fn tally(&self) -> BTreeMap<(Verb, String), usize> {
        self.shared.journal.tally()
    }

    /// Forgets the requests so far.
    pub fn reset_counts(&self) {
        self.shared.journal.clear();
    }
}
