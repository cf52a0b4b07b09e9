//! Waiting for a condition instead of for a time.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tokio::time::{sleep, timeout};

/// How long a condition may take. Far more than any needs: it only bounds the wait of a test that fails.
pub const WITHIN: Duration = Duration::from_mins(2);
/// How long the operator does not believe IAM that there is no role, since a new one may not be known everywhere yet.
const PROPAGATION: Duration = Duration::from_mins(2);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Waits until `look` succeeds, and gives what it found. An error of `look` says what it saw instead; the last one is
/// shown when time is up.
///
/// ```ignore
/// let role = eventually("the role has its boundary", async || {
///     let role = account.role("reports").await?.context("no such role")?;
///     ensure!(role.boundary.is_some(), "the role is {role:?}");
///     Ok(role)
/// }).await?;
/// ```
pub async fn eventually<T>(what: &str, look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    eventually_within(WITHIN, what, look).await
}

/// The same for what the operator itself waits for before it acts: the time after which it believes IAM that there is no role.
pub async fn after_propagation<T>(what: &str, look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    eventually_within(PROPAGATION + WITHIN, what, look).await
}

/// The same for what may take longer.
pub async fn eventually_within<T>(within: Duration, what: &str, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut seen = anyhow!("nothing, the first look took that long");
    let found = timeout(within, async {
        loop {
            match look().await {
                Ok(found) => return found,
                Err(error) => seen = error,
            }
            sleep(LOOK_EVERY).await;
        }
    });
    match found.await {
        Ok(found) => Ok(found),
        Err(_) => bail!("after {within:?} still not so: {what}; last seen: {seen:#}"),
    }
}
