//! The collector behind a proxy, and behind TLS.

use anyhow::{Result, ensure};

use lab::{
    env::TestEnv,
    forward_proxy::ForwardProxy,
    otlp::{Behaviour, Collector},
    tls_front::TlsFront,
    wait::eventually,
};

use super::{reconciled, sending_to};

/// A name that only a proxy knows.
const COLLECTOR: &str = "collector.test";

#[tokio::test]
async fn a_collector_is_reached_through_the_proxy_of_the_environment_unless_it_is_excepted() -> Result<()> {
    let env = TestEnv::new("traced-proxy").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    let proxy = ForwardProxy::start([(COLLECTOR, collector.address())]).await?;
    let settings = sending_to(&env, &format!("http://{COLLECTOR}:4318"));
    let settings = settings.env("HTTP_PROXY", format!("http://{}", proxy.address()));
    let operator = settings.start().await?;
    reconciled(&collector, &env.namespace, "settled").await?;
    operator.stop().await?;

    let before = collector.requests();
    let operator = settings.env("NO_PROXY", COLLECTOR).start().await?;
    eventually("the name is looked up", async || {
        ensure!(operator.log().read().contains("dns error"), "not yet");
        Ok(())
    })
    .await?;
    assert_eq!(collector.requests(), before);
    Ok(())
}

#[tokio::test]
async fn a_collector_behind_tls_is_trusted_by_its_own_certificate_or_the_systems() -> Result<()> {
    let env = TestEnv::new("traced-tls").await?;
    for variable in ["OTEL_EXPORTER_OTLP_CERTIFICATE", "SSL_CERT_FILE"] {
        let collector = Collector::start(Behaviour::Takes)?;
        let front = TlsFront::start(collector.address(), &["127.0.0.1"]).await?;
        let settings = sending_to(&env, &format!("https://{}", front.address()));
        let operator = settings.env(variable, front.authority().to_string_lossy()).start().await?;
        reconciled(&collector, &env.namespace, "settled").await?;
        operator.stop().await?;
    }
    Ok(())
}

/// `AWS_CA_BUNDLE` is about AWS.
#[tokio::test]
async fn a_collector_whose_certificate_is_not_trusted_gets_nothing_and_is_named_in_the_log() -> Result<()> {
    let env = TestEnv::new("traced-untrusted").await?;
    let collector = Collector::start(Behaviour::Takes)?;
    let front = TlsFront::start(collector.address(), &["127.0.0.1"]).await?;
    let settings = sending_to(&env, &format!("https://{}", front.address()));
    let operator = settings.env("AWS_CA_BUNDLE", front.authority().to_string_lossy()).start().await?;
    eventually("the log says why", async || {
        ensure!(operator.log().read().contains("UnknownIssuer"), "not yet");
        Ok(())
    })
    .await?;
    env.ready_role("reader").await?;
    assert_eq!(collector.requests(), 0);
    Ok(())
}
