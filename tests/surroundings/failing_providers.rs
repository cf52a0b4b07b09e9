//! A provider that is configured and gives no credentials: it is named, with the cause, and nothing that it says otherwise.

use std::fs;

use anyhow::{Result, ensure};

use lab::{credential_server::CredentialServer, env::TestEnv, guard, operator::OperatorSettings};

use super::not_ready;

async fn says(settings: &OperatorSettings, words: &[&str]) -> Result<String> {
    let operator = not_ready(settings, &[&["aws-identity"], words].concat()).await?;
    Ok(operator.log().read())
}

#[tokio::test]
async fn the_provider_that_fails_is_named_with_the_cause() -> Result<()> {
    let env = TestEnv::new("provider").await?;
    let settings = env.settings.clone().no_credentials();
    says(&settings, &["none of the AWS SDK's providers is configured"]).await?;

    let web = settings.clone().env("AWS_ROLE_ARN", "arn:aws:iam::111111111111:role/operator");
    let web = web.env("AWS_WEB_IDENTITY_TOKEN_FILE", "/none/token");
    says(&web, &["web identity token", "entity not found"]).await?;

    let server = CredentialServer::start(&env.aws.operator.credentials)?;
    let url = format!("http://{}/credentials", server.address());
    let pod = settings.clone().env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &url);
    says(&pod.clone().env("AWS_CONTAINER_AUTHORIZATION_TOKEN", "wrong"), &["container endpoint", "401"]).await?;
    drop(server);
    says(&pod, &["container endpoint", "connection refused"]).await?;

    let plain = settings.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/credentials");
    says(&plain, &["container endpoint", "URI did not refer to an allowed IP address"]).await?;
    Ok(())
}

#[tokio::test]
async fn what_a_credential_process_writes_stays_with_it() -> Result<()> {
    let env = TestEnv::new("process").await?;
    let folder = guard::scratch("process")?;
    for (name, script, words) in [
        ("fails", "echo canary-4711 >&2; exit 3", "exit status: 3"),
        ("talks", "echo canary-4711", "the profile"),
        ("hangs", "echo canary-4711 >&2; exec sleep 600", "it does not answer in time"),
    ] {
        let program = folder.join(format!("{name}.sh"));
        fs::write(&program, format!("{script}\n"))?;
        let config = folder.join(name);
        fs::write(&config, format!("[default]\ncredential_process = sh {}\n", program.display()))?;
        let settings = env.settings.clone().no_credentials().env("AWS_CONFIG_FILE", config.to_string_lossy());
        let log = says(&settings.flag("--log-level=trace"), &["the profile", words]).await?;
        ensure!(!log.contains("canary"), "the log has what the process wrote");
    }
    Ok(())
}
