//! The leader lease: of several replicas, one works and the others stand by.
//!
//! `kube-lease-manager` takes, renews and releases the Lease. It does not say when a renewal fails, so the holder also
//! looks at its own Lease and gives up before anybody else may take it. A lease is no fence: a call to AWS that is already
//! under way cannot be taken back, so overlapping writes have to be harmless, and they are.

mod election;

use std::{error::Error, future::Future, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, Client};
use kube_lease_manager::{LeaseCreateMode, LeaseManager, LeaseManagerError, LeaseParams};
use thiserror::Error;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use tracing::{debug, info, warn};

pub use self::election::Election;
use self::election::{Hold, hold, short_hash};
use crate::host::{error_chain::ErrorChain, health::Health, metrics::Metrics, shutdown::Shutdown};

/// How long the Lease is good after a renewal: what a crashed leader costs at most, beside [`STANDBY_LOOK`].
const LEASE: Duration = Duration::from_secs(15);
/// Renewal begins this long before the end, so every 5 s, and is repeated until it works. It is also how far the clock of
/// a standby may be ahead.
const RENEW_BEFORE: Duration = Duration::from_secs(10);
/// The holder stops working this long before others may begin.
const MARGIN: Duration = Duration::from_secs(2);
/// How often the holder looks at its own Lease, and the pause after a failed request.
const HOLDER_LOOK: Duration = Duration::from_secs(2);
/// How often a standby looks anew. The manager by itself would sleep to the end of the lease that it saw, although its
/// holder may have released it.
const STANDBY_LOOK: Duration = Duration::from_secs(3);
/// What the release at the end may take.
const RELEASE: Duration = Duration::from_secs(1);

/// The component in the readiness report.
const COMPONENT: &str = "leader lease";

/// Leadership ended although the work did not.
#[derive(Debug, Error)]
pub enum Lost {
    /// Somebody else holds the Lease, or nobody: it was edited, or renewed too late.
    #[error(
        "lost the leader lease {lease} to {holder}; this process ends so that only one reconciles, and stands by after \
         its restart"
    )]
    Taken {
        /// Namespace and name of the Lease.
        lease: String,
        /// Who holds it now.
        holder: String,
    },
    /// The Lease could not be renewed in time.
    #[error(
        "could not renew the leader lease {lease} in time; check that the API server can be reached and that this service \
         account may get, create and patch leases.coordination.k8s.io there"
    )]
    NotRenewed {
        /// Namespace and name of the Lease.
        lease: String,
        /// The last failed look at the Lease, if one failed.
        source: Option<Box<kube::Error>>,
    },
}

/// What a process shows of itself, and how it learns that it is to end.
#[derive(Clone, Copy, Debug)]
pub struct Process<'a> {
    /// `/readyz`.
    pub health: &'a Health,
    /// Whether it leads.
    pub metrics: &'a Metrics,
    /// The signal to end.
    pub shutdown: &'a Shutdown,
}

/// Runs `work` once this process leads, until it ends or the lease is lost.
///
/// On loss `work` is dropped where it stands. When it ends by itself, the lease is released for the next leader. `None`: the
/// shutdown came before leadership did. `client` needs timeouts of its own, shorter than the lease.
pub async fn lead<W: Future>(
    client: Client,
    election: &Election,
    Process { health, metrics, shutdown }: Process<'_>,
    work: W,
) -> Result<Option<W::Output>, Lost> {
    let candidate = Candidate { api: Api::namespaced(client.clone(), &election.namespace), client, election };
    health.expect(COMPONENT);
    let manager = tokio::select! {
        biased;
        () = shutdown.requested() => {
            candidate.withdraw().await;
            return Ok(None);
        }
        manager = candidate.acquire(health) => manager,
    };
    info!(lease = election.path(), identity = election.identity, "leading");
    metrics.leader(true);
    let ended = tokio::select! {
        biased;
        lost = candidate.keep(&manager) => Err(lost),
        output = work => Ok(Some(output)),
    };
    metrics.leader(false);
    if ended.is_ok() {
        candidate.release(&manager).await;
    }
    ended
}

struct Candidate<'a> {
    client: Client,
    api: Api<Lease>,
    election: &'a Election,
}

impl Candidate<'_> {
    /// Tries until it leads. A process to which nothing but another leader stands in the way is a ready standby.
    async fn acquire(&self, health: &Health) -> LeaseManager {
        info!(lease = self.election.path(), identity = self.election.identity, "standing by for the leader lease");
        loop {
            match self.attempt(health).await {
                Ok(Some(manager)) => return manager,
                Ok(None) => {}
                Err(error) => {
                    let why = format!("cannot take the Lease {}: {}", self.election.path(), ErrorChain(cause(&error)));
                    health.not_ready(COMPONENT, why);
                    sleep(HOLDER_LOOK).await;
                }
            }
        }
    }

    async fn attempt(&self, health: &Health) -> Result<Option<LeaseManager>, LeaseManagerError> {
        let manager = self.manager().await?;
        // Time may run out in the middle of taking the lease; the next look then finds it held by this very process.
        let leads = timeout(STANDBY_LOOK, manager.changed()).await.unwrap_or(Ok(false))?;
        health.ready(COMPONENT);
        Ok(leads.then_some(manager))
    }

    async fn manager(&self) -> Result<LeaseManager, LeaseManagerError> {
        let Election { namespace, lease, identity } = self.election;
        // The default manager name holds the whole identity and may exceed the 128 characters that the API server allows.
        let field_manager = format!("crossaccount-operator-{}", short_hash(identity));
        let params =
            LeaseParams::new(identity, LEASE.as_secs(), RENEW_BEFORE.as_secs()).with_field_manager(field_manager);
        LeaseManager::new(self.client.clone(), lease, namespace, params, LeaseCreateMode::AutoCreate).await
    }

    /// Renews until leadership is lost.
    async fn keep(&self, manager: &LeaseManager) -> Lost {
        tokio::select! {
            lost = self.renew(manager) => lost,
            lost = self.witness() => lost,
        }
    }

    async fn renew(&self, manager: &LeaseManager) -> Lost {
        loop {
            match manager.changed().await {
                Ok(true) => {}
                Ok(false) => return self.taken("another process".to_owned()),
                Err(error) => {
                    warn!(lease = self.election.path(), error = %ErrorChain(cause(&error)), "cannot renew the leader lease yet");
                    sleep(HOLDER_LOOK).await;
                }
            }
        }
    }

    /// Looks at the Lease as the others see it, and returns before they may take it.
    async fn witness(&self) -> Lost {
        let mut until = Instant::now() + LEASE.saturating_sub(MARGIN);
        let mut failure = None;
        loop {
            match timeout_at(until, self.api.get(&self.election.lease)).await {
                Ok(Ok(lease)) => match hold(&lease, &self.election.identity, Timestamp::now()) {
                    Hold::Ours { renewed_ago } => {
                        until = Instant::now() + LEASE.saturating_sub(MARGIN).saturating_sub(renewed_ago);
                        failure = None;
                    }
                    Hold::Other(holder) => return self.taken(holder),
                },
                Ok(Err(error)) => {
                    debug!(%error, "cannot look at the leader lease");
                    failure = Some(error);
                }
                Err(_elapsed) => return self.not_renewed(failure),
            }
            if until <= Instant::now() {
                return self.not_renewed(failure);
            }
            sleep_until(until.min(Instant::now() + HOLDER_LOOK)).await;
        }
    }

    /// Frees the lease, so that the next leader need not wait for its end.
    async fn release(&self, manager: &LeaseManager) {
        match timeout(RELEASE, manager.release()).await {
            Ok(Ok(())) => info!(lease = self.election.path(), "released the leader lease"),
            Ok(Err(error)) => self.kept(&ErrorChain(cause(&error))),
            Err(elapsed) => self.kept(&elapsed),
        }
    }

    /// Frees the lease if the shutdown came in the middle of taking it. A lease of others is left alone.
    async fn withdraw(&self) {
        let withdrawal = async {
            let lease = self.api.get(&self.election.lease).await.map_err(LeaseManagerError::KubeError)?;
            match hold(&lease, &self.election.identity, Timestamp::now()) {
                Hold::Ours { .. } => self.manager().await?.release().await,
                Hold::Other(_) => Ok(()),
            }
        };
        match timeout(RELEASE, withdrawal).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.kept(&ErrorChain(cause(&error))),
            Err(elapsed) => self.kept(&elapsed),
        }
    }

    fn kept(&self, error: &dyn std::fmt::Display) {
        let lease = self.election.path();
        warn!(lease, %error, "could not release the leader lease; if held, it ends by itself within {LEASE:?}");
    }

    fn taken(&self, holder: String) -> Lost {
        Lost::Taken { lease: self.election.path(), holder }
    }

    fn not_renewed(&self, failure: Option<kube::Error>) -> Lost {
        Lost::NotRenewed { lease: self.election.path(), source: failure.map(Box::new) }
    }
}

/// What is behind an error of the lease manager, which prints other errors into its own text.
fn cause(error: &LeaseManagerError) -> &(dyn Error + 'static) {
    match error {
        LeaseManagerError::KubeError(error) => error,
        other => other,
    }
}
