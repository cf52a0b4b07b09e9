//! What the tests of source grants start from, and what they look at.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, AccountRef, ConditionType, CrossAccountRole, SourceGrant};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::support::{
    aws::{Identity, policy},
    life::Life,
    wait::eventually,
};

/// The cluster of the operators here, and with it the name of their policy.
pub const CLUSTER: &str = "lab";
pub const POLICY: &str = "crossaccount-lab";

/// A life with a source account in which the operator's own identity may manage the policies of all principals.
pub async fn lab(name: &str) -> Result<Life> {
    let mut life = Life::new(name).await?;
    life.settings = life.settings.flag(format!("--cluster-name={CLUSTER}"));
    let source = &life.scenario.aws.source;
    let id = source.id();
    let manage = policy(&json!({
        "Effect": "Allow",
        "Action": ["iam:GetUser", "iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy",
                   "iam:GetGroup", "iam:GetGroupPolicy", "iam:PutGroupPolicy", "iam:DeleteGroupPolicy",
                   "iam:GetRole", "iam:GetRolePolicy", "iam:PutRolePolicy", "iam:DeleteRolePolicy"],
        "Resource": [format!("arn:aws:iam::{id}:user/*"), format!("arn:aws:iam::{id}:group/*"), format!("arn:aws:iam::{id}:role/*")],
    }));
    let put = source.iam().put_user_policy().user_name("crossaccount-operator").policy_name("grants");
    put.policy_document(manage.to_string()).send().await?;
    accounts(&life).create(&PostParams::default(), &life.scenario.source_account()).await?;
    let trusted = json!({"spec": {"guardrails": {"principals": [format!("arn:aws:iam::{id}:*")]}}});
    accounts(&life).patch(&life.scenario.namespace, &PatchParams::default(), &Patch::Merge(trusted)).await?;
    Ok(life)
}

pub fn accounts(life: &Life) -> Api<AWSAccount> {
    Api::all(life.scenario.kube.clone())
}

pub fn source_name(life: &Life) -> String {
    format!("{}-source", life.scenario.namespace)
}

pub async fn patch_account(life: &Life, name: &str, patch: Value) -> Result<()> {
    accounts(life).patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

/// A user of the source account with an access key and no permission of use here.
pub async fn user(life: &Life, name: &str) -> Result<Identity> {
    life.scenario.aws.source.create_user(name, &nothing()).await
}

pub fn nothing() -> Value {
    policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}))
}

pub fn to_user(life: &Life, name: &str) -> SourceGrant {
    let account_ref = AccountRef { name: source_name(life) };
    SourceGrant { account_ref, user: Some(name.to_owned()), ..SourceGrant::default() }
}

/// A role with these grants. To trust the whole source account would let the operator in without its external id.
pub fn granting(life: &Life, name: &str, grants: Vec<SourceGrant>) -> CrossAccountRole {
    let mut role = life.scenario.role(name);
    role.spec.source_grants = grants;
    role
}

/// The same role, which these principals may assume as far as it is concerned.
pub fn trusting(mut role: CrossAccountRole, principals: &[&str]) -> CrossAccountRole {
    role.spec.trust.principals = principals.iter().map(|arn| (*arn).to_owned()).collect();
    role
}

pub async fn create(life: &Life, role: &CrossAccountRole) -> Result<()> {
    life.roles.create(&PostParams::default(), role).await?;
    Ok(())
}

/// Waits until `SourceGrantsReady` has this status and reason, and gives its message.
pub async fn grants_ready(life: &Life, name: &str, status: &str, reason: &str) -> Result<String> {
    eventually(&format!("SourceGrantsReady of {name} is {status} {reason}"), async || {
        let role = life.roles.get(name).await?;
        let conditions = role.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::SourceGrantsReady.to_string());
        let ready = ready.context("there is no condition SourceGrantsReady")?;
        ensure!(
            ready.status == status && ready.reason == reason && ready.observed_generation == role.metadata.generation,
            "{} {}: {}",
            ready.status,
            ready.reason,
            ready.message
        );
        Ok(ready.message)
    })
    .await
}

/// What the policy of the operators here lets a user assume; none if there is no such policy.
pub async fn may_assume(life: &Life, user: &str) -> Result<Option<BTreeSet<String>>> {
    may_assume_by(life, user, POLICY).await
}

pub async fn may_assume_by(life: &Life, user: &str, policy: &str) -> Result<Option<BTreeSet<String>>> {
    let policies = life.scenario.aws.source.user_policies(user).await?;
    let Some(policy) = policies.get(policy) else { return Ok(None) };
    let statement = &policy["Statement"][0];
    ensure!(policy["Statement"].as_array().is_some_and(|all| all.len() == 1), "{policy}");
    ensure!(statement["Effect"] == "Allow" && statement["Action"] == "sts:AssumeRole", "{policy}");
    let resources = statement["Resource"].as_array().context("Resource is no list")?;
    Ok(Some(resources.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
}

pub fn role_arn(life: &Life, name: &str) -> String {
    format!("arn:aws:iam::{}:role/crossaccount/{}", life.scenario.aws.target.id(), life.iam_name(name))
}

pub async fn assumes(life: &Life, who: &Identity, name: &str) -> Result<()> {
    eventually("the principal assumes the role", async || {
        life.scenario.aws.source.assume(who, &role_arn(life, name), None).await?;
        Ok(())
    })
    .await
}

pub async fn is_denied(life: &Life, who: &Identity, name: &str) -> Result<()> {
    eventually("the principal is denied", async || {
        let tried = life.scenario.aws.source.assume(who, &role_arn(life, name), None).await;
        let refused = format!("{:#}", tried.err().context("it assumes the role")?);
        ensure!(refused.contains("AccessDenied"), "{refused}");
        Ok(())
    })
    .await
}

pub async fn gone(life: &Life, name: &str) -> Result<()> {
    eventually("the object is gone", async || {
        let role = life.roles.get_opt(name).await?;
        ensure!(role.is_none(), "{:?}", role.and_then(|role| role.status).map(|status| status.conditions));
        Ok(())
    })
    .await
}
