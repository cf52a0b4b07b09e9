//! Every field does what it says: each value that a schema lets one think of is refused with advice, or its effect is
//! seen in IAM, in the Secret, in the status or in the calls to AWS. None is silently ignored.
//!
//! The values are generated from the schemas (`cases`), so a new field is covered on the day it is added; how its effect
//! is seen, somebody has to say (`table`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "only data of these tests can be wrong here")]

mod advice;
mod cases;
mod field;
mod objects;
mod prepare;
mod row;
mod seen;
mod stage;
mod table;
mod watch;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use futures::{StreamExt as _, stream};

use self::{
    field::{Field, Kind, fields},
    stage::Stage,
    table::{NOT_YET, table},
};
use lab::env::TestEnv;

/// Fields that are tried at the same time.
const AT_ONCE: usize = 8;

#[test]
fn every_field_has_an_oracle_and_every_oracle_a_field() {
    let declared: BTreeSet<(Kind, String)> = fields().into_iter().map(|field| (field.kind, field.path)).collect();
    let mut rows = BTreeSet::new();
    for row in table() {
        assert!(!row.samples.is_empty(), "the row of {} has no sample", row.path);
        assert!(rows.insert((row.kind, row.path.to_owned())), "{} has two rows", row.path);
    }
    let without: Vec<_> = declared.difference(&rows).collect();
    assert!(without.is_empty(), "say in tests/every_field/table/ how the effect of these fields is seen: {without:?}");
    let of_nothing: Vec<_> = rows.difference(&declared).collect();
    assert!(of_nothing.is_empty(), "no schema has these fields any more: {of_nothing:?}");
    for (kind, path, _) in NOT_YET {
        assert!(rows.contains(&(*kind, (*path).to_owned())), "NOT_YET names {path}, which has no row");
    }
}

#[tokio::test]
async fn every_field_of_an_account_is_refused_with_advice_or_does_what_it_says() -> Result<()> {
    play(Kind::Account, "fields-a").await
}

#[tokio::test]
async fn every_field_of_a_role_is_refused_with_advice_or_does_what_it_says() -> Result<()> {
    play(Kind::Role, "fields-r").await
}

async fn play(kind: Kind, namespace: &str) -> Result<()> {
    let env = TestEnv::new(namespace).await?;
    let names = prepare::prepare(&env).await?;
    let _operator = env.start().await?;
    let (fields, rows): (Vec<Field>, _) = (fields(), table());
    let mut stages = Vec::new();
    for (number, row) in rows.iter().filter(|row| row.kind == kind).enumerate() {
        let field = fields.iter().find(|field| field.kind == kind && field.path == row.path);
        stages.extend(field.map(|field| Stage::new(&env, &names, number, field, row)));
    }
    let faults: Vec<Vec<String>> = stream::iter(stages).map(Stage::play).buffer_unordered(AT_ONCE).collect().await;
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    ensure!(faults.is_empty(), "{} values are not as they should be:\n- {}", faults.len(), faults.join("\n- "));
    Ok(())
}
