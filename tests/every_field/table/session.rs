//! How the role is assumed.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{map, same, same_set, tag_keys_allowed, texts};
use crate::every_field::{field::Kind::Role, row::Row, seen::Seen};

pub fn rows() -> Vec<Row> {
    vec![
        Row::new(Role, "spec.session.durationSeconds", duration).sample("3600").sample("7200"),
        Row::new(Role, "spec.session.renewBeforeSeconds", renew_before).sample("1800").sample("2400"),
        Row::new(Role, "spec.session.tags", tags)
            .sample("{project: reports}")
            .sample("{project: reports, team: blue}")
            .beside_value(tag_keys_allowed),
        Row::new(Role, "spec.session.transitiveTagKeys", transitive_tag_keys)
            .sample("[project]")
            .sample("[project, team]")
            .beside(
                "{account: {guardrails: {principalTagKeys: [project, team]}}, \
                 role: {session: {tags: {project: reports, team: blue}}}}",
            ),
        Row::new(Role, "spec.session.kubernetesTags", kubernetes_tags).sample("true").sample("false"),
        Row::new(Role, "spec.session.sourceIdentity", source_identity)
            .sample("reports")
            .sample("A_9+=,.@-")
            .beside("account: {guardrails: {sourceIdentities: ['*']}}"),
        Row::new(Role, "spec.session.policy", policy)
            .sample("{Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: '*'}]}")
            .sample("{Version: '2012-10-17', Statement: {Effect: Allow, Action: ['s3:*'], Resource: '*'}}"),
        Row::new(Role, "spec.session.policyArns", policy_arns)
            .sample("['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess']")
            .sample("['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess', 'arn:aws:iam::<target>:policy/narrower']"),
    ]
}

/// The life of the published set: seconds from issue to expiry, and from renewal to expiry.
fn times(seen: &Seen) -> Result<(i64, i64)> {
    let status = seen.object.status.clone().unwrap_or_default();
    let set = status.credentials.context("the status names no credentials")?;
    let issued = set.issued_at.context("no time of issue")?.0;
    let expires = set.expires_at.context("no expiry")?.0;
    let renews = set.renew_at.context("no renewal")?.0;
    Ok((expires.duration_since(issued).as_secs(), expires.duration_since(renews).as_secs()))
}

fn duration(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    same(&json!(seen.session()?.get("DurationSeconds")), &json!(declared.to_string()))?;
    let (life, _) = times(seen)?;
    ensure!((life - declared.as_i64().unwrap_or_default()).abs() <= 5, "the credentials live {life} s");
    Ok(())
}

/// At the declared lead or up to a tenth of the life earlier; in no case in the last 20 minutes of a life of 40 minutes
/// or more, nor in the first tenth of it.
fn renew_before(seen: &Seen, declared: &Value) -> Result<()> {
    let (life, lead) = times(seen)?;
    let declared = declared.as_i64().unwrap_or(life / 2);
    let earliest = life * 9 / 10 + 1;
    let latest = if life >= 2400 { declared.max(1200) } else { declared }.min(earliest - 2);
    let most = (declared + life / 10).clamp(latest, earliest) + 1;
    ensure!((latest - 1..=most).contains(&lead), "renewed {lead} s before the end, not {latest} to {most}");
    Ok(())
}

fn tags(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    same(&json!(seen.session()?.tags()), &map(declared))
}

fn transitive_tag_keys(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    same_set(seen.session()?.list("TransitiveTagKeys", ""), texts(declared))
}

fn kubernetes_tags(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    let keys = ["crossaccount.dev/cluster", "crossaccount.dev/name", "crossaccount.dev/namespace"];
    let expected: Vec<&str> = if declared == true { keys.to_vec() } else { Vec::new() };
    same_set(seen.session()?.tags().into_keys(), expected)
}

fn source_identity(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    same(&json!(seen.session()?.get("SourceIdentity")), declared)
}

fn policy(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    let sent = seen.session()?.get("Policy").map_or(Ok(Value::Null), serde_json::from_str)?;
    same(&sent, declared)
}

fn policy_arns(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    same_set(seen.session()?.list("PolicyArns", "arn"), texts(declared))
}
