//! Waiting for a condition instead of for a time.

use std::time::Duration;

use anyhow::{Result, anyhow, bail};
use tokio::time::{sleep, timeout};

/// How long a condition may take. Far more than any needs: it only bounds the wait of a test that fails.
const WITHIN: Duration = Duration::from_mins(1);
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
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let mut seen = anyhow!("nothing, the first look took that long");
    let found = timeout(WITHIN, async {
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
        Err(_) => bail!("after {WITHIN:?} still not so: {what}; last seen: {seen:#}"),
    }
}
