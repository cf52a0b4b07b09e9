//! The lab of the tests as a program: the demo, the pods on a node, the soak test, an upgrade, the checks against real AWS, the
//! files of a release, or the AWS proxy alone in front of an emulator that runs already.

#![allow(clippy::print_stdout, reason = "it talks to a person")]

mod demo;
mod e2e_node;
mod images;
mod installation;
mod node;
mod soak;
mod stage;
mod test_aws;
mod upgrade;

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, Result, bail};
use futures::future::join_all;

use crate::node::forward::Forward;
use lab::{
    aws_proxy::AwsProxy,
    release::{provenance, sbom},
};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["demo"] => demo::run().await,
        ["e2e-node"] => e2e_node::run().await,
        ["soak"] => Box::pin(soak::run()).await,
        ["upgrade", earlier] => Box::pin(upgrade::run(Path::new(earlier))).await,
        ["test-aws"] => test_aws::run().await,
        ["proxy", upstream] => proxy(upstream.parse().context("write the emulator's address as 127.0.0.1:4566")?).await,
        // For .ci/release.
        ["images", folder, ref platforms @ ..] => images::write(Path::new(folder), platforms).await,
        ["contents", from, target, to] => sbom::write(Path::new(from), target, Path::new(to)).await,
        ["provenance", folder] => provenance::write(Path::new(folder)).await,
        // For the node's use, from inside its network.
        ["forward", ref forwards @ ..] => forward(forwards).await,
        _ => bail!(
            "write `lab demo`, `lab e2e-node`, `lab soak`, `lab test-aws`, `lab upgrade <folder of an earlier version>`, or \
             `lab proxy <address of an emulator>`"
        ),
    }
}

/// Whether what was started is to be left running.
fn keep() -> bool {
    std::env::var_os("KEEP").is_some_and(|keep| !keep.is_empty())
}

async fn proxy(upstream: SocketAddr) -> Result<()> {
    let proxy = AwsProxy::start(upstream)?;
    println!("{}", proxy.endpoint());
    tokio::signal::ctrl_c().await?;
    Ok(())
}

async fn forward(forwards: &[&str]) -> Result<()> {
    let mut all = Vec::new();
    for forward in forwards {
        all.push(Forward::parse(forward).await?.run());
    }
    join_all(all).await;
    Ok(())
}
