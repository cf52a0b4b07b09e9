//! The agent's shell: parse, execute, report.

use std::process::ExitCode;

use clap::Parser as _;
use crossaccount::{
    agent::{args::Args, run::execute},
    host::error_chain::ErrorChain,
};

fn main() -> ExitCode {
    match execute(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crossaccount-agent: {}", ErrorChain(&error));
            ExitCode::FAILURE
        }
    }
}
