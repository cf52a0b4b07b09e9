//! The IAM role and who may assume it.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use crossaccount::domain::tag;
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{map, same, same_set, tag_keys_allowed, texts};
use crate::every_field::{
    field::Kind::Role,
    row::{After, Row},
    seen::Seen,
};

const ANY_NAME: &str = "account: {guardrails: {roleNames: ['*']}}";
const ANYBODY: &str = "account: {guardrails: {principals: ['*']}}";

pub fn rows() -> Vec<Row> {
    let mut rows = role();
    rows.extend(trust());
    rows.extend(grants());
    rows
}

fn role() -> Vec<Row> {
    vec![
        Row::new(Role, "spec.accountRef.name", account_ref).sample("<namespace>"),
        Row::new(Role, "spec.role.name", name).sample("reports-A_9").sample("Other+=,.@-").beside(ANY_NAME),
        Row::new(Role, "spec.role.lifecycle", lifecycle)
            .sample("Create")
            .sample_with("Adopt", "role: {role: {name: adopted}}")
            .sample_with("Observe", "role: {role: {name: observed}}")
            .beside("account: {guardrails: {lifecycles: [Create, Adopt, Observe], roleNames: [adopted, observed]}}")
            .fresh(),
        Row::new(Role, "spec.role.description", description).sample("Reads reports").sample("'Liest Berichte: ä, ß'"),
        Row::new(Role, "spec.role.maxSessionDurationSeconds", longest_session).sample("3600").sample("7200"),
        Row::new(Role, "spec.role.managedPolicyArns", managed_policies)
            .sample("['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess']")
            .sample("['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess', 'arn:aws:iam::<target>:policy/narrower']")
            .wrong("['arn:aws:iam::<target>:policy/gone']"),
        Row::new(Role, "spec.role.inlinePolicies", inline_policies)
            .sample(
                "{read: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 's3:GetObject', Resource: '*'}]}}",
            )
            .sample("{write: {Version: '2012-10-17', Statement: {Effect: Deny, Action: ['s3:*'], Resource: '*'}}}")
            .wrong("{read: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: 'GetObject', Resource: '*'}]}}"),
        Row::new(Role, "spec.role.tags", tags)
            .sample("{team: blue}")
            .sample("{team: green, cost-center: '42'}")
            .sample("{Team: green, Cost-Center: '42'}")
            .beside_value(tag_keys_allowed),
        Row::new(Role, "spec.role.deletionPolicy", deletion_policy)
            .sample("Delete")
            .sample("Retain")
            .beside("account: {guardrails: {deletionPolicies: [Delete, Retain]}}")
            .after(After::Deletion),
    ]
}

fn trust() -> Vec<Row> {
    vec![
        Row::new(Role, "spec.trust.principals", principals)
            .sample("['arn:aws:iam::<source>:user/deployer']")
            .sample("['<target>', 'arn:aws:iam::<source>:role/releaser']")
            .wrong("['arn:aws:iam::<source>:user/gone']")
            .beside(ANYBODY),
        Row::new(Role, "spec.trust.conditions", conditions)
            .sample("{Bool: {'aws:MultiFactorAuthPresent': 'true'}}")
            .sample("{StringLike: {'aws:PrincipalTag/team': [blue, green]}, NumericLessThan: {'aws:MultiFactorAuthAge': 60}}")
            .wrong("{Bool: {'aws:MultiFactorAuthPresent': {nested: true}}}")
            .beside(
                "{account: {guardrails: {principals: ['*']}}, \
                 role: {trust: {principals: ['arn:aws:iam::<source>:user/deployer']}}}",
            ),
    ]
}

fn grants() -> Vec<Row> {
    const TO_USER: &str = "role: {sourceGrants: [{accountRef: {name: '<namespace>-source'}, user: deployer}], \
                           trust: {principals: ['arn:aws:iam::<source>:user/deployer']}}\naccount: {guardrails: {principals: ['*']}}";
    const TO_GROUP: &str = "role: {sourceGrants: [{accountRef: {name: '<namespace>-source'}, group: deployer}], \
                            trust: {principals: ['arn:aws:iam::<source>:user/deployer']}}\naccount: {guardrails: {principals: ['*']}}";
    const TO_ROLE: &str = "role: {sourceGrants: [{accountRef: {name: '<namespace>-source'}, role: deployer}], \
                           trust: {principals: ['arn:aws:iam::<source>:user/deployer']}}\naccount: {guardrails: {principals: ['*']}}";
    vec![
        Row::new(Role, "spec.sourceGrants", granted)
            .sample("[{accountRef: {name: '<namespace>-source'}, user: deployer}]")
            .sample(
                "[{accountRef: {name: '<namespace>-source'}, group: deployer}, \
                 {accountRef: {name: '<namespace>-source'}, role: releaser}]",
            )
            .beside(TO_USER),
        Row::new(Role, "spec.sourceGrants[].accountRef.name", granted).sample("<namespace>-source").beside(TO_USER),
        Row::new(Role, "spec.sourceGrants[].user", granted).sample("deployer").sample("releaser").beside(TO_USER),
        Row::new(Role, "spec.sourceGrants[].group", granted).sample("deployer").sample("releaser").beside(TO_GROUP),
        Row::new(Role, "spec.sourceGrants[].role", granted).sample("deployer").sample("releaser").beside(TO_ROLE),
    ]
}

fn account_ref(seen: &Seen, _: &Value) -> Result<()> {
    seen.is_available()?;
    let account = seen.iam()?.role.arn.split(':').nth(4);
    ensure!(account == Some(seen.account.spec.account_id.as_str()), "the role is in {account:?}");
    Ok(())
}

fn name(seen: &Seen, declared: &Value) -> Result<()> {
    let default = format!("{}-{}", seen.object.namespace().unwrap_or_default(), seen.object.name_any());
    let name = seen.iam()?.role.arn.rsplit('/').next();
    ensure!(name == Some(declared.as_str().unwrap_or(&default)), "the role is {name:?}");
    seen.is_available()
}

fn lifecycle(seen: &Seen, declared: &Value) -> Result<()> {
    let status = seen.object.status.clone().unwrap_or_default();
    let ours = seen.iam()?.role.tags.contains_key(tag::UID);
    let created = status.role.is_some_and(|role| role.created);
    match declared.as_str() {
        Some("Observe") => {
            ensure!(!ours && !created, "the role was written");
            ensure!(!status.planned_changes.is_empty(), "the status names no planned change");
            Ok(())
        }
        Some("Adopt") => {
            ensure!(ours && !created, "the role is not taken over: {:?}", seen.iam);
            seen.is_available()
        }
        _ => {
            ensure!(ours && created, "the role was not created");
            seen.is_available()
        }
    }
}

fn description(seen: &Seen, declared: &Value) -> Result<()> {
    let description = seen.iam()?.role.description.clone().unwrap_or_default();
    same(&description.into(), &declared.as_str().unwrap_or_default().into())
}

fn longest_session(seen: &Seen, declared: &Value) -> Result<()> {
    same(&json!(seen.iam()?.role.max_session_duration), declared)
}

fn managed_policies(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    same_set(seen.iam()?.attached.iter().map(String::as_str), texts(declared))
}

fn inline_policies(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    same(&json!(seen.iam()?.inline), &map(declared))
}

fn tags(seen: &Seen, declared: &Value) -> Result<()> {
    same(&json!(seen.iam()?.tags()), &map(declared))
}

fn deletion_policy(seen: &Seen, declared: &Value) -> Result<()> {
    ensure!(seen.iam.is_some() == (declared == "Retain"), "the role is {:?}", seen.iam);
    Ok(())
}

/// AWS shows an account as its root.
fn principals(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    let trusted: BTreeSet<String> = seen.iam()?.declared_trust(&seen.operator).flat_map(principals_of).collect();
    let as_arn = |text: &str| match text.split_once(':') {
        Some(_) => text.to_owned(),
        None => format!("arn:aws:iam::{text}:root"),
    };
    let declared: BTreeSet<String> = texts(declared).into_iter().map(as_arn).collect();
    ensure!(trusted == declared, "{trusted:?} are trusted instead of {declared:?}");
    Ok(())
}

fn principals_of(statement: &Value) -> Vec<String> {
    let aws = &statement["Principal"]["AWS"];
    aws.as_str().map_or_else(|| texts(aws), |one| vec![one]).into_iter().map(str::to_owned).collect()
}

fn conditions(seen: &Seen, declared: &Value) -> Result<()> {
    seen.is_available()?;
    let statement = seen.iam()?.declared_trust(&seen.operator).next().context("nobody else is trusted")?;
    same(&map(&statement["Condition"]), &map(declared))
}

/// All grants of a cluster to one principal are one policy, so that of this role is only a part of it.
fn granted(seen: &Seen, _: &Value) -> Result<()> {
    seen.is_available()?;
    let arn = &seen.iam()?.role.arn;
    let grants = &seen.object.spec.source_grants;
    let declared: BTreeSet<String> = grants
        .iter()
        .filter_map(|grant| {
            let name = |kind: &str, name: &Option<String>| name.as_ref().map(|name| format!("{kind}/{name}"));
            name("user", &grant.user).or(name("group", &grant.group)).or(name("role", &grant.role))
        })
        .collect();
    let names_it =
        |policies: &Vec<Value>| policies.iter().any(|policy| policy.to_string().contains(&format!("\"{arn}\"")));
    let seen: BTreeSet<String> =
        seen.grants.iter().filter(|(_, policies)| names_it(policies)).map(|(who, _)| who.clone()).collect();
    ensure!(seen == declared, "{seen:?} may assume the role instead of {declared:?}");
    Ok(())
}
