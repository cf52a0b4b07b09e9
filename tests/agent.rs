//! The agent: a whole set in date, or an error that says what is wrong, and never anything between.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result, ensure};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use lab::{
    agent::{self, Agent, PATH, refused},
    env::TestEnv,
    guard::scratch,
    http,
    wait::eventually,
};

/// A folder as a pod has it, with a set that is good for an hour.
struct Pod {
    credentials: PathBuf,
    token: PathBuf,
}

fn set_until(expiration: Timestamp) -> Value {
    json!({"Version": 1, "AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary-secret",
           "SessionToken": "canary-token", "Expiration": expiration.to_string()})
}

fn in_an_hour() -> Timestamp {
    Timestamp::now() + SignedDuration::from_hours(1)
}

/// Sets that nobody may be given, with what the error says of them.
fn unusable() -> Vec<(String, &'static str)> {
    let whole = set_until(in_an_hour());
    let without = |part: &str| {
        let mut set = whole.clone();
        set.as_object_mut().map(|set| set.remove(part));
        set.to_string()
    };
    let text = whole.to_string();
    vec![
        (set_until(Timestamp::now()).to_string(), "expired at"),
        (text[..text.len() / 2].to_owned(), "not complete JSON"),
        (String::new(), "not complete JSON"),
        (without("Version"), "Version"),
        (without("SessionToken"), "no SessionToken"),
        (without("Expiration"), "no Expiration"),
    ]
}

impl Pod {
    fn new() -> Result<Self> {
        let folder = scratch("pod")?;
        let pod = Self { credentials: folder.join("credentials.json"), token: folder.join("token") };
        pod.holds(&set_until(in_an_hour()).to_string())?;
        Ok(pod)
    }

    fn holds(&self, text: &str) -> Result<()> {
        Ok(fs::write(&self.credentials, text)?)
    }

    async fn serve(&self) -> Result<Agent> {
        Agent::with_token(&self.credentials, &self.token).await
    }

    async fn print(&self) -> Result<std::process::Output> {
        agent::run(&["credential-process", &format!("--credentials-file={}", self.credentials.display())]).await
    }
}

#[tokio::test]
async fn config_names_the_agent_once_it_is_declared_and_the_set_stays() -> Result<()> {
    let env = TestEnv::new("names-agent").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (before, _) = env.secret("reader").await?;
    env.patch("reader", json!({"spec": {"secret": {"processCommand": "Agent"}}})).await?;
    let after = eventually("config names the agent", async || {
        let (data, _) = env.secret("reader").await?;
        ensure!(data["config"].contains("credential_process = crossaccount-agent "), "{}", data["config"]);
        Ok(data)
    })
    .await?;
    assert_eq!(after["credentials.json"], before["credentials.json"]);
    Ok(())
}

#[tokio::test]
async fn credential_process_prints_the_set_as_it_is() -> Result<()> {
    let pod = Pod::new()?;
    let output = pod.print().await?;
    assert!(output.status.success(), "{output:?}");
    assert_eq!(output.stdout, fs::read(&pod.credentials)?);
    Ok(())
}

#[tokio::test]
async fn credential_process_prints_nothing_of_a_set_that_cannot_be_used() -> Result<()> {
    let pod = Pod::new()?;
    for (text, told) in unusable() {
        pod.holds(&text)?;
        let error = refused(&pod.print().await?)?;
        ensure!(error.contains(told) && !error.contains("canary"), "{told}: {error}");
    }
    fs::remove_file(&pod.credentials)?;
    let error = refused(&pod.print().await?)?;
    assert!(error.contains("is not there; mount the Secret"), "{error}");
    Ok(())
}

#[tokio::test]
async fn whoever_has_the_token_is_served_what_the_mount_shows_now() -> Result<()> {
    let pod = Pod::new()?;
    let agent = pod.serve().await?;
    let token = fs::read_to_string(&pod.token)?;

    let (status, first) = agent.ask(Some(&token)).await?;
    assert_eq!(status, 200, "{first}");
    let expiration = first["Expiration"].as_str().context("no Expiration")?;
    assert!(expiration.parse::<Timestamp>()? > Timestamp::now());
    let expected = json!({"AccessKeyId": "ASIACANARY", "SecretAccessKey": "canary-secret", "Token": "canary-token",
                          "Expiration": expiration});
    assert_eq!(first, expected);

    let mut renewed = set_until(in_an_hour());
    renewed["AccessKeyId"] = json!("ASIARENEWED");
    pod.holds(&renewed.to_string())?;
    assert_eq!(agent.ask(Some(&token)).await?.1["AccessKeyId"], "ASIARENEWED");
    Ok(())
}

#[tokio::test]
async fn nobody_is_served_without_the_token_of_now() -> Result<()> {
    let pod = Pod::new()?;
    let agent = pod.serve().await?;
    let token = fs::read_to_string(&pod.token)?;

    let (status, body) = agent.ask(None).await?;
    assert_eq!((status, &body["code"]), (401, &json!("MissingAuthorization")), "{body}");
    for wrong in ["", "wrong", &token[1..], &format!("{token}0"), &format!("Bearer {token}")] {
        let (status, body) = agent.ask(Some(wrong)).await?;
        assert_eq!((status, &body["code"]), (403, &json!("AccessDenied")), "{wrong}: {body}");
    }

    fs::write(&pod.token, "another")?;
    assert_eq!(agent.ask(Some(&token)).await?.0, 403);
    assert_eq!(agent.ask(Some("another")).await?.0, 200);
    fs::write(&pod.token, "")?;
    assert_eq!(agent.ask(Some("")).await?.0, 500);
    fs::remove_file(&pod.token)?;
    assert_eq!(agent.ask(Some("another")).await?.0, 500);
    Ok(())
}

#[tokio::test]
async fn a_set_that_cannot_be_used_is_an_error_of_the_protocol_until_it_can() -> Result<()> {
    let pod = Pod::new()?;
    let agent = pod.serve().await?;
    let token = fs::read_to_string(&pod.token)?;
    for (text, told) in unusable() {
        pod.holds(&text)?;
        let (status, body) = agent.ask(Some(&token)).await?;
        assert_eq!((status, &body["code"]), (503, &json!("CredentialsUnavailable")), "{told}: {body}");
        let message = body["message"].as_str().context("no message")?;
        ensure!(message.contains(told) && !message.contains("canary"), "{told}: {message}");
    }
    fs::remove_file(&pod.credentials)?;
    let (status, body) = agent.ask(Some(&token)).await?;
    assert_eq!((status, &body["code"]), (503, &json!("CredentialsUnavailable")), "{body}");

    pod.holds(&set_until(in_an_hour()).to_string())?;
    assert_eq!(agent.ask(Some(&token)).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn nothing_that_the_agent_logs_shows_credentials_or_the_token() -> Result<()> {
    let pod = Pod::new()?;
    let agent = pod.serve().await?;
    let token = fs::read_to_string(&pod.token)?;
    agent.ask(Some(&token)).await?;
    agent.ask(Some("wrong-token")).await?;
    for (text, _) in unusable() {
        pod.holds(&text)?;
        agent.ask(Some(&token)).await?;
    }
    let log = agent.log().read();
    assert!(log.contains("credentials served") && log.contains("expired at"), "{log}");
    for secret in ["canary", "CANARY", "wrong-token", &token] {
        assert!(!log.contains(secret), "{log}");
    }
    Ok(())
}

#[tokio::test]
async fn health_needs_no_token_and_every_other_path_is_an_error_of_the_protocol() -> Result<()> {
    let pod = Pod::new()?;
    let agent = pod.serve().await?;
    assert_eq!(http::get(&agent.at("/healthz")).await?, (200, "ok\n".to_owned()));
    for path in ["/", "/credentials", "/v1/credentials/", "/v1/credentials/../credentials.json"] {
        let (status, body) = http::get(&agent.at(path)).await?;
        let body: Value = serde_json::from_str(&body).with_context(|| body.clone())?;
        assert_eq!((status, &body["code"]), (404, &json!("NotFound")), "{path}");
        assert!(body["message"].as_str().is_some_and(|message| message.contains(PATH)), "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn check_tells_whether_an_agent_serves() -> Result<()> {
    let pod = Pod::new()?;
    let agent = pod.serve().await?;
    let flag = format!("--http-addr={}", agent.address());
    let found = agent::run(&["check", &flag]).await?;
    assert!(found.status.success(), "{found:?}");

    assert!(agent.stop().await?.success());
    let error = refused(&agent::run(&["check", &flag]).await?)?;
    assert!(error.contains("no answer at"), "{error}");
    Ok(())
}

#[tokio::test]
async fn only_loopback_is_listened_on() -> Result<()> {
    for address in ["0.0.0.0:0", "[::]:0", "10.0.0.1:9911"] {
        let flags = ["serve", "--allow-unauthenticated=true", &format!("--http-addr={address}")];
        let error = refused(&agent::run(&flags).await?)?;
        assert!(error.contains("is not a loopback address"), "{address}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn serving_without_a_token_must_be_asked_for() -> Result<()> {
    let pod = Pod::new()?;
    let token = format!("--token-file={}", pod.token.display());
    for (flags, told) in [
        (vec![], "give --token-file"),
        (vec!["--create-token-file=true"], "give --token-file"),
        (vec![token.as_str()], "is not there; mount it, or let the agent make it"),
        (vec![token.as_str(), "--allow-unauthenticated=true"], "contradict"),
    ] {
        let flags: Vec<&str> = ["serve", "--http-addr=127.0.0.1:0"].into_iter().chain(flags).collect();
        let error = refused(&agent::run(&flags).await?)?;
        ensure!(error.contains(told), "{flags:?}: {error}");
    }
    let open = format!("--credentials-file={}", pod.credentials.display());
    let agent = Agent::start(&[&open, "--allow-unauthenticated=true"]).await?;
    assert_eq!(agent.ask(None).await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn an_installed_copy_is_the_same_program_and_replaces_an_earlier_one() -> Result<()> {
    let pod = Pod::new()?;
    let copy = pod.credentials.with_file_name("crossaccount-agent");
    fs::write(&copy, "an earlier one")?;
    let installed = agent::run(&["install", &copy.to_string_lossy()]).await?;
    assert!(installed.status.success(), "{installed:?}");
    assert!(fs::read(&copy)? == fs::read(agent::program()?)?, "the copy differs");

    let file = format!("--credentials-file={}", pod.credentials.display());
    let printed = tokio::process::Command::new(&copy).args(["credential-process", &file]).output().await?;
    assert_eq!(printed.stdout, fs::read(&pod.credentials)?);
    Ok(())
}
