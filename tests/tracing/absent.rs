//! A collector that is not there, does not answer, or refuses, costs nothing but a line in the log.

use std::{net::TcpListener, time::Duration};

use anyhow::{Result, ensure};

use lab::{
    env::TestEnv,
    operator::Operator,
    otlp::{Behaviour, Collector},
    wait::eventually,
};

use super::sending_to;

/// What the log says while a collector takes nothing.
const WARNING: &str = "the collector does not take traces";

/// Waits for the warning, and gives how often it is in the log.
async fn warned(operator: &Operator) -> Result<usize> {
    eventually("the log says that traces are lost", async || {
        ensure!(operator.log().read().contains(WARNING), "not yet");
        Ok(())
    })
    .await?;
    Ok(operator.log().read().matches(WARNING).count())
}

/// Roles become Ready, and the process ends in time. Gives the log.
async fn works_with(name: &str, collector: &str, cause: &str) -> Result<()> {
    let env = TestEnv::new(name).await?;
    // A small queue, so that spans are dropped, too.
    let settings = sending_to(&env, collector).env("OTEL_BSP_MAX_QUEUE_SIZE", "4");
    let settings = settings.env("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "2").env("OTEL_EXPORTER_OTLP_TIMEOUT", "500");
    let operator = settings.start().await?;
    for role in ["first", "second", "third"] {
        env.ready_role(role).await?;
    }
    assert_eq!(warned(&operator).await?, 1, "one warning is enough for five minutes");
    let log = operator.log().read();
    ensure!(log.contains(cause), "{cause} is not in the log: {log}");

    let (status, took) = operator.stop().await?;
    // 5 s for work in flight and the lease, 2 s for the last spans.
    ensure!(status.success() && took < Duration::from_secs(8), "{status} after {took:?}");
    Ok(())
}

#[tokio::test]
async fn roles_become_ready_while_nobody_listens_at_the_endpoint() -> Result<()> {
    let free = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    works_with("no-collector", &format!("http://{free}"), "Connection refused").await
}

#[tokio::test]
async fn roles_become_ready_while_the_collector_never_answers() -> Result<()> {
    let collector = Collector::start(Behaviour::Hangs)?;
    works_with("hung-collector", &collector.endpoint(), "no answer in time").await?;
    ensure!(collector.requests() > 0, "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn roles_become_ready_while_the_collector_refuses() -> Result<()> {
    let collector = Collector::start(Behaviour::Answers(503))?;
    works_with("busy-collector", &collector.endpoint(), "it answers 503").await?;
    ensure!(collector.requests() > 0, "nothing was sent");
    Ok(())
}

#[tokio::test]
async fn nothing_is_sent_and_nothing_is_said_unless_a_variable_names_a_collector() -> Result<()> {
    let env = TestEnv::new("untraced").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    let on = sending_to(&env, &collector.endpoint());
    for (off, words) in [
        (on.clone().without("OTEL_EXPORTER_OTLP_ENDPOINT"), None),
        (on.clone().env("OTEL_SDK_DISABLED", "true"), None),
        (on.env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), Some("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf")),
    ] {
        let operator = off.start().await?;
        let name = format!("reader-{}", env.proxy.count("CreateRole"));
        env.ready_role(&name).await?;
        let log = operator.log().read();
        match words {
            Some(words) => ensure!(log.contains(words), "{words} is not in the log: {log}"),
            None => ensure!(!log.contains("traces"), "the log speaks of traces: {log}"),
        }
        operator.stop().await?;
    }
    assert_eq!(collector.requests(), 0);
    Ok(())
}
