//! One check of all roles of one account for drift.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::Size;
use crate::{
    meter::Meter,
    report::{Row, per},
    world::{World, names},
};

/// Long enough for one check to be told from the next.
const INTERVAL: &str = "--drift-interval=60s";
const BULK: &str = "GetAccountAuthorizationDetails";

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let many = size.roles();
    let mut world = World::new(1).await?;
    let operator = world.start_well().await?;
    world.fill(names("drift", many)).await?;
    operator.stop().await?;
    // A process that did not make the roles does not compare them once more two minutes later.
    world.settings = world.settings.flag(INTERVAL);
    let world = world;
    let operator = world.start(&world.accounts).await?;

    world.aws.reset_calls();
    // The time from the end of one check to the end of the next is one interval.
    until_checked(&world).await?;
    let meter = Meter::start(&world, &operator).await?;
    until_checked(&world).await?;
    let figures = meter.read().await?;
    let result = format!(
        "{} AWS calls ({:.3} per role); in the whole interval {} requests to the API server, {:.2} reconciles per role",
        figures.aws.all(),
        per(figures.aws.all(), many),
        figures.all_requests(),
        per(figures.reconciles, many),
    );
    let what = format!("one check of {many} roles of one account for drift");
    let met = figures.aws.all() <= 10;
    Ok(vec![Row::new("drift", what, result).aim("≤ 10 AWS calls for 1,000 roles", met).raw(figures.told())])
}

/// Waits until a bulk read has come, and the reads of single roles after it.
async fn until_checked(world: &World) -> Result<()> {
    let begin = Instant::now();
    while world.aws.calls().of(BULK) == 0 {
        ensure!(begin.elapsed() < Duration::from_mins(3), "no bulk read in three minutes");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    world.quiet_in_aws(Duration::from_secs(5)).await;
    Ok(())
}
