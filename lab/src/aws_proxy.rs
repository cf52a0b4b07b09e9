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

mod call;
mod fault;
mod flapping;
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

use std::{io, net::SocketAddr, sync::Arc};

pub(crate) use self::{
    call::{Call, Form},
    reply::Reply,
    xml::{element, escape},
};
use self::{fault::Faults, flapping::Flapping, journal::Journal, strict::partition, upstream::Upstream};
pub use self::{
    fault::{AwsError, Fault, On},
    journal::{CallCounts, Outcome, RecordedCall},
    strict::Strictness,
    touch::Touch,
};
use super::{effects::Effects, loopback::Loopback, rules::locked};

/// What the emulator says of ARNs as it is said in the partition of a region: `arn:aws:` there is `arn:aws-cn:` in China.
pub fn in_partition_of(region: &str, text: &str) -> String {
    partition::exchanged(text, partition::of_region(region))
}

/// A running proxy in front of one MiniStack. It stops when dropped.
pub struct AwsProxy {
    shared: Arc<Shared>,
    loopback: Loopback,
}

/// What the handle and the server of one proxy both hold.
pub(crate) struct Shared {
    pub(crate) upstream: Upstream,
    pub(crate) journal: Journal,
    pub(crate) faults: Faults,
    pub(crate) flapping: Flapping,
    pub(crate) effects: Effects,
    /// `None`: MiniStack as it is.
    pub(crate) strictness: Option<Arc<Strictness>>,
}

impl AwsProxy {
    /// Starts a proxy on a free loopback port in front of the MiniStack at `upstream`.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start(upstream: SocketAddr) -> io::Result<Self> {
        Self::start_noting(upstream, Effects::default())
    }

    /// Starts a proxy that shares its effects with that of an API server.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start_noting(upstream: SocketAddr, effects: Effects) -> io::Result<Self> {
        Self::start_whole(upstream, Some(Arc::default()), effects)
    }

    /// Starts another proxy in front of the same MiniStack, with faults, counts and effects of its own. All proxies of one
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
        Self::start_whole(upstream, strictness, Effects::default())
    }

    fn start_whole(upstream: SocketAddr, strictness: Option<Arc<Strictness>>, effects: Effects) -> io::Result<Self> {
        let (loopback, shared) = Loopback::start("aws-proxy", || {
            let shared = Arc::new(Shared {
                upstream: Upstream::new(upstream),
                journal: Journal::default(),
                faults: Faults::default(),
                flapping: Flapping::default(),
                effects,
                strictness,
            });
            io::Result::Ok((shared.clone(), server::answering(shared)))
        })?;
        Ok(Self { shared, loopback })
    }

    /// What was written through this proxy.
    pub fn effects(&self) -> Effects {
        self.shared.effects.clone()
    }

    /// The URL to give to clients as `AWS_ENDPOINT_URL`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.loopback.address()
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
}
