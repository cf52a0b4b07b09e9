//! How far tenants may go in an account.

use anyhow::{Context as _, Result, ensure};
use kube::ResourceExt as _;
use serde_json::{Value, json};

use super::{allowed_or_refused, covers, same, same_set, texts};
use crate::every_field::{field::Kind::Account, row::Row, seen::Seen};
use lab::env::MANAGED;

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
        Row::new(Account, "spec.guardrails.allowUnbounded", unbounded).sample("true").beside(
            "account: {access: {chain: [{roleArn: 'arn:aws:iam::<target>:role/manager-one'}]}, \
                 guardrails: {permissionsBoundary: null}}",
        ),
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
        Row::new(Account, "spec.guardrails.roleNames", role_names)
            .sample("['reports-*']")
            .sample("['other-?', '{namespace}-*', '*-GUARDED']")
            .beside("role: {role: {name: reports-guarded}}"),
        Row::new(Account, "spec.guardrails.principalTagKeys", principal_tag_keys)
            .sample("[project, team]")
            .sample("[Team, cost-center, PROJECT]")
            .beside("role: {role: {tags: {team: blue}}, session: {tags: {project: reports}}}"),
        Row::new(Account, "spec.guardrails.sourceIdentities", source_identities)
            .sample("[reports]")
            .sample_with("['{namespace}']", "role: {session: {sourceIdentity: '<namespace>'}}")
            .sample("['{namespace}', 'report?']")
            .beside("role: {session: {sourceIdentity: reports}}"),
        Row::new(Account, "spec.guardrails.deletionPolicies", deletion_policies)
            .sample("[Retain]")
            .sample("[Delete, Retain]")
            .beside("role: {role: {deletionPolicy: Retain}}"),
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

/// Whether one of the globs, in which `{namespace}` stands for the object's namespace, covers a text.
fn covered(seen: &Seen, globs: &[&str], text: &str) -> bool {
    let namespace = seen.object.namespace().unwrap_or_default();
    globs.iter().any(|glob| covers(&glob.replace("{namespace}", &namespace), text))
}

/// Names are compared without case.
fn role_names(seen: &Seen, declared: &Value) -> Result<()> {
    let globs: Vec<String> = texts(declared).into_iter().map(str::to_lowercase).collect();
    let globs: Vec<&str> = globs.iter().map(String::as_str).collect();
    let name = seen.object.spec.role.name.as_deref().context("the role has no name")?;
    let may = covered(seen, &globs, name);
    allowed_or_refused(seen, may, "guardrails.roleNames")?;
    if may { seen.iam().map(|_| ()) } else { Ok(()) }
}

/// What is allowed is also seen: on the role and in the session.
fn principal_tag_keys(seen: &Seen, declared: &Value) -> Result<()> {
    let allowed: Vec<String> = texts(declared).into_iter().map(str::to_lowercase).collect();
    let may = ["team", "project"].iter().all(|key| allowed.iter().any(|listed| listed == key));
    allowed_or_refused(seen, may, "guardrails.principalTagKeys")?;
    if may {
        same_set(seen.iam()?.tags().into_keys(), vec!["team"])?;
        same_set(seen.session()?.tags().into_keys(), vec!["project"])?;
    }
    Ok(())
}

fn source_identities(seen: &Seen, declared: &Value) -> Result<()> {
    let identity = seen.object.spec.session.source_identity.as_deref().context("there is no source identity")?;
    let may = covered(seen, &texts(declared), identity);
    allowed_or_refused(seen, may, "guardrails.sourceIdentities")?;
    if may { same(&json!(seen.session()?.get("SourceIdentity")), &identity.into()) } else { Ok(()) }
}

/// An absent list allows what the account itself does.
fn deletion_policies(seen: &Seen, declared: &Value) -> Result<()> {
    let own = format!("{}", seen.account.spec.deletion_policy);
    let allowed = if declared.is_null() { vec![own.as_str()] } else { texts(declared) };
    allowed_or_refused(seen, allowed.contains(&"Retain"), "guardrails.deletionPolicies")
}

fn lifecycles(seen: &Seen, declared: &Value) -> Result<()> {
    allowed_or_refused(seen, texts(declared).contains(&"Create"), "guardrails.lifecycles")
}

fn longest(seen: &Seen, declared: &Value) -> Result<()> {
    let may = declared.as_u64().is_none_or(|seconds| seconds >= 7200);
    allowed_or_refused(seen, may, "guardrails.maxSessionDurationSeconds")
}
