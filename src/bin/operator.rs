//! The operator's shell: parse, execute, report.

use std::process::ExitCode;

use clap::Parser as _;
use crossaccount::{
    host::error_chain::ErrorChain,
    operator::{args::Args, run::execute},
};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match execute(Args::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("crossaccount-operator: {}", ErrorChain(&error));
            ExitCode::FAILURE
        }
    }
}
