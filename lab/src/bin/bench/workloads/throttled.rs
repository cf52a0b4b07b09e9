//! New roles while AWS refuses calls as too many: half of all at random, or those beyond a limit of each account.

use std::time::{Duration, Instant};

use anyhow::Result;

use lab::fake_aws::Rate;

use super::Size;
use crate::{
    meter::{Figures, Meter},
    report::{Row, per, ratio, time},
    world::{World, declare, names},
};

const ROLES: usize = 200;
const ACCOUNTS: usize = 10;
/// How long is waited at most.
const PATIENCE: Duration = Duration::from_mins(5);
/// A limit such as IAM has. AWS does not publish its own.
const LIMIT: Rate = Rate { per_second: 10.0, burst: 20.0 };

/// A wave, and how it ended.
struct Wave {
    wall: Duration,
    ready: usize,
    figures: Figures,
}

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let many = size.scaled(ROLES);
    let free = wave(many, |_| {}).await?;
    let half = wave(many, |world| world.aws.faults().throttle_percent(50)).await?;
    let limited = wave(many, |world| world.aws.faults().limit(Some(LIMIT))).await?;
    Ok(vec![at_random(many, &free, &half), by_limit(many, &limited)])
}

fn at_random(many: usize, free: &Wave, half: &Wave) -> Row {
    let times = ratio(half.wall, free.wall);
    let result = format!("{} Ready in {}; without {}; {times:.1} ×", half.ready, time(half.wall), time(free.wall));
    let what = format!("{many} new roles over {ACCOUNTS} accounts, half of all calls refused at random");
    let row = Row::new("throttled", what, result).aim("≤ 3 ×", half.ready == many && times <= 3.0);
    row.raw(half.figures.told())
}

fn by_limit(many: usize, limited: &Wave) -> Row {
    let aws = &limited.figures.aws;
    let of_iam = |action: &str| !action.starts_with("AssumeRole") && action != "GetCallerIdentity";
    let calls = aws.that(|key| of_iam(&key.action));
    let served = calls - aws.that(|key| of_iam(&key.action) && key.code == "Throttling");
    let used = 100.0 * per(served, 1) / (per(ACCOUNTS as u64, 1) * LIMIT.capacity(limited.wall));
    let refused = 100.0 * per(calls - served, usize::try_from(calls).unwrap_or(usize::MAX));
    let result = format!(
        "{} Ready in {}; {used:.0} % of what the buckets allow was used, {refused:.0} % of {calls} IAM calls were refused",
        limited.ready,
        time(limited.wall)
    );
    let what = format!("{many} new roles over {ACCOUNTS} accounts, 10 IAM calls a second and account, burst 20");
    let met = limited.ready == many && used >= 80.0 && refused <= 20.0;
    let row = Row::new("throttled", what, result).aim("≥ 80 % used, ≤ 20 % refused", met);
    row.raw(limited.figures.told())
}

async fn wave(many: usize, begin: impl FnOnce(&World)) -> Result<Wave> {
    let world = World::new(ACCOUNTS).await?;
    let operator = world.start_well().await?;
    let all = names("throttled", many);
    begin(&world);
    let meter = Meter::start(&world, &operator).await?;
    world.create(declare(all.clone(), 0..ACCOUNTS)).await?;
    let ready = world.board.until_ready(&all, PATIENCE).await;
    let end = Instant::now();
    let figures = meter.read().await?;
    Ok(Wave { wall: end - meter.begin(), ready, figures })
}
