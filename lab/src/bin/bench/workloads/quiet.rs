//! A minute in which nothing is due.

use std::time::Duration;

use anyhow::Result;

use super::Size;
use crate::{
    meter::Meter,
    report::Row,
    world::{World, names},
};

const MINUTE: Duration = Duration::from_mins(1);

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let many = size.roles();
    let mut world = World::new(10).await?;
    world.settings = world.settings.flag("--drift-interval=720h"); // a check for drift is something due
    let operator = world.start_well().await?;
    world.fill(names("quiet", many)).await?;
    // A new role is compared again two minutes later. A process that did not make the roles does not have that before it.
    operator.stop().await?;
    let operator = world.start_well().await?;
    world.quiet(Duration::from_secs(5)).await;

    let meter = Meter::start(&world, &operator).await?;
    tokio::time::sleep(MINUTE).await;
    let figures = meter.read().await?;
    let (aws, api) = (figures.aws.all(), figures.all_requests());
    let result = format!("{aws} AWS calls, {api} requests to the API server but watches and leases");
    let what = format!("a minute in which nothing is due, {many} roles");
    Ok(vec![Row::new("quiet", what, result).aim("none", aws == 0 && api == 0).raw(figures.told())])
}
