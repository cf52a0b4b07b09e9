//! The process: leader lease, probes, and its end.

mod rolling;
mod shards;

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use lab::{
    env::TestEnv,
    operator::{Operator, OperatorSettings},
    wait::eventually,
};

/// Settings with a leader lease in the namespace of the test, where nobody else elects.
pub async fn electing(env: &TestEnv) -> Result<OperatorSettings> {
    env.allow_leases().await?;
    let settings = env.settings.clone().flag("--leader-elect=true");
    Ok(settings.flag(format!("--lease-namespace={}", env.namespace)))
}

/// Waits until the operator leads, and gives the name of its Lease.
pub async fn leading(operator: &Operator) -> Result<String> {
    eventually("the operator leads", async || {
        let logs = operator.log().read();
        let line = logs
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .find(|line| line["message"] == "leading")
            .context("it has not said so")?;
        let path = line["lease"].as_str().context("it does not name the Lease")?;
        Ok(path.rsplit('/').next().unwrap_or_default().to_owned())
    })
    .await
}

fn leases(env: &TestEnv) -> Api<Lease> {
    Api::namespaced(env.kube.clone(), &env.namespace)
}

async fn leader_metric(operator: &Operator) -> Result<String> {
    let (_, metrics) = operator.get("/metrics").await?;
    let line = metrics.lines().find(|line| line.starts_with("crossaccount_leader ")).context("no such metric")?;
    Ok(line.to_owned())
}

#[tokio::test]
async fn sigterm_ends_the_process_in_time_and_frees_the_lease() -> Result<()> {
    let env = TestEnv::bare("sigterm").await?;
    let operator = electing(&env).await?.start().await?;
    let lease = leading(&operator).await?;
    assert_eq!(leader_metric(&operator).await?, "crossaccount_leader 1");
    assert_eq!(operator.get("/healthz").await?.0, 200);

    let (status, _) = operator.stop().await?;

    // An end that overran its five seconds would be a failure.
    assert!(status.success(), "{status}");
    let LeaseSpec { holder_identity, .. } = leases(&env).get(&lease).await?.spec.unwrap_or_default();
    assert_eq!(holder_identity, None);
    Ok(())
}

#[tokio::test]
async fn a_standby_is_ready_and_takes_over_when_the_leader_ends() -> Result<()> {
    let env = TestEnv::bare("standby").await?;
    let settings = electing(&env).await?;
    let leader = settings.start().await?;
    leading(&leader).await?;

    let standby = settings.start().await?;
    eventually("the standby is ready", async || {
        let (status, text) = standby.get("/readyz").await?;
        ensure!(status == 200, "{status}: {text}");
        Ok(())
    })
    .await?;
    assert_eq!(leader_metric(&standby).await?, "crossaccount_leader 0");

    leader.stop().await?;
    leading(&standby).await?;
    assert_eq!(leader_metric(&standby).await?, "crossaccount_leader 1");
    Ok(())
}

#[tokio::test]
async fn a_leader_that_loses_its_lease_ends_so_that_only_one_reconciles() -> Result<()> {
    let env = TestEnv::bare("lost").await?;
    let operator = electing(&env).await?.start().await?;
    let lease = leading(&operator).await?;

    let thief = json!({"spec": {"holderIdentity": "thief"}});
    leases(&env).patch(&lease, &PatchParams::default(), &Patch::Merge(thief)).await?;

    // The admin server ends before the last line is written.
    eventually("the operator has ended and said why", async || {
        ensure!(operator.get("/healthz").await.is_err(), "it still answers");
        let logs = operator.log().read();
        ensure!(logs.contains("lost the leader lease") && logs.contains("to thief"), "{logs}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn without_a_cluster_the_process_ends_and_says_what_it_tried() -> Result<()> {
    let env = TestEnv::bare("no-cluster").await?;
    let started = env.settings.clone().env("KUBECONFIG", "/nonexistent").start().await;
    let error = format!("{:#}", started.err().context("it started")?);
    assert!(error.contains("tried the kubeconfig (KUBECONFIG=/nonexistent)"), "{error}");
    Ok(())
}

#[tokio::test]
async fn an_environment_variable_counts_like_its_flag() -> Result<()> {
    let env = TestEnv::bare("environment").await?;
    let started = env.settings.clone().env("CROSSACCOUNT_CONCURRENCY", "0").start().await;
    let error = format!("{:#}", started.err().context("it started")?);
    assert!(error.contains("invalid value '0' for '--concurrency <COUNT>'"), "{error}");
    Ok(())
}
