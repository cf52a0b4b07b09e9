//! Who else may assume a role.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use serde_json::{Value, json};

use lab::{
    aws::{Identity, policy},
    env::TestEnv,
    wait::eventually,
};

/// A user of account A who may assume any role that lets it in.
async fn deployer(env: &TestEnv) -> Result<Identity> {
    let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}));
    env.aws.source.create_user("deployer", &may_assume).await
}

fn trusting(env: &TestEnv, principals: &[&str], conditions: Value) -> Result<CrossAccountRole> {
    let mut role = env.role("reader");
    role.spec.trust.principals = principals.iter().map(|&principal| principal.to_owned()).collect();
    role.spec.trust.conditions = serde_json::from_value(conditions)?;
    Ok(role)
}

#[tokio::test]
async fn a_declared_principal_gets_in_on_the_declared_condition_and_no_longer_than_it_is_declared() -> Result<()> {
    let env = TestEnv::new("trusting").await?;
    env.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let deployer = deployer(&env).await?;
    let _operator = env.start().await?;
    let condition = json!({"StringEquals": {"sts:ExternalId": "ticket-42"}});
    env.create(&trusting(&env, &[&deployer.arn], condition)?).await?;
    let role = env.settled("reader").await?.status.and_then(|s| s.role).and_then(|r| r.arn).context("no role")?;
    let source = &env.aws.source;
    assert!(source.assume(&deployer, &role, None).await.is_err(), "without meeting the condition");
    source.assume(&deployer, &role, Some("ticket-42")).await?;

    env.patch("reader", json!({"spec": {"trust": {"principals": [], "conditions": null}}})).await?;
    env.settled("reader").await?;
    assert!(source.assume(&deployer, &role, Some("ticket-42")).await.is_err(), "it is not declared any more");
    Ok(())
}

#[tokio::test]
async fn the_operators_own_account_may_be_trusted_without_letting_the_operator_in_unasked() -> Result<()> {
    let env = TestEnv::new("home").await?;
    env.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let deployer = deployer(&env).await?;
    let _operator = env.start().await?;
    env.create(&trusting(&env, &[env.aws.source.id()], json!({}))?).await?;
    let role = env.settled("reader").await?.status.and_then(|s| s.role).and_then(|r| r.arn).context("no role")?;
    env.aws.source.assume(&deployer, &role, None).await?;
    let refused = env.aws.source.assume(&env.aws.operator, &role, None).await;
    assert!(refused.is_err(), "the operator got in without the external id");
    Ok(())
}

#[tokio::test]
async fn a_principal_that_was_deleted_is_told_and_heals_when_it_is_back() -> Result<()> {
    let env = TestEnv::new("deleted").await?;
    env.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let source = &env.aws.source;
    let gone = deployer(&env).await?;
    let operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    env.create(&trusting(&env, &[&gone.arn], json!({}))?).await?;
    env.settled("reader").await?;

    // By the proxy, which shows the principal's id from now on, as AWS does.
    let iam = aws_sdk_iam::Client::new(&env.through_proxy(source.administrator().clone()));
    for key in iam.list_access_keys().user_name("deployer").send().await?.access_key_metadata {
        iam.delete_access_key().user_name("deployer").set_access_key_id(key.access_key_id).send().await?;
    }
    iam.delete_user_policy().user_name("deployer").policy_name("lab").send().await?;
    iam.delete_user().user_name("deployer").send().await?;
    eventually("the missing principal is told", async || {
        let role = env.roles.get("reader").await?;
        let conditions = role.status.unwrap_or_default().conditions;
        let told = conditions.iter().find(|c| c.type_ == "RoleReady" && c.status == "False").context("RoleReady")?;
        ensure!(told.message.contains(&gone.arn), "{}", told.message);
        Ok(())
    })
    .await?;
    assert!(env.secrets.get_opt("reader").await?.is_some(), "the credentials are kept");

    let back = deployer(&env).await?;
    let role = env.settled("reader").await?.status.and_then(|s| s.role).and_then(|r| r.arn).context("no role")?;
    source.assume(&back, &role, None).await?;
    drop(operator);
    Ok(())
}

#[tokio::test]
async fn a_proof_that_could_not_be_made_after_a_change_of_trust_is_made_up_for() -> Result<()> {
    let env = TestEnv::new("unproven").await?;
    env.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let deployer = deployer(&env).await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.proxy.reset_counts();
    let outage =
        env.proxy.on("AssumeRole").role(&env.iam_name("reader")).times(3).error(503, "ServiceUnavailable", "later");
    env.patch("reader", json!({"spec": {"trust": {"principals": [deployer.arn]}}})).await?;
    env.settled("reader").await?;
    assert_eq!(outage.hits(), 3);
    assert_eq!(env.proxy.count("AssumeRole"), 4, "three attempts that failed, and the one that AWS refused");
    Ok(())
}
