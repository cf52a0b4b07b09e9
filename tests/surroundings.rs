//! What the environment says of networks, certificates and credentials, as all programs for AWS and Kubernetes heed it.

mod certificates;
mod endpoints;
mod failing_providers;
mod providers;
mod proxies;

use anyhow::{Result, ensure};

use lab::{
    operator::{Operator, OperatorSettings},
    wait::eventually,
};

/// A name that only the proxies of the tests know.
const AWS: &str = "aws.test";

/// Starts the operator, and waits until AWS and the API server have answered it.
async fn ready(settings: &OperatorSettings) -> Result<Operator> {
    let operator = settings.start().await?;
    eventually("the operator is ready", async || {
        let (status, text) = operator.get("/readyz").await?;
        ensure!(status == 200, "{status}: {text}");
        Ok(())
    })
    .await?;
    Ok(operator)
}

/// Starts the operator, and waits until `/readyz` gives all of these reasons why it is not.
async fn not_ready(settings: &OperatorSettings, words: &[&str]) -> Result<Operator> {
    let operator = settings.start().await?;
    eventually("the operator says why it is not ready", async || {
        let (status, text) = operator.get("/readyz").await?;
        ensure!(status == 503 && words.iter().all(|word| text.contains(word)), "{status}: {text}");
        Ok(())
    })
    .await?;
    Ok(operator)
}
