//! Many roles at once: new ones, and ones that exist already and are only observed.

use std::time::Duration;

use anyhow::Result;
use crossaccount::api::{CrossAccountRole, Lifecycle};

use lab::fake_aws::NewRole;

use super::Size;
use crate::{
    floor::{Floor, FloorTimes},
    meter::Meter,
    report::{Row, per, quantiles, ratio, time},
    world::{FLOOR, NAMESPACE, World, declare, names},
};

const ACCOUNTS: usize = 10;
const STEPS: [usize; 3] = [100, 1_000, 10_000];

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for many in size.steps(&STEPS) {
        rows.push(wave(many, Lifecycle::Create).await?);
        rows.push(wave(many, Lifecycle::Observe).await?);
    }
    Ok(rows)
}

async fn wave(many: usize, lifecycle: Lifecycle) -> Result<Row> {
    let world = World::new(ACCOUNTS).await?;
    let operator = world.start_well().await?;
    let all = names("wave", many);
    let mut roles = declare(all.clone(), 0..ACCOUNTS);
    if lifecycle == Lifecycle::Observe {
        roles.iter_mut().for_each(observed);
        add_roles(&world, NAMESPACE, &all);
    }

    let meter = Meter::start(&world, &operator).await?;
    let created = world.create(roles).await?;
    let ready = world.board.until_ready(&all, Duration::from_mins(10)).await;
    let wall = meter.begin().elapsed();
    let (p50, p99) = quantiles(world.board.times_to_ready(&created));
    world.quiet(Duration::from_secs(3)).await;
    let figures = meter.read().await?;

    let floor = floor(&world, &all, lifecycle).await?;
    let times = ratio(wall, floor.sum());
    let result = format!(
        "{ready} Ready in {} (p50 {}, p99 {}); floor {} AWS + {} API; {times:.2} ×; per role {:.1} AWS calls, {:.1} \
         requests to the API server, {:.2} reconciles",
        time(wall),
        time(p50),
        time(p99),
        time(floor.aws),
        time(floor.api),
        per(figures.aws.all(), many),
        per(figures.all_requests() as u64, many),
        per(figures.reconciles, many),
    );
    let what = format!("{many} roles at once over {ACCOUNTS} accounts, {lifecycle}");
    Ok(Row::new("wave", what, result).aim("≤ 1.5 × the floor", ready == many && times <= 1.5).raw(figures.told()))
}

async fn floor(world: &World, like: &[String], lifecycle: Lifecycle) -> Result<FloorTimes> {
    let floor = Floor::like(world, &like[0]).await?;
    let all = names("floor", like.len());
    match lifecycle {
        Lifecycle::Observe => {
            add_roles(world, FLOOR, &all);
            floor.observe(&all).await
        }
        Lifecycle::Create | Lifecycle::Adopt => floor.create(&all).await,
    }
}

fn observed(role: &mut CrossAccountRole) {
    role.spec.role.lifecycle = Lifecycle::Observe;
}

/// Makes the roles that objects of these names observe, or that the bare client reads.
fn add_roles(world: &World, namespace: &str, names: &[String]) {
    for (name, account) in names.iter().zip(world.accounts.iter().cycle()) {
        let name = if namespace == FLOOR { name.clone() } else { format!("{namespace}-{name}") };
        world.aws.add_role(NewRole { account, path: "/crossaccount/", name: &name, external_id: None });
    }
}
