//! One role at a time: how long somebody waits who applies a manifest, until verified credentials are in the Secret.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::Size;
use crate::{
    floor::Floor,
    meter::Meter,
    report::{Row, quantiles, ratio, time},
    world::{World, names, role},
};

const ROLES: usize = 50;

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let world = World::new(1).await?;
    let operator = world.start_well().await?;
    let all = names("one", size.scaled(ROLES));
    let meter = Meter::start(&world, &operator).await?;
    let mut times = Vec::new();
    for name in &all {
        let created = world.create(vec![role(name, 0)]).await?;
        let ready = world.board.until_ready([name], Duration::from_mins(1)).await;
        ensure!(ready == 1, "{name} is not Ready after a minute");
        times.extend(world.board.times_to_ready(&created));
    }
    let raw = meter.read().await?.told();

    let floor = Floor::like(&world, &all[0]).await?;
    let mut floors = Vec::new();
    for name in names("floor", all.len()) {
        floors.push(floor.one(&name).await?);
    }
    let ((p50, p99), (floor50, floor99)) = (quantiles(times), quantiles(floors));
    let times = ratio(p50, floor50);
    let result =
        format!("p50 {}, p99 {}; floor {}, {}; {times:.2} ×", time(p50), time(p99), time(floor50), time(floor99));
    let what = format!("one new role, from the request to Ready, {} in turn", all.len());
    Ok(vec![Row::new("one", what, result).aim("≤ 1.3 × the floor's p50", times <= 1.3).raw(raw)])
}
