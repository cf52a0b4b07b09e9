//! A restart while everything is good.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Size;
use crate::{
    meter::Meter,
    report::{Row, time},
    world::{World, names, until_ready},
};

/// Numbers of roles.
const STEPS: [usize; 2] = [1_000, 10_000];

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for many in size.steps(&STEPS) {
        rows.push(one(many).await?);
    }
    Ok(rows)
}

async fn one(many: usize) -> Result<Row> {
    let world = World::new(10).await?;
    let operator = world.start_well().await?;
    world.fill(names("restart", many)).await?;
    operator.stop().await?;

    world.aws.reset_calls();
    world.kube_proxy.reset_counts();
    let begin = Instant::now();
    let operator = world.settings.start().await?;
    let meter = Meter::resumed(&world, &operator, begin);
    until_ready(&operator).await?;
    let ready = begin.elapsed();
    while operator.all_reconciles().await? < many as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let looked = begin.elapsed();
    world.quiet(Duration::from_secs(1)).await;

    let figures = meter.read().await?;
    let assumed = figures.aws.of("AssumeRole");
    let writes =
        figures.writes("secrets") + figures.writes("crossaccountroles/status") + figures.writes("crossaccountroles");
    let result = format!(
        "ready after {}, all looked at after {}; {assumed} AssumeRole of roles, {writes} writes to Secrets, objects and their status",
        time(ready),
        time(looked)
    );
    let what = format!("restart with {many} good roles");
    let within = if many <= 1_000 { Duration::from_secs(10) } else { Duration::from_mins(1) };
    let met = assumed == 0 && writes == 0 && looked <= within;
    let aim = format!("no AssumeRole, no write, all looked at within {}", time(within));
    let row = Row::new("restart", what, result).aim(aim, met);
    Ok(row.raw(figures.told()))
}
