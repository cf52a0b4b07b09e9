//! The account and the way into it.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{map, same, same_set, texts};
use crate::every_field::{
    field::Kind::Account,
    row::{After, Row},
    seen::Seen,
};
use lab::aws_proxy::RecordedCall;

const ONE: &str = "arn:aws:iam::<target>:role/manager-one";

pub fn rows() -> Vec<Row> {
    vec![
        Row::new(Account, "spec.accountId", account_id).sample("'<target>'").sample_with(
            "'<source>'",
            "account: {access: {chain: null}, guardrails: {permissionsBoundary: null, allowUnbounded: true}}",
        ),
        Row::new(Account, "spec.region", region).sample("eu-west-1").sample("us-east-1"),
        Row::new(Account, "spec.access.chain", chain)
            .sample("[{roleArn: 'arn:aws:iam::<target>:role/manager-one'}]")
            .sample(
                "[{roleArn: 'arn:aws:iam::<source>:role/hub'}, {roleArn: 'arn:aws:iam::<target>:role/manager-two'}]",
            ),
        Row::new(Account, "spec.access.chain[].roleArn", role_arn)
            .sample(ONE)
            .sample("arn:aws:iam::<target>:role/manager-two")
            .beside("account: {access: {chain: [{roleArn: ''}]}}"),
        Row::new(Account, "spec.access.chain[].externalId", external_id)
            .sample("ab-1")
            .sample("A_9+=,.@:/-")
            .beside(WITH_ONE),
        Row::new(Account, "spec.access.chain[].sessionTags", session_tags)
            .sample("{team: platform}")
            .sample("{team: platform, project: reports}")
            .beside(WITH_ONE),
        Row::new(Account, "spec.access.chain[].transitiveTagKeys", transitive_tag_keys)
            .sample("[team]")
            .sample("[team, project]")
            .beside(
                "account: {access: {chain: [{roleArn: 'arn:aws:iam::<target>:role/manager-one', \
                 sessionTags: {team: platform, project: reports}}]}}",
            ),
        Row::new(Account, "spec.deletionPolicy", deletion_policy)
            .sample("Delete")
            .sample("Retain")
            .after(After::Deletion),
    ]
}

const WITH_ONE: &str = "account: {access: {chain: [{roleArn: 'arn:aws:iam::<target>:role/manager-one'}]}}";

fn entered(seen: &Seen) -> Result<&str> {
    let (reason, message) = seen.account_ready();
    ensure!(reason == "Available", "the account's Ready is {reason}: {message}");
    seen.account.status.as_ref().and_then(|status| status.caller_arn.as_deref()).context("the status names no caller")
}

fn account_id(seen: &Seen, declared: &Value) -> Result<()> {
    let caller = entered(seen)?;
    ensure!(caller.split(':').nth(4) == declared.as_str(), "the operator is {caller}");
    Ok(())
}

fn region(seen: &Seen, declared: &Value) -> Result<()> {
    let config = seen.file("config")?;
    let line = format!("region = {}", declared.as_str().unwrap_or_default());
    ensure!(config.lines().any(|found| found == line), "the configuration is {config}");
    Ok(())
}

fn chain(seen: &Seen, declared: &Value) -> Result<()> {
    let caller = entered(seen)?;
    let hops: Vec<&str> = declared.as_array().into_iter().flatten().filter_map(|hop| hop["roleArn"].as_str()).collect();
    let last = hops.last().and_then(|arn| arn.rsplit('/').next()).context("nobody is let in without a chain")?;
    ensure!(caller.contains(&format!(":assumed-role/{last}/")), "the operator is {caller}");
    let missed: Vec<&str> = hops.into_iter().filter(|hop| seen.hops(hop).next().is_none()).collect();
    ensure!(missed.is_empty(), "the operator never went through {missed:?}");
    Ok(())
}

fn role_arn(seen: &Seen, declared: &Value) -> Result<()> {
    chain(seen, &json!([{ "roleArn": declared }]))
}

fn external_id(seen: &Seen, declared: &Value) -> Result<()> {
    went(seen, |hop| same(&json!(hop.get("ExternalId")), declared))
}

fn session_tags(seen: &Seen, declared: &Value) -> Result<()> {
    went(seen, |hop| same(&json!(hop.tags()), &map(declared)))
}

fn transitive_tag_keys(seen: &Seen, declared: &Value) -> Result<()> {
    went(seen, |hop| same_set(hop.list("TransitiveTagKeys", ""), texts(declared)))
}

/// The operator is in the account, and went through the first hop at least once as the value says. A role that was in
/// work while its account was edited may still go the old way after that.
fn went(seen: &Seen, so: impl Fn(&RecordedCall) -> Result<()>) -> Result<()> {
    entered(seen)?;
    let hop = seen.account.spec.access.chain.first().context("there is no hop")?;
    let last = seen.hops(&hop.role_arn).next().context("the operator never went through the hop")?;
    if seen.hops(&hop.role_arn).any(|call| so(call).is_ok()) { Ok(()) } else { so(last) }
}

fn deletion_policy(seen: &Seen, declared: &Value) -> Result<()> {
    ensure!(seen.iam.is_some() == (declared == "Retain"), "the role is {:?}", seen.iam);
    Ok(())
}
