//! Resident memory, by how much there is to look after.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{
    Api,
    api::{ObjectMeta, PostParams},
};

use lab::operator::Operator;

use super::Size;
use crate::{
    meter::mib,
    report::Row,
    world::{NAMESPACE, World, names},
};

/// Secrets of others in the same namespace.
const FOREIGN: usize = 300;
/// What each of them holds: almost as much as a Secret can (Kubernetes documentation, "Secrets": 1 MiB).
const MEGABYTE: usize = 1_000_000;
/// What was aimed at, in MiB: idle, and at these numbers of roles.
const AIMS: [(usize, u64); 4] = [(0, 12), (1_000, 32), (5_000, 64), (10_000, 128)];

pub async fn run(size: Size) -> Result<Vec<Row>> {
    let mut world = World::new(10).await?;
    world.settings = world.settings.flag("--drift-interval=720h"); // else one of so many is always due
    let operator = world.start_well().await?;
    let mut rows = vec![row(&operator, 0)?];
    let mut steps = vec![size.roles(), 5 * size.roles()];
    steps.extend((size.0 >= 10_000).then_some(10_000));
    let mut filled = 0;
    for many in steps {
        world.fill((filled..many).map(|number| format!("memory-{number}"))).await?;
        filled = many;
        rows.push(row(&operator, many)?);
    }

    let (before, _) = operator.memory()?;
    add_secrets(&world, size.scaled(FOREIGN)).await?;
    world.quiet(Duration::from_secs(5)).await;
    let (after, _) = operator.memory()?;
    let more = after.saturating_sub(before);
    let what = format!("more with {} Secrets of 1 MB of others", size.scaled(FOREIGN));
    rows.push(Row::new("memory", what, format!("{} more", mib(more))).aim("≤ 5 MiB", more <= 5 * 1024));
    Ok(rows)
}

fn row(operator: &Operator, many: usize) -> Result<Row> {
    let (rss, peak) = operator.memory()?;
    let what = if many == 0 { "RSS idle, 10 accounts".to_owned() } else { format!("RSS with {many} roles") };
    let row = Row::new("memory", what, format!("{} (peak {})", mib(rss), mib(peak)));
    let aim = AIMS.iter().find(|(roles, _)| *roles == many);
    Ok(match aim {
        Some((_, aim)) => row.aim(format!("≤ {aim} MiB"), rss <= aim * 1024),
        None => row,
    })
}

async fn add_secrets(world: &World, many: usize) -> Result<()> {
    let secrets: Api<Secret> = Api::namespaced(world.kube.clone(), NAMESPACE);
    let create = async |name: String| {
        let metadata = ObjectMeta { name: Some(name), ..ObjectMeta::default() };
        let data = Some(BTreeMap::from([("blob".to_owned(), ByteString(vec![b'x'; MEGABYTE]))]));
        secrets.create(&PostParams::default(), &Secret { metadata, data, ..Secret::default() }).await.map(drop)
    };
    stream::iter(names("foreign", many)).map(create).buffer_unordered(4).try_collect::<()>().await?;
    Ok(())
}
