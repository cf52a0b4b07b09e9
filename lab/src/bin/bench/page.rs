//! The results in the documentation: they are replaced between two marks of the page, and the rest of it stays.

use std::fs;

use anyhow::{Context as _, Result};
use jiff::Zoned;

use lab::repository;

use crate::{report::Row, workloads::NAMES};

const BEGIN: &str = "<!-- results -->\n";
const END: &str = "<!-- end of results -->";
const HEAD: &str = "| workload | what | result | aim | met |\n|---|---|---|---|---|\n";

/// The part of the page between the marks. Each workload has the lines of its last run.
pub fn results(before: &str, rows: &[Row]) -> String {
    let is_kept = |line: &&str| workload(line).is_some_and(|name| !rows.iter().any(|row| row.workload == name));
    let kept: Vec<String> = before.lines().filter(is_kept).map(str::to_owned).collect();
    let lines = |begin: &str, new: &dyn Fn(&Row) -> Option<String>| -> Vec<String> {
        let of = |name: &&str| -> Vec<String> {
            let old = kept.iter().filter(|line| line.starts_with(begin) && workload(line) == Some(name)).cloned();
            old.chain(rows.iter().filter(|row| row.workload == *name).filter_map(new)).collect()
        };
        NAMES.iter().flat_map(of).collect()
    };
    let table = lines("| ", &|row| Some(line(row)));
    let missed: Vec<String> =
        table.iter().filter(|line| line.ends_with("| no |")).filter_map(|line| summary(line)).collect();
    let missed =
        if missed.is_empty() { "Every aim is met.".to_owned() } else { format!("Not met: {}.", missed.join("; ")) };
    let raw =
        lines("* ", &|row| (!row.raw.is_empty()).then(|| format!("* `{}`, {}: {}", row.workload, row.what, row.raw)));
    format!("{HEAD}{}\n\n{missed}\n\n## Raw numbers\n\n{}\n", table.join("\n"), raw.join("\n"))
}

/// Writes the results, and on what machine they came out.
pub fn write(rows: &[Row]) -> Result<()> {
    let path = repository().join("docs/benchmarks.md");
    let page = fs::read_to_string(&path).context("there is no docs/benchmarks.md to write the results to")?;
    let (head, rest) = page.split_once(BEGIN).context("docs/benchmarks.md has no mark where results begin")?;
    let (before, tail) = rest.split_once(END).context("docs/benchmarks.md has no mark where results end")?;
    let results = results(before, rows);
    fs::write(&path, format!("{head}{BEGIN}{}\n\n{results}{END}{tail}", machine()?))?;
    Ok(())
}

/// One row of the table.
pub fn line(row: &Row) -> String {
    let met = match row.met {
        Some(true) => "yes",
        Some(false) => "no",
        None => "",
    };
    format!("| `{}` | {} | {} | {} | {met} |", row.workload, row.what, row.result, row.aim)
}

/// The workload that a line is about.
fn workload(line: &str) -> Option<&str> {
    let (begin, rest) = line.split_once('`')?;
    matches!(begin, "| " | "* ").then_some(())?;
    rest.split_once('`').map(|(name, _)| name)
}

/// The first two cells of a row.
fn summary(line: &str) -> Option<String> {
    let mut cells = line.trim_start_matches("| ").split(" | ");
    Some(format!("{}, {}", cells.next()?, cells.next()?))
}

/// What the programs run on.
fn machine() -> Result<String> {
    let cores = std::thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let memory = fs::read_to_string("/proc/meminfo")?;
    let total = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB"));
    let gib = total.context("the kernel does not say how much memory there is")?.trim().parse::<u64>()? / (1024 * 1024);
    let today = Zoned::now().date();
    let load = fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').take(3).collect::<Vec<_>>().join(", ");
    Ok(format!(
        "Last run: {today}, {cores} cores, {gib} GiB of memory, Linux {}; load at its end {load}.",
        kernel.trim()
    ))
}
