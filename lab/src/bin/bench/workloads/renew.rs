//! All credentials renewed at once.

use std::{collections::HashMap, time::Duration};

use anyhow::Result;
use crossaccount::api::annotation;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use lab::kube_proxy::Verb;

use super::Size;
use crate::{
    board::Seen,
    meter::Meter,
    report::{Row, per, time},
    world::{CONCURRENCY, World, names},
};

/// The operator renews an object on request at most once in 30 seconds.
const LEAST_INTERVAL: Duration = Duration::from_secs(31);

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let many = size.roles();
    let world = World::new(10).await?;
    let operator = world.start_well().await?;
    let all = names("renew", many);
    world.fill(all.clone()).await?;
    tokio::time::sleep(LEAST_INTERVAL).await;

    let meter = Meter::start(&world, &operator).await?;
    request(&world, &all).await?;
    let begin = meter.begin();
    let is_renewed = |seen: &&Seen| seen.issued.is_some_and(|(_, at)| at > begin);
    let renewed = |seen: &HashMap<String, Seen>| seen.values().filter(is_renewed).count();
    world.board.until(Duration::from_mins(5), |seen| renewed(seen) == many).await;
    let (wall, done) = (begin.elapsed(), renewed(&world.board.seen()));
    world.quiet(Duration::from_secs(3)).await;

    let figures = meter.read().await?;
    let each = |number: usize| per(number as u64, many);
    let secrets = each(figures.writes("secrets"));
    let statuses = each(figures.writes("crossaccountroles/status"));
    let lists = each(figures.requests(&[Verb::List], "pods"));
    let reconciles = per(figures.reconciles, many);
    let result = format!(
        "{done} renewed in {}; per renewal {:.1} AWS calls, {secrets:.2} Secret writes, {statuses:.2} status writes, \
         {lists:.2} pod LISTs, {reconciles:.2} reconciles",
        time(wall),
        per(figures.aws.all(), many),
    );
    let met = done == many && secrets <= 1.0 && statuses <= 1.0 && lists <= 1.0 && reconciles < 1.05; // some objects have a check for drift due
    let aim = "per renewal ≤ 1 Secret write, ≤ 1 status write, ≤ 1 pod LIST, 1 reconcile";
    Ok(vec![Row::new("renew", format!("{many} renewed at once"), result).aim(aim, met).raw(figures.told())])
}

/// Asks for new credentials of all.
async fn request(world: &World, names: &[String]) -> Result<()> {
    let now = Timestamp::now().to_string();
    let patch = json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}});
    let ask = async |name: &String| {
        world.roles.patch_metadata(name, &PatchParams::default(), &Patch::Merge(&patch)).await.map(drop)
    };
    stream::iter(names).map(ask).buffer_unordered(CONCURRENCY).try_collect::<()>().await?;
    Ok(())
}
