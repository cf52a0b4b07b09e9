//! The AWS proxy: a loopback HTTP proxy between AWS clients and MiniStack, in two layers.
//!
//! *Strictness* makes the pair answer as AWS does where MiniStack alone does not (`docs/aws-proxy.md` has the table).
//! *Faults* make it answer as AWS does on a bad day, and every call is counted, so that a test can say what the
//! operator asked for and how often:
//!
//! ```ignore
//! let proxy = AwsProxy::start(emulator)?;
//! proxy.on("CreateRole").times(1).drop_response();
//! proxy.on("AssumeRole").account("222222222222").throttle();
//! assert_eq!(proxy.count("AssumeRole"), 3);
//! ```
#![allow(dead_code, unused_imports)] // each program that includes the support library uses a part of it

mod call;
mod fault;
mod journal;
mod reply;
mod restate;
mod server;
mod strict;
#[cfg(test)]
mod tests;
mod touch;
mod upstream;
mod xml;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, JoinHandle},
};

use tokio::sync::oneshot;

use self::{fault::Faults, journal::Journal, upstream::Upstream};
pub use self::{
    fault::{AwsError, Fault, Injected, On},
    journal::{CallCounts, Outcome, RecordedCall},
    strict::{Quotas, Strictness},
    touch::Touch,
};

/// A running proxy in front of one MiniStack. It has a thread and a runtime of its own, so that it may outlive the
/// runtime of the test that started it, and it stops when dropped.
pub struct AwsProxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the handle and the server of one proxy both hold.
pub(crate) struct Shared {
    pub(crate) upstream: Upstream,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    /// `None`: MiniStack as it is.
    pub(crate) strictness: Option<Arc<Strictness>>,
}

impl AwsProxy {
    /// Starts a proxy on a free loopback port in front of the MiniStack at `upstream`.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        Self::start_with(upstream, Some(Arc::default()))
    }

    /// Starts another proxy in front of the same MiniStack, with faults and counts of its own. All proxies of one
    /// MiniStack must share what strictness remembers.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn beside(&self) -> io::Result<Self> {
        Self::start_with(self.shared.upstream.address(), self.shared.strictness.clone())
    }

    /// Starts a proxy with the given strictness, or with none: MiniStack as it is, with faults and counts only.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start_with(upstream: SocketAddr, strictness: Option<Arc<Strictness>>) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream: Upstream::new(upstream),
            journal: Journal::default(),
            faults: Faults::default(),
            strictness,
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let server = shared.clone();
        let thread = thread::Builder::new().name(format!("aws-proxy-{}", address.port())).spawn(move || {
            // Dropping the runtime with the loop ends every request still in flight.
            runtime.block_on(async {
                tokio::select! {
                    () = server::serve(listener, server) => {}
                    _ = stopped => {}
                }
            });
        })?;
        Ok(Self { address, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// The URL to give to clients as `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Begins a rule for the calls of one action: `"CreateRole"`, a prefix such as `"Get*"`, or `"*"` for every call.
    pub fn on(&self, action: &str) -> On<'_> {
        self.shared.faults.on(action)
    }

    /// Removes every rule.
    pub fn clear_faults(&self) {
        self.shared.faults.clear();
    }

    /// All calls since the start or the last [`AwsProxy::reset_counts`], in the order they arrived.
    pub fn calls(&self) -> Vec<RecordedCall> {
        self.shared.journal.calls()
    }

    /// Those of the calls so far that are wanted, in the same order.
    pub fn calls_that(&self, are_wanted: impl Fn(&RecordedCall) -> bool) -> Vec<RecordedCall> {
        self.shared.journal.calls_that(are_wanted)
    }

    /// How many calls of this action arrived.
    pub fn count(&self, action: &str) -> usize {
        self.shared.journal.count(action)
    }

    /// Calls by account, service, action and outcome.
    pub fn counts(&self) -> CallCounts {
        self.shared.journal.counts()
    }

    /// Forgets the calls so far.
    pub fn reset_counts(&self) {
        self.shared.journal.clear();
    }

    /// Waits until at least `calls` calls of this action have been answered (or cut off) since the last reset.
    pub async fn answered(&self, action: &str, calls: usize) {
        self.shared.journal.answered(action, calls).await;
    }

    /// How many requests the proxy itself sent to MiniStack to look something up: the price of strictness.
    pub fn lookups(&self) -> u64 {
        self.shared.upstream.lookups()
    }
}

impl Drop for AwsProxy {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(()); // an error means that the server has ended already
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Locks even after another test panicked while it held the lock: what is guarded here is never half-written.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
