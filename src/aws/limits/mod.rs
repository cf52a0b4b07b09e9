//! What one account may take of the operator: so many calls at a time, at the pace that AWS takes them, and none but a single one
//! while AWS does not answer. An account that throttles or hangs costs the others nothing.
//!
//! All attempts of all clients of an account pass here, retries included.

mod breaker;
mod connector;
mod pace;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use aws_smithy_runtime::client::retries::{RetryPartition, TokenBucket};
use tokio::sync::{Mutex as AsyncMutex, Semaphore, SemaphorePermit};

use self::breaker::Breaker;
pub(super) use self::connector::limited;
use self::pace::Pace;
use crate::domain::AccountId;

/// Calls at a time into one account.
const CALLS_AT_ONCE: usize = 16;

/// A call was not sent, because the account does not answer.
#[derive(Debug, thiserror::Error)]
#[error(
    "calls to this account are paused because AWS did not answer the last {UNANSWERED} of them; one call at a time checks \
     whether it answers again",
    UNANSWERED = breaker::UNANSWERED
)]
pub(super) struct Paused;

/// The limits of one account.
#[derive(Debug)]
pub(super) struct AccountLimits {
    calls: Semaphore,
    breaker: Mutex<Breaker>,
    iam: Queue,
    sts: Queue,
    retries: RetryPartition,
}

/// One of the services, each of which throttles for itself.
#[derive(Clone, Copy, Debug)]
pub(super) enum Service {
    Iam,
    Sts,
}

/// Calls to one service wait here for their turn, in the order in which they came.
#[derive(Debug, Default)]
struct Queue {
    turn: AsyncMutex<()>,
    pace: Mutex<Pace>,
}

impl AccountLimits {
    /// The limits of an account of which nothing is known yet.
    pub fn new(account: &AccountId) -> Arc<Self> {
        // Throttled attempts are limited by the pace. What is left of the SDK's budget is for other failures.
        let budget = TokenBucket::builder().throttling_retry_cost(0).build();
        Arc::new(Self {
            calls: Semaphore::new(CALLS_AT_ONCE),
            breaker: Mutex::default(),
            iam: Queue::default(),
            sts: Queue::default(),
            retries: RetryPartition::custom(account.to_string()).token_bucket(budget).build(),
        })
    }

    /// The SDK's budget for retries of this account.
    pub fn retries(&self) -> RetryPartition {
        self.retries.clone()
    }

    /// Waits until an attempt may be sent.
    async fn enter(&self, service: Service) -> Result<Attempt<'_>, Paused> {
        self.queue(service).pass().await;
        // The semaphore is never closed.
        let permit = self.calls.acquire().await.map_err(|_| Paused)?;
        if !lock(&self.breaker).lets_through(Instant::now()) {
            return Err(Paused);
        }
        Ok(Attempt { limits: self, _permit: permit, answered: false })
    }

    /// Learns whether AWS throttled an attempt.
    fn answered(&self, service: Service, sent: Instant, throttled: bool) {
        lock(&self.queue(service).pace).answered(sent, throttled, Instant::now());
    }

    fn queue(&self, service: Service) -> &Queue {
        match service {
            Service::Iam => &self.iam,
            Service::Sts => &self.sts,
        }
    }
}

impl Queue {
    async fn pass(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let Some(wait) = lock(&self.pace).delay(Instant::now()) else { return };
            tokio::time::sleep(wait).await;
        }
    }
}

/// An attempt under way. One that is dropped before its answer counts as unanswered.
struct Attempt<'a> {
    limits: &'a AccountLimits,
    _permit: SemaphorePermit<'a>,
    answered: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        let mut breaker = lock(&self.limits.breaker);
        if self.answered { breaker.answered() } else { breaker.unanswered(Instant::now()) }
    }
}

/// A panic while one of these is locked leaves it usable: each change is of plain values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
