//! Real SDKs follow a renewal: one process with one client, a Secret mounted as the kubelet does it, and each way to read
//! it. What counts is the key that a request was signed with, as AWS saw it.

mod examples;
pub mod program;
mod renewal;
mod way;

use anyhow::Result;

use self::{program::Sdk, renewal::follows_a_renewal, way::Way};

#[tokio::test]
async fn boto3_follows_a_renewal_by_cat() -> Result<()> {
    follows_a_renewal(Sdk::Python, Way::Cat).await
}

#[tokio::test]
async fn boto3_follows_a_renewal_by_the_agent() -> Result<()> {
    follows_a_renewal(Sdk::Python, Way::Agent).await
}

#[tokio::test]
async fn boto3_follows_a_renewal_by_http() -> Result<()> {
    follows_a_renewal(Sdk::Python, Way::Serve).await
}

#[tokio::test]
async fn javascript_follows_a_renewal_by_cat() -> Result<()> {
    follows_a_renewal(Sdk::JavaScript, Way::Cat).await
}

#[tokio::test]
async fn javascript_follows_a_renewal_by_the_agent() -> Result<()> {
    follows_a_renewal(Sdk::JavaScript, Way::Agent).await
}

#[tokio::test]
async fn javascript_follows_a_renewal_by_http() -> Result<()> {
    follows_a_renewal(Sdk::JavaScript, Way::Serve).await
}

#[tokio::test]
async fn go_follows_a_renewal_by_cat() -> Result<()> {
    follows_a_renewal(Sdk::Go, Way::Cat).await
}

#[tokio::test]
async fn go_follows_a_renewal_by_the_agent() -> Result<()> {
    follows_a_renewal(Sdk::Go, Way::Agent).await
}

#[tokio::test]
async fn go_follows_a_renewal_by_http() -> Result<()> {
    follows_a_renewal(Sdk::Go, Way::Serve).await
}

#[tokio::test]
async fn java_follows_a_renewal_by_cat() -> Result<()> {
    follows_a_renewal(Sdk::Java, Way::Cat).await
}

#[tokio::test]
async fn java_follows_a_renewal_by_the_agent() -> Result<()> {
    follows_a_renewal(Sdk::Java, Way::Agent).await
}

#[tokio::test]
async fn java_follows_a_renewal_by_http() -> Result<()> {
    follows_a_renewal(Sdk::Java, Way::Serve).await
}

#[tokio::test]
async fn rust_follows_a_renewal_by_cat() -> Result<()> {
    follows_a_renewal(Sdk::Rust, Way::Cat).await
}

#[tokio::test]
async fn rust_follows_a_renewal_by_the_agent() -> Result<()> {
    follows_a_renewal(Sdk::Rust, Way::Agent).await
}

#[tokio::test]
async fn rust_follows_a_renewal_by_http() -> Result<()> {
    follows_a_renewal(Sdk::Rust, Way::Serve).await
}

#[tokio::test]
async fn the_cli_follows_a_renewal_by_cat() -> Result<()> {
    follows_a_renewal(Sdk::Cli, Way::Cat).await
}

#[tokio::test]
async fn the_cli_follows_a_renewal_by_the_agent() -> Result<()> {
    follows_a_renewal(Sdk::Cli, Way::Agent).await
}

#[tokio::test]
async fn the_cli_follows_a_renewal_by_http() -> Result<()> {
    follows_a_renewal(Sdk::Cli, Way::Serve).await
}
