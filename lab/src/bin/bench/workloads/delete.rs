//! Many objects deleted at once.

use std::time::Duration;

use anyhow::Result;
use kube::api::{DeleteParams, ListParams};

use super::Size;
use crate::{
    floor::Floor,
    meter::Meter,
    report::{Row, per, ratio, time},
    world::{World, names},
};

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let many = size.roles();
    let world = World::new(10).await?;
    let operator = world.start_well().await?;
    let all = names("delete", many);
    world.fill(all.clone()).await?;
    let floor = Floor::like(&world, &all[0]).await?;
    let floor_names = names("floor", many);
    floor.create(&floor_names).await?;

    let meter = Meter::start(&world, &operator).await?;
    world.roles.delete_collection(&DeleteParams::default(), &ListParams::default()).await?;
    let gone = world.board.until(Duration::from_mins(10), std::collections::HashMap::is_empty).await;
    let wall = meter.begin().elapsed();
    let left = world.board.seen().len();
    world.quiet(Duration::from_secs(3)).await;
    let figures = meter.read().await?;

    let floor = floor.delete(&floor_names).await?;
    let times = ratio(wall, floor.sum());
    let calls = per(figures.aws.all(), many);
    let result = format!(
        "{} gone in {}; floor {} AWS + {} API; {times:.2} ×; per role {calls:.1} AWS calls, {:.1} requests to the API \
         server, {:.2} reconciles",
        many - left,
        time(wall),
        time(floor.aws),
        time(floor.api),
        per(figures.all_requests() as u64, many),
        per(figures.reconciles, many),
    );
    let row = Row::new("delete", format!("{many} objects deleted at once"), result);
    Ok(vec![
        row.aim("≤ 7 AWS calls each, ≤ 1.5 × the floor", gone && calls <= 7.05 && times <= 1.5).raw(figures.told()),
    ])
}
