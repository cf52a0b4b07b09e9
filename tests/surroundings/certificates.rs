//! `AWS_CA_BUNDLE` and `SSL_CERT_FILE`.

use std::fs;

use anyhow::{Result, ensure};

use lab::{env::TestEnv, guard, operator::OperatorSettings, tls_front::TlsFront, wait::eventually};

use super::{not_ready, ready};

/// AWS behind TLS, by an address of this machine.
async fn behind_tls(env: &TestEnv) -> Result<(TlsFront, OperatorSettings)> {
    let front = TlsFront::start(env.proxy.address(), &["127.0.0.1"]).await?;
    let settings = env.settings.clone().aws_endpoint(&format!("https://{}", front.address()));
    Ok((front, settings))
}

#[tokio::test]
async fn aws_is_trusted_by_the_certificates_of_either_variable() -> Result<()> {
    let env = TestEnv::new("bundle").await?;
    let (front, settings) = behind_tls(&env).await?;
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        ready(&settings.clone().env(name, front.authority().to_string_lossy())).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_named_with_the_way_out() -> Result<()> {
    let env = TestEnv::new("untrusted").await?;
    let (_front, settings) = behind_tls(&env).await?;
    not_ready(&settings, &["aws-identity", "certificate is not trusted", "UnknownIssuer", "AWS_CA_BUNDLE"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_bundle_replaces_what_the_system_trusts() -> Result<()> {
    let env = TestEnv::new("other-bundle").await?;
    let (front, settings) = behind_tls(&env).await?;
    let other = TlsFront::start(env.proxy.address(), &["127.0.0.1"]).await?;
    let settings = settings.env("SSL_CERT_FILE", front.authority().to_string_lossy());
    let settings = settings.env("AWS_CA_BUNDLE", other.authority().to_string_lossy());
    not_ready(&settings, &["aws-identity", "certificate is not trusted"]).await?;
    Ok(())
}

#[tokio::test]
async fn a_bundle_that_cannot_be_used_ends_the_operator_with_its_name() -> Result<()> {
    let env = TestEnv::new("bad-bundle").await?;
    let folder = guard::scratch("bundle")?;
    let empty = folder.join("empty.pem");
    fs::write(&empty, "")?;
    for (file, words) in [(folder.join("missing.pem"), "No such file"), (empty, "PEM")] {
        let mut operator = env.settings.clone().env("AWS_CA_BUNDLE", file.to_string_lossy()).start().await?;
        let status = operator.ended().await?;
        let log = operator.log().read();
        ensure!(!status.success(), "{status}");
        for word in [words, "AWS_CA_BUNDLE", &file.to_string_lossy()] {
            ensure!(log.contains(word), "{word} is not in the log: {log}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn an_api_server_of_a_kubeconfig_without_an_authority_is_trusted_by_the_system() -> Result<()> {
    let env = TestEnv::new("kube-tls").await?;
    let front = TlsFront::start(env.kube_proxy.address(), &["127.0.0.1"]).await?;
    let file = env.changed_kubeconfig(|cluster| cluster["server"] = format!("https://{}", front.address()).into())?;
    let settings = env.settings.clone().env("KUBECONFIG", file.to_string_lossy());
    ready(&settings.clone().env("SSL_CERT_FILE", front.authority().to_string_lossy())).await?;

    let operator = settings.start().await?;
    eventually("the log says that the API server is not trusted", async || {
        ensure!(operator.log().read().contains("UnknownIssuer"), "not yet");
        Ok(())
    })
    .await?;
    Ok(())
}
