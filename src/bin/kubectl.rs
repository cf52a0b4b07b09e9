//! The plugin's shell: parse, execute, report.

use std::process::ExitCode;

use clap::Parser as _;
use crossaccount::{
    cli::{args::Args, run::execute},
    host::error_chain::ErrorChain,
};

fn main() -> ExitCode {
    match execute(Args::parse().command) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kubectl crossaccount: {}", ErrorChain(&error));
            ExitCode::FAILURE
        }
    }
}
