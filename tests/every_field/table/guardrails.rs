//! How far tenants may go in an account.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::{allowed_or_refused, covers, same, texts};
use crate::{
    every_field::{field::Kind::Account, row::Row, seen::Seen},
    support::life::MANAGED,
};

pub fn rows() -> Vec<Row> {
    vec![
        Row::new(Account, "spec.guardrails.rolePath", role_path)
            .sample("/crossaccount/")
            .sample("/other/path/")
            .fresh(),
        Row::new(Account, "spec.guardrails.permissionsBoundary", boundary)
            .sample("arn:aws:iam::<target>:policy/crossaccount-boundary")
            .sample("arn:aws:iam::<target>:policy/narrower")
            .wrong("arn:aws:iam::<target>:policy/gone"),
        Row::new(Account, "spec.guardrails.allowUnbounded", unbounded)
            .sample("true")
            .beside("account: {guardrails: {permissionsBoundary: null}}"),
        Row::new(Account, "spec.guardrails.managedPolicies", managed_policies)
            .sample("['arn:aws:iam::aws:policy/AmazonS3*']")
            .sample("['*', 'arn:aws:iam::aws:policy/Other*']")
            .beside("role: {role: {managedPolicyArns: ['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess']}}"),
        Row::new(Account, "spec.guardrails.actions", actions).sample("['s3:Get*']").sample("['s3:*', 'sts:*']"),
        Row::new(Account, "spec.guardrails.principals", principals)
            .sample("['arn:aws:iam::<source>:*']")
            .sample("['arn:aws:iam::<source>:role/*', 'arn:aws:iam::<source>:user/deploy??']")
            .beside("role: {trust: {principals: ['arn:aws:iam::<source>:user/deployer']}}"),
        Row::new(Account, "spec.guardrails.grantees", grantees)
            .sample("['arn:aws:iam::<target>:user/*']")
            .sample("['arn:aws:iam::<target>:user/*', 'arn:aws:iam::<target>:role/*']")
            .beside(
                "{account: {access: {chain: [{roleArn: 'arn:aws:iam::<target>:role/manager-one'}]}}, \
                 role: {sourceGrants: [{accountRef: {name: '<account>'}, user: deployer}]}}",
            ),
        Row::new(Account, "spec.guardrails.lifecycles", lifecycles).sample("[Create]").sample("[Adopt, Create]"),
        Row::new(Account, "spec.guardrails.maxSessionDurationSeconds", longest)
            .sample("7200")
            .sample("10800")
            .beside("role: {session: {durationSeconds: 7200}}"),
    ]
}

fn role_path(seen: &Seen, declared: &Value) -> Result<()> {
    same(&seen.iam()?.role.path.as_str().into(), declared)
}

fn boundary(seen: &Seen, declared: &Value) -> Result<()> {
    same(&seen.iam()?.role.boundary.clone().into(), declared)
}

fn unbounded(seen: &Seen, declared: &Value) -> Result<()> {
    ensure!(declared == true, "no boundary is not allowed, and yet the account is accepted");
    seen.is_available()?;
    same(&seen.iam()?.role.boundary.clone().into(), &Value::Null)
}

/// An absent list lets everything in.
fn within(declared: &Value, text: &str) -> bool {
    declared.is_null() || texts(declared).into_iter().any(|glob| covers(glob, text))
}

fn managed_policies(seen: &Seen, declared: &Value) -> Result<()> {
    allowed_or_refused(seen, within(declared, MANAGED), "guardrails.managedPolicies")
}

fn actions(seen: &Seen, declared: &Value) -> Result<()> {
    allowed_or_refused(seen, within(declared, "s3:GetObject"), "guardrails.actions")
}

/// An absent list lets nobody in.
fn principals(seen: &Seen, declared: &Value) -> Result<()> {
    let declared_principal = seen.object.spec.trust.principals.first().context("there is no principal")?;
    let may = !declared.is_null() && within(declared, declared_principal);
    allowed_or_refused(seen, may, "guardrails.principals")
}

fn grantees(seen: &Seen, declared: &Value) -> Result<()> {
    let grantee = format!("arn:aws:iam::{}:user/deployer", seen.account.spec.account_id);
    allowed_or_refused(seen, within(declared, &grantee), "guardrails.grantees")
}

fn lifecycles(seen: &Seen, declared: &Value) -> Result<()> {
    allowed_or_refused(seen, texts(declared).contains(&"Create"), "guardrails.lifecycles")
}

fn longest(seen: &Seen, declared: &Value) -> Result<()> {
    let may = declared.as_u64().is_none_or(|seconds| seconds >= 7200);
    allowed_or_refused(seen, may, "guardrails.maxSessionDurationSeconds")
}
