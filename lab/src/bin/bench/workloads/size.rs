//! The size of the two programs.

use std::fs;

use anyhow::Result;

use lab::shipped_program;

use crate::report::Row;

/// The most that the operator's program should have, in bytes.
const AIM: u64 = 20_000_000;

pub fn run() -> Result<Vec<Row>> {
    let bytes = |name: &str| anyhow::Ok(fs::metadata(shipped_program(name)?)?.len());
    let (operator, agent) = (bytes("crossaccount-operator")?, bytes("crossaccount-agent")?);
    Ok(vec![
        Row::new("size", "program of the operator", format!("{operator} bytes")).aim("≤ 20 MB", operator <= AIM),
        Row::new("size", "program of the agent", format!("{agent} bytes")),
    ])
}
