//! What the operator costs, measured as a process of the release build: `make bench`. Most times are compared with a
//! floor that is measured in the same run.
//!
//! Nothing here fails because something is slow. The results are printed, and written to `docs/benchmarks.md`.

#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod board;
mod floor;
mod meter;
mod page;
mod report;
mod workloads;
mod world;

use std::env;

use anyhow::{Context as _, Result, ensure};

use crate::{
    report::Row,
    workloads::{NAMES, Size},
};

#[tokio::main]
async fn main() -> Result<()> {
    let size = match env::var("SIZE") {
        Ok(text) if !text.is_empty() => text.parse().context("write SIZE as a number of roles")?,
        _ => Size::USUAL,
    };
    let asked: Vec<String> = env::args().skip(1).collect();
    for name in &asked {
        ensure!(NAMES.contains(&name.as_str()), "there is no workload {name}; there are {}", NAMES.join(", "));
    }
    let wanted: Vec<&str> =
        NAMES.into_iter().filter(|name| asked.is_empty() || asked.iter().any(|a| a == name)).collect();
    let mut rows: Vec<Row> = Vec::new();
    let mut failed = Vec::new();
    for name in wanted {
        println!("==> {name}");
        match Box::pin(workloads::run(name, Size(size))).await {
            Ok(found) => {
                found.iter().for_each(show);
                rows.extend(found);
            }
            Err(error) => {
                println!("    failed: {error:#}");
                failed.push(name);
            }
        }
    }
    // A smaller run is for a look, not for the record.
    if size >= Size::USUAL && !rows.is_empty() {
        page::write(&rows)?;
    }
    ensure!(failed.is_empty(), "without a result: {}", failed.join(", "));
    Ok(())
}

fn show(row: &Row) {
    println!("    {}", page::line(row));
    if !row.raw.is_empty() {
        println!("      {}", row.raw);
    }
}
