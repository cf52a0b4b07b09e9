//! The lab of the tests as a program: the demo, or the AWS proxy alone in front of an emulator that runs already.

#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod demo;
#[path = "../support/mod.rs"]
mod support;

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};

use crate::support::aws_proxy::AwsProxy;

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["demo"] => demo::run().await,
        ["proxy", upstream] => proxy(upstream.parse().context("write the emulator's address as 127.0.0.1:4566")?).await,
        _ => bail!("write `lab demo`, or `lab proxy <address of an emulator>`"),
    }
}

async fn proxy(upstream: SocketAddr) -> Result<()> {
    let proxy = AwsProxy::start(upstream)?;
    println!("{}", proxy.endpoint());
    tokio::signal::ctrl_c().await?;
    Ok(())
}
