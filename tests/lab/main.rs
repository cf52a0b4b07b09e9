//! The demo: the lab of the tests, with the operator in it, from two manifests to a program that reads S3.

#![allow(clippy::print_stdout, reason = "the demo talks to a person")]

mod demo;
#[path = "../support/mod.rs"]
mod support;

use anyhow::Result;

#[tokio::main]
async fn main() -> Result<()> {
    demo::run().await
}
