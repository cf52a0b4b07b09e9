//! What the operator keeps its promises through: API servers, networks, clocks and AWS on a bad day, and others who do the
//! same work. Nothing newer gives way to something older, and credentials stay good.

mod api_server;
mod aws;
mod clocks;
mod eventual;
mod leader;
pub mod leaks;
mod refusals;
mod stale;
mod two_of_us;
mod unheard;

use anyhow::{Result, ensure};

use lab::{Injected, wait::eventually};

/// Waits until a fault has befallen this many requests.
async fn befell(fault: &Injected, times: u64) -> Result<()> {
    eventually("the fault has befallen requests", async || {
        ensure!(fault.hits() >= times, "{} so far", fault.hits());
        Ok(())
    })
    .await
}
