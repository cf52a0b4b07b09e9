//! An operator that is killed again and again while objects change and AWS fails. When the faults end, everything must become
//! exactly as declared.

mod check;
mod dice;
mod faults;
mod world;

use std::{
    collections::BTreeMap,
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::time::sleep;

use self::{dice::Dice, world::World};
use lab::{effects::Server, env::TestEnv, operator::Operator, wait::eventually_within};

/// How long the operator has to come to rest. A role that IAM does not show may still come for two minutes.
const SETTLED_WITHIN: Duration = Duration::from_mins(10);

/// Counts of what happened.
#[derive(Default)]
struct Report {
    kills: usize,
    faults: BTreeMap<&'static str, usize>,
}

/// Runs for `MINUTES` (10) with up to `SIZE` objects (200), by the dice of `SEED`. Fails on any violation.
pub async fn run() -> Result<()> {
    let (minutes, size) = (setting("MINUTES", 10)?, setting("SIZE", 200)?);
    let now = u64::try_from(jiff::Timestamp::now().as_second())?;
    let seed = setting("SEED", now)?;
    println!("==> SEED={seed} MINUTES={minutes} SIZE={size}");
    let mut world = World::new(size).await?;
    let mut report = Report::default();
    let begin = Instant::now();
    let operator = disturb(&mut world, &mut report, seed, Duration::from_secs(60 * minutes)).await?;
    let last_fault = Instant::now();
    println!("==> {} s are over; no more faults, waiting until everything is settled", begin.elapsed().as_secs());
    let log = operator.log().clone();
    let ended = settle(&world, operator).await;
    tell(&world, &report, last_fault.elapsed());
    let wrong = ended.with_context(|| format!("the operator's log ends:\n{}", log.tail()))?;
    for violation in &wrong {
        println!("    VIOLATION {violation}");
    }
    ensure!(wrong.is_empty(), "{} violations; SEED={seed}", wrong.len());
    println!("==> No violation.");
    Ok(())
}

fn setting(name: &str, default: u64) -> Result<u64> {
    match env::var(name) {
        Ok(value) if !value.is_empty() => value.parse().with_context(|| format!("{name}={value} is not a number")),
        _ => Ok(default),
    }
}

/// Changes, faults and kills, each by dice of its own. Gives an operator that starts after the last fault.
async fn disturb(world: &mut World, report: &mut Report, seed: u64, time: Duration) -> Result<Operator> {
    let mut dice = Dice::new(seed);
    let (mut of_people, mut of_faults, mut of_kills) = (dice.split(), dice.split(), dice.split());
    let end = Instant::now() + time;
    let mut operator = world.env.start().await?;
    let (mut fault_at, mut kill_at) = (Instant::now(), Instant::now() + after(&mut of_kills, 1000, 20_000));
    while Instant::now() < end {
        world.act(&mut of_people).await?;
        if Instant::now() >= fault_at {
            world.env.proxy.clear_faults();
            *report.faults.entry(faults::inject(&world.env.proxy, &mut of_faults)).or_default() += 1;
            fault_at = Instant::now() + after(&mut of_faults, 200, 3000);
        }
        if Instant::now() >= kill_at {
            operator.kill().await?;
            report.kills += 1;
            operator = world.env.start().await?;
            kill_at = Instant::now() + after(&mut of_kills, 1000, 20_000);
        }
        sleep(after(&mut of_people, 10, 200)).await;
    }
    world.env.proxy.clear_faults();
    operator.kill().await?;
    report.kills += 1;
    world.env.start().await
}

fn after(dice: &mut Dice, least: u64, most: u64) -> Duration {
    Duration::from_millis(dice.between(least, most))
}

/// Waits until the operator is done, and gives what is wrong then.
async fn settle(world: &World, operator: Operator) -> Result<Vec<String>> {
    eventually_within(SETTLED_WITHIN, "everything is settled", async || check::is_settled(world).await).await?;
    comes_to_rest(&world.env).await?;
    let wrong = check::violations(world).await?;
    let (status, _) = operator.stop().await?;
    if !status.success() {
        bail!("the operator ends with {status}");
    }
    Ok(wrong)
}

/// Waits until two looks for drift write nothing to AWS: a request to revoke that followed another too soon is met later.
async fn comes_to_rest(env: &TestEnv) -> Result<()> {
    eventually_within(SETTLED_WITHIN, "two looks for drift write nothing", async || {
        let before = env.effects.list().len();
        let reads = env.proxy.count("GetAccountAuthorizationDetails");
        eventually_within(SETTLED_WITHIN, "the account was read twice", async || {
            let more = env.proxy.count("GetAccountAuthorizationDetails") - reads;
            ensure!(more >= 2, "{more} times");
            Ok(())
        })
        .await?;
        let mut written = env.effects.list().split_off(before);
        written.retain(|write| write.server == Server::Aws);
        ensure!(written.is_empty(), "{written:?}");
        Ok(())
    })
    .await
}

fn tell(world: &World, report: &Report, took: Duration) {
    let listed = |counts: &BTreeMap<&'static str, usize>| {
        counts.iter().map(|(what, count)| format!("{what} {count}")).collect::<Vec<_>>().join(", ")
    };
    let calls = world.env.proxy.calls();
    let mut outcomes: BTreeMap<&'static str, usize> = BTreeMap::new();
    for call in &calls {
        let outcome = match call.status() {
            Some(200) => "answered",
            Some(_) => "refused",
            None => "without an answer",
        };
        *outcomes.entry(outcome).or_default() += 1;
    }
    println!("    kills: {}", report.kills);
    println!("    operations: {}", listed(&world.done));
    println!("    faults: {}", listed(&report.faults));
    println!("    AWS calls: {} ({})", calls.len(), listed(&outcomes));
    println!("    writes to AWS and the API server: {}", world.env.effects.list().len());
    println!("    settled and checked {} s after the last fault", took.as_secs());
    let shut = world.objects.keys().filter(|(namespace, _)| !world.allowed.contains(namespace)).count();
    println!("    objects at the end: {}, of which shut out: {shut}", world.objects.len());
}
