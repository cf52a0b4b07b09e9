//! The operator's shell: parse, execute, report.

use std::process::ExitCode;

use clap::Parser as _;
use crossaccount::runtime::{args::Args, chain::Chain, run::execute};

fn main() -> ExitCode {
    match execute(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crossaccount-operator: {}", Chain(&error));
            ExitCode::FAILURE
        }
    }
}
