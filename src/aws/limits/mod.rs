//! What one account may take of the operator, for each service: so many calls at a time, at the pace that AWS takes them, and none
//! but a single one while AWS does not answer. An account that throttles or hangs costs the others nothing, and IAM that hangs
//! does not keep STS from renewing credentials.
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

/// Calls at a time to one service of one account.
const CALLS_AT_ONCE: usize = 10;

/// A call was not sent, because the account does not answer.
#[derive(Debug, thiserror::Error)]
#[error(
    "calls to this account are paused because AWS did not answer the last {UNANSWERED} of them; one call at a time checks \
     whether it answers again",
    UNANSWERED = breaker::UNANSWERED
)]
pub(super) struct Paused;

/// The limits of one account. Each service throttles and fails for itself.
#[derive(Debug)]
pub(super) struct AccountLimits {
    pub iam: Arc<ServiceLimits>,
    pub sts: Arc<ServiceLimits>,
    retries: RetryPartition,
}

/// The limits of one service of one account.
#[derive(Debug)]
pub(super) struct ServiceLimits {
    /// Calls wait for their turn in the order in which they came.
    turn: AsyncMutex<()>,
    pace: Mutex<Pace>,
    calls: Semaphore,
    breaker: Mutex<Breaker>,
}

impl AccountLimits {
    /// The limits of an account of which nothing is known yet.
    pub fn new(account: &AccountId) -> Self {
        // Throttled attempts are limited by the pace. What is left of the SDK's budget is for other failures.
        let budget = TokenBucket::builder().throttling_retry_cost(0).build();
        Self {
            iam: Arc::default(),
            sts: Arc::default(),
            retries: RetryPartition::custom(account.to_string()).token_bucket(budget).build(),
        }
    }

    /// The SDK's budget for retries of this account.
    pub fn retries(&self) -> RetryPartition {
        self.retries.clone()
    }
}

impl Default for ServiceLimits {
    fn default() -> Self {
        let (turn, pace, breaker) = Default::default();
        Self { turn, pace, calls: Semaphore::new(CALLS_AT_ONCE), breaker }
    }
}

impl ServiceLimits {
    /// Waits until an attempt may be sent.
    async fn enter(&self) -> Result<Attempt<'_>, Paused> {
        self.wait_for_turn().await;
        // The semaphore is never closed.
        let permit = self.calls.acquire().await.map_err(|_| Paused)?;
        if !lock(&self.breaker).lets_through(Instant::now()) {
            return Err(Paused);
        }
        Ok(Attempt { limits: self, _permit: permit, answered: false })
    }

    async fn wait_for_turn(&self) {
        let _turn = self.turn.lock().await;
        loop {
            let Some(wait) = lock(&self.pace).delay(Instant::now()) else { return };
            tokio::time::sleep(wait).await;
        }
    }

    /// Learns whether AWS throttled an attempt.
    fn answered(&self, sent: Instant, throttled: bool) {
        lock(&self.pace).answered(sent, throttled, Instant::now());
    }
}

/// An attempt under way. One that is dropped before its answer counts as unanswered.
struct Attempt<'a> {
    limits: &'a ServiceLimits,
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
