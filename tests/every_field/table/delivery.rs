//! The Secret and those who read it.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{map, same, texts};
use crate::every_field::{
    field::Kind::Role,
    prepare::WORKLOAD,
    row::{After, Row},
    seen::Seen,
};

pub fn rows() -> Vec<Row> {
    const RESTART: &str = "role: {rolloutRestarts: [{kind: Deployment, name: reports}]}";
    vec![
        Row::new(Role, "spec.secret.name", name).sample("aws-one").sample("aws-two"),
        Row::new(Role, "spec.secret.outputs", outputs)
            .sample("[Process, File]")
            .sample("[Env]")
            .sample("[File]")
            .sample("[Process, File, Env]"),
        Row::new(Role, "spec.secret.profile", profile).sample("default").sample("reports-A_9."),
        Row::new(Role, "spec.secret.mountPath", mount_path).sample("/aws").sample("/var/run/.hidden/a-b_c"),
        Row::new(Role, "spec.secret.processCommand", process_command).sample("Cat").sample("Agent"),
        Row::new(Role, "spec.secret.labels", labels).sample("{team: blue}").sample("{example.com/team: green, a: ''}"),
        Row::new(Role, "spec.secret.annotations", annotations)
            .sample("{note: free text}")
            .sample("{example.com/note: 'any \"text\", ü', a: ''}"),
        Row::new(Role, "spec.secret.onExpiry", on_expiry).sample("Keep").sample("Delete").after(After::Expiry),
        Row::new(Role, "spec.rolloutRestarts", restarted)
            .sample("[{kind: Deployment, name: reports}]")
            .sample("[{kind: StatefulSet, name: reports}, {kind: DaemonSet, name: reports}]")
            .after(After::Renewal),
        Row::new(Role, "spec.rolloutRestarts[].kind", restarted)
            .sample("Deployment")
            .sample("StatefulSet")
            .beside(RESTART)
            .after(After::Renewal),
        Row::new(Role, "spec.rolloutRestarts[].name", restarted)
            .sample("reports")
            .beside(RESTART)
            .after(After::Renewal),
        Row::new(Role, "spec.suspend", suspended).sample("false").sample("true"),
    ]
}

fn name(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    let default = seen.object.name_any();
    same(&seen.secret()?.name_any().into(), &declared.as_str().unwrap_or(&default).into())
}

fn outputs(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    let keys = |output: &str| match output {
        "Process" => vec!["config", "credentials.json"],
        "File" => vec!["credentials"],
        _ => vec![
            "AWS_ACCESS_KEY_ID",
            "AWS_SECRET_ACCESS_KEY",
            "AWS_SESSION_TOKEN",
            "AWS_REGION",
            "AWS_DEFAULT_REGION",
            "AWS_CREDENTIAL_EXPIRATION",
        ],
    };
    let declared: BTreeSet<&str> = texts(declared).into_iter().flat_map(keys).collect();
    let present: BTreeSet<&str> = seen.secret()?.data.iter().flatten().map(|(key, _)| key.as_str()).collect();
    ensure!(present == declared, "the Secret has {present:?} instead of {declared:?}");
    Ok(())
}

/// Every profile but the default one is headed `[profile name]` in `config`.
fn profile(seen: &Seen, declared: &Value) -> Result<()> {
    let profile = declared.as_str().unwrap_or_default();
    let in_config = if profile == "default" { "[default]".to_owned() } else { format!("[profile {profile}]") };
    ensure!(seen.file("config")?.lines().any(|line| line == in_config), "config is {}", seen.file("config")?);
    let is_there = seen.file("credentials")?.lines().any(|line| line == format!("[{profile}]"));
    ensure!(is_there, "credentials has no section [{profile}]");
    Ok(())
}

fn command(seen: &Seen) -> Result<String> {
    let config = seen.file("config")?;
    let command = config.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap_or_default();
    Ok(command.to_owned())
}

fn mount_path(seen: &Seen, declared: &Value) -> Result<()> {
    let file = format!("{}/credentials.json", declared.as_str().unwrap_or_default());
    let command = command(seen)?;
    ensure!(command.split(' ').any(|word| word == file), "the command is {command}");
    Ok(())
}

fn process_command(seen: &Seen, declared: &Value) -> Result<()> {
    let begin = if declared == "Agent" { "crossaccount-agent credential-process" } else { "cat " };
    let command = command(seen)?;
    ensure!(command.contains(begin), "the command is {command}");
    Ok(())
}

/// Without what the operator sets itself.
fn declared_only(all: &BTreeMap<String, String>) -> Value {
    let own = |key: &str| key == "app.kubernetes.io/managed-by" || key.starts_with("iam.crossaccount.dev/");
    json!(all.iter().filter(|(key, _)| !own(key)).collect::<BTreeMap<_, _>>())
}

fn labels(seen: &Seen, declared: &Value) -> Result<()> {
    same(&declared_only(seen.secret()?.labels()), &map(declared))
}

fn annotations(seen: &Seen, declared: &Value) -> Result<()> {
    same(&declared_only(seen.secret()?.annotations()), &map(declared))
}

fn on_expiry(seen: &Seen, declared: &Value) -> Result<()> {
    let (reason, message) = seen.ready();
    ensure!(reason == "Expired", "Ready is {reason}: {message}");
    ensure!(seen.secrets.is_empty() == (declared == "Delete"), "the object owns {} Secrets", seen.secrets.len());
    Ok(())
}

/// A restart is a change of the pod template's annotations, which nothing else in the test makes.
fn restarted(seen: &Seen, _: &Value) -> Result<()> {
    seen.is_available()?;
    for restart in &seen.object.spec.rollout_restarts {
        let kind: &str = restart.kind.into();
        ensure!(restart.name == WORKLOAD, "there is no {kind} {}", restart.name);
        let annotations = seen.workloads.get(kind);
        ensure!(annotations.is_some_and(|all| !all.is_empty()), "{kind} {} was not restarted", restart.name);
    }
    Ok(())
}

fn suspended(seen: &Seen, declared: &Value) -> Result<()> {
    let expected = if declared == true { "Suspended" } else { "Available" };
    let (reason, message) = seen.ready();
    ensure!(reason == expected, "Ready is {reason} instead of {expected}: {message}");
    Ok(())
}
