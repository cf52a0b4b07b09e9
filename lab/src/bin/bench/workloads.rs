//! The workloads, by name.

mod delete;
mod drift;
mod memory;
mod neighbours;
mod one;
mod quiet;
mod renew;
mod restart;
mod size;
mod throttled;
mod wave;

use anyhow::{Result, bail};

use crate::report::Row;

/// Their names, in the order of the table.
pub const NAMES: [&str; 11] =
    ["one", "wave", "renew", "restart", "quiet", "drift", "delete", "throttled", "neighbours", "memory", "size"];

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Size(pub usize);

impl Size {
    /// What is usual: everything but the longest.
    pub const USUAL: usize = 1_000;

    /// The number of roles of a usual workload.
    pub fn roles(self) -> usize {
        self.0.min(Self::USUAL)
    }

    /// As many as usual, or fewer in proportion; at least ten.
    pub fn scaled(self, usual: usize) -> usize {
        (usual * self.roles() / Self::USUAL).max(10)
    }

    /// The numbers of roles that a workload goes through, up to the size.
    pub fn steps(self, all: &[usize]) -> Vec<usize> {
        let steps: Vec<usize> = all.iter().copied().filter(|step| *step <= self.0).collect();
        if steps.is_empty() { vec![self.0] } else { steps }
    }
}

/// Runs a workload in a world of its own.
pub async fn run(name: &str, size: Size) -> Result<Vec<Row>> {
    match name {
        "one" => one::run(size).await,
        "wave" => wave::run(size).await,
        "renew" => renew::run(size).await,
        "restart" => restart::run(size).await,
        "quiet" => quiet::run(size).await,
        "drift" => drift::run(size).await,
        "delete" => delete::run(size).await,
        "throttled" => throttled::run(size).await,
        "neighbours" => neighbours::run(size).await,
        "memory" => memory::run(size).await,
        "size" => size::run(),
        _ => bail!("there is no workload {name}; there are {}", NAMES.join(", ")),
    }
}
