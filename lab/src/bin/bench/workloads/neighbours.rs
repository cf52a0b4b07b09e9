//! New roles of healthy accounts beside many roles of an account that fails.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use lab::fake_aws::Mood;

use super::Size;
use crate::{
    meter::Meter,
    report::{Row, quantiles, ratio, time},
    world::{World, declare, names},
};

const ROLES: usize = 60;
const BESIDE: usize = 200;
const ACCOUNTS: usize = 6;
/// The account that fails is the last one.
const SICK: usize = ACCOUNTS;
/// How long is waited for the roles of healthy accounts at most.
const PATIENCE: Duration = Duration::from_mins(4);

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let alone = measured(size, Mood::Well).await?;
    let (alone50, alone99) = (alone.p50, alone.p99);
    let mut rows = Vec::new();
    for (mood, does) in
        [(Mood::Hangs, "hangs"), (Mood::Denies, "denies AssumeRole"), (Mood::Throttles, "always throttles")]
    {
        let beside = measured(size, mood).await?;
        let (times50, times99) = (ratio(beside.p50, alone50), ratio(beside.p99, alone99));
        let result = format!(
            "{} Ready, p50 {}, p99 {}; alone {}, {}; {times50:.2} ×, {times99:.2} ×",
            beside.ready,
            time(beside.p50),
            time(beside.p99),
            time(alone50),
            time(alone99)
        );
        let (roles, others) = (size.scaled(ROLES), size.scaled(BESIDE));
        let what = format!("{roles} new roles beside {others} of an account that {does}");
        let met = beside.ready == roles && times50 <= 1.1 && times99 <= 1.1;
        rows.push(Row::new("neighbours", what, result).aim("≤ 1.1 × alone, p50 and p99", met).raw(beside.raw));
    }
    Ok(rows)
}

struct Measured {
    p50: Duration,
    p99: Duration,
    ready: usize,
    raw: String,
}

/// Times of the healthy roles beside those of an account in this mood; if it is well, without those.
async fn measured(size: Size, mood: Mood) -> Result<Measured> {
    let world = World::new(ACCOUNTS + 1).await?;
    let sick = world.accounts[SICK].clone();
    if mood == Mood::Denies {
        // Before the operator has a session there: it would go on with that.
        world.aws.faults().mood(&sick, mood);
    }
    let operator = world.start(&world.accounts[..SICK]).await?;
    world.aws.faults().mood(&sick, mood);
    let meter = Meter::start(&world, &operator).await?;
    if mood != Mood::Well {
        world.create(declare(names("sick", size.scaled(BESIDE)), SICK..ACCOUNTS + 1)).await?;
        until_noticed(&meter, size.scaled(BESIDE)).await?;
    }
    let all = names("well", size.scaled(ROLES));
    let created = world.create(declare(all.clone(), 0..SICK)).await?;
    let ready = world.board.until_ready(&all, PATIENCE).await;
    let begins = created.values();
    let mut times = world.board.times_to_ready(&created);
    // Those that never became Ready took at least as long as was waited for them.
    times.extend(begins.map(Instant::elapsed).take(created.len() - ready));
    let (p50, p99) = quantiles(times);
    Ok(Measured { p50, p99, ready, raw: meter.read().await?.told() })
}

/// Waits until the operator has begun to work on the roles of the account that fails: it has read each of them.
async fn until_noticed(meter: &Meter<'_>, many: usize) -> Result<()> {
    let begin = Instant::now();
    loop {
        let figures = meter.read().await?;
        let busy = figures.aws.all() >= 64 || figures.reconciles >= many as u64;
        if busy || begin.elapsed() > Duration::from_secs(5) {
            return Ok(());
        }
        ensure!(begin.elapsed() < Duration::from_mins(1), "the operator does nothing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
