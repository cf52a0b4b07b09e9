//! What the rows have in common: how things are before they are broken, and how they are broken.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, ConditionType, CrossAccountRole, annotation};
use crossaccount::domain::policy::PolicyDocument;
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};

use lab::{
    aws::{Account, policy},
    aws_proxy::Touch,
    env::TestEnv,
    wait::eventually,
};

/// The role by which the operator manages the target account.
pub const MANAGER: &str = "crossaccount-manager";
const OPERATOR: &str = "crossaccount-operator";

/// A role that was made long ago and whose credentials are good; its operator is not running. A denial is then no longer
/// taken for a change that AWS has yet to make known.
pub async fn long_ready(name: &str, declare: impl FnOnce(&mut CrossAccountRole)) -> Result<TestEnv> {
    let env = TestEnv::new(name).await?;
    let guardrails = json!({"principalTagKeys": ["project"], "sourceIdentities": ["reports"]});
    env.patch_account(json!({"guardrails": guardrails})).await?;
    let operator = env.start().await?;
    let mut role = env.role("reader");
    declare(&mut role);
    env.create(&role).await?;
    env.settled("reader").await?;
    operator.stop().await?;
    env.proxy.on("GetRole").touch(Touch::Older(SignedDuration::from_hours(24)));
    Ok(env)
}

/// Has AWS say no more than who was refused what.
pub fn terse(env: &TestEnv) {
    env.proxy.on("AssumeRole").touch(Touch::Terse);
}

/// Makes the operator issue new credentials although the present ones are good.
pub async fn ask_for_new(env: &TestEnv) -> Result<()> {
    let now = jiff::Timestamp::now().to_string();
    env.patch("reader", json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}})).await
}

/// Takes the credentials away, so that no good ones soften what is said.
pub async fn lose_secret(env: &TestEnv) -> Result<()> {
    env.secrets.delete("reader", &DeleteParams::default()).await?;
    Ok(())
}

/// Takes an action out of what the manager may do.
pub async fn manager_loses(env: &TestEnv, action: &str) -> Result<()> {
    let target = &env.aws.target;
    let mut policy = target.inline_policies(MANAGER).await?.remove("lab").context("the manager has no policy")?;
    let statements = policy["Statement"].as_array_mut().context("its policy lists no statements")?;
    for statement in statements.iter_mut().filter(|statement| statement["Effect"] == "Allow") {
        let actions = statement["Action"].as_array_mut().context("a statement lists no actions")?;
        actions.retain(|listed| listed != action);
    }
    statements.retain(|statement| statement["Action"] != json!([]));
    target.put_role_policy(MANAGER, "lab", &policy).await
}

/// Replaces what the operator itself may do.
pub async fn operator_may(env: &TestEnv, statements: &Value) -> Result<()> {
    env.aws.source.put_user_policy(OPERATOR, "lab", &policy(statements)).await
}

/// Changes the trust policy of a role in the target account behind the operator's back.
pub async fn change_trust(env: &TestEnv, name: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
    let administrator = env.aws.target.administrator().clone();
    let iam = aws_sdk_iam::Client::new(&env.through_proxy(administrator));
    let role = iam.get_role().role_name(name).send().await?.role.context("GetRole gave no role")?;
    let trust = role.assume_role_policy_document.context("the role has no trust policy")?;
    let mut trust = serde_json::from_str(&PolicyDocument::from_iam(&trust)?.to_json())?;
    change(&mut trust);
    iam.update_assume_role_policy().role_name(name).policy_document(trust.to_string()).send().await?;
    Ok(())
}

/// Adds to a trust policy in the target account what a condition says is to be added there.
pub async fn mend_trust(env: &TestEnv, name: &str, said: &Condition) -> Result<()> {
    let added = statements(&said.message, "add to the trust policy of role ")?;
    change_trust(env, name, |trust| {
        let all = trust["Statement"].as_array().into_iter().flatten().cloned().chain(added);
        trust["Statement"] = all.collect();
    })
    .await
}

/// Adds to the policies of a role what a condition says is to be added there.
pub async fn mend_role(account: &Account, name: &str, said: &Condition) -> Result<()> {
    let added = statements(&said.message, "add to a policy of role ")?;
    account.put_role_policy(name, "mended", &policy(&added.into())).await
}

/// Adds to the operator's own policies what a condition says is to be added there.
pub async fn mend_operator(env: &TestEnv, said: &Condition) -> Result<()> {
    let added = statements(&said.message, "add to a policy of user ")?;
    env.aws.source.put_user_policy(OPERATOR, "mended", &policy(&added.into())).await
}

/// The statements that follow in a message, as one would copy them.
fn statements(message: &str, after: &str) -> Result<Vec<Value>> {
    let (_, rest) = message.split_once(after).with_context(|| format!("nothing {after}: {message}"))?;
    let (_, mut rest) = rest.split_once(": ").context("no statement follows")?;
    let mut found = Vec::new();
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter();
        found.push(values.next().context("no statement follows")??);
        match rest[values.byte_offset()..].strip_prefix(',') {
            Some(more) => rest = more,
            None => return Ok(found),
        }
    }
}

/// Waits until nothing is wrong with the credentials.
pub async fn credentials_are_good(env: &TestEnv) -> Result<()> {
    ask_for_new(env).await?;
    role_says(env, ConditionType::CredentialsReady, "Available").await.map(drop)
}

/// Waits until the account is Ready, once its declaration has changed.
pub async fn account_is_good(env: &TestEnv) -> Result<()> {
    env.patch_account(json!({"deletionPolicy": "Retain"})).await?;
    account_says(env, "Available").await.map(drop)
}

/// Waits until a condition of the role has this reason, and if credentials soften that, until its message does.
pub async fn role_says(env: &TestEnv, kind: ConditionType, reason: &str) -> Result<Condition> {
    eventually(&format!("{kind} says {reason}"), async || {
        let role = env.roles.get("reader").await?;
        said(role.status.unwrap_or_default().conditions, kind, reason)
    })
    .await
}

/// Waits until `Ready` of the account has this reason.
pub async fn account_says(env: &TestEnv, reason: &str) -> Result<Condition> {
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    eventually(&format!("the account says {reason}"), async || {
        let account = accounts.get(&env.namespace).await?;
        said(account.status.unwrap_or_default().conditions, ConditionType::Ready, reason)
    })
    .await
}

fn said(conditions: Vec<Condition>, kind: ConditionType, reason: &str) -> Result<Condition> {
    let found = conditions.into_iter().find(|condition| condition.type_ == kind.to_string());
    let found = found.with_context(|| format!("there is no condition {kind}"))?;
    let softened = found.reason == "Degraded" && found.message.starts_with(&format!("{reason}: "));
    ensure!(found.reason == reason || softened, "{} {}: {}", found.status, found.reason, found.message);
    Ok(found)
}
