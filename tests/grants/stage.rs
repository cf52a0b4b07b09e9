//! What the tests of source grants start from, and what they look at.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AccountRef, ConditionType, CrossAccountRole, SourceGrant};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use lab::{
    aws::{Identity, OPERATOR, grants, policy},
    env::TestEnv,
    wait::eventually,
};

/// The cluster of the operators here, and with it the name of their policy.
pub const CLUSTER: &str = "lab";
pub const POLICY: &str = "crossaccount-lab";

/// An environment with a source account in which the operator's own identity may manage the policies of all principals.
pub async fn lab(name: &str) -> Result<TestEnv> {
    let mut env = TestEnv::new(name).await?;
    env.settings = env.settings.flag(format!("--cluster-name={CLUSTER}"));
    open_source(&env).await?;
    Ok(env)
}

/// Declares the source account, and lets the operator's own identity manage the policies of all principals there.
pub async fn open_source(env: &TestEnv) -> Result<()> {
    let source = &env.aws.source;
    let id = source.id();
    let manage = grants(source, &["user/*", "group/*", "role/*"]);
    source.put_user_policy(OPERATOR, "grants", &manage).await?;
    env.accounts.create(&PostParams::default(), &env.source_account()).await?;
    let trusted = json!({"spec": {"guardrails": {"principals": [format!("arn:aws:iam::{id}:*")]}}});
    env.accounts.patch(&env.namespace, &PatchParams::default(), &Patch::Merge(trusted)).await?;
    Ok(())
}

pub fn source_name(env: &TestEnv) -> String {
    format!("{}-source", env.namespace)
}

/// A user of the source account with an access key and no permission of use here.
pub async fn user(env: &TestEnv, name: &str) -> Result<Identity> {
    env.aws.source.create_user(name, &nothing()).await
}

pub fn nothing() -> Value {
    policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}))
}

pub fn to_user(env: &TestEnv, name: &str) -> SourceGrant {
    let account_ref = AccountRef { name: source_name(env) };
    SourceGrant { account_ref, user: Some(name.to_owned()), ..SourceGrant::default() }
}

/// A role with these grants. To trust the whole source account would let the operator in without its external id.
pub fn granting(env: &TestEnv, name: &str, grants: Vec<SourceGrant>) -> CrossAccountRole {
    let mut role = env.role(name);
    role.spec.source_grants = grants;
    role
}

/// The same role, which these principals may assume as far as it is concerned.
pub fn trusting(mut role: CrossAccountRole, principals: &[&str]) -> CrossAccountRole {
    role.spec.trust.principals = principals.iter().map(|arn| (*arn).to_owned()).collect();
    role
}

/// Waits until `SourceGrantsReady` has this status and reason, and gives its message.
pub async fn grants_ready(env: &TestEnv, name: &str, status: &str, reason: &str) -> Result<String> {
    eventually(&format!("SourceGrantsReady of {name} is {status} {reason}"), async || {
        let role = env.roles.get(name).await?;
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
pub async fn may_assume(env: &TestEnv, user: &str) -> Result<Option<BTreeSet<String>>> {
    may_assume_by(env, user, POLICY).await
}

pub async fn may_assume_by(env: &TestEnv, user: &str, policy: &str) -> Result<Option<BTreeSet<String>>> {
    let policies = env.aws.source.user_policies(user).await?;
    let Some(policy) = policies.get(policy) else { return Ok(None) };
    let statement = &policy["Statement"][0];
    ensure!(policy["Statement"].as_array().is_some_and(|all| all.len() == 1), "{policy}");
    ensure!(statement["Effect"] == "Allow" && statement["Action"] == "sts:AssumeRole", "{policy}");
    let resources = statement["Resource"].as_array().context("Resource is no list")?;
    Ok(Some(resources.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
}

pub async fn assumes(env: &TestEnv, who: &Identity, name: &str) -> Result<()> {
    eventually("the principal assumes the role", async || {
        env.aws.source.assume(who, &env.role_arn(name), None).await?;
        Ok(())
    })
    .await
}

pub async fn is_denied(env: &TestEnv, who: &Identity, name: &str) -> Result<()> {
    eventually("the principal is denied", async || {
        let tried = env.aws.source.assume(who, &env.role_arn(name), None).await;
        let refused = format!("{:#}", tried.err().context("it assumes the role")?);
        ensure!(refused.contains("AccessDenied"), "{refused}");
        Ok(())
    })
    .await
}
