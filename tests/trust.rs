//! Who else may assume a role.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use serde_json::{Value, json};

use crate::support::{
    aws::{Identity, policy},
    life::Life,
    wait::eventually,
};

/// A user of account A who may assume any role that lets it in.
async fn deployer(life: &Life) -> Result<Identity> {
    let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}));
    life.scenario.aws.source.create_user("deployer", &may_assume).await
}

fn trusting(life: &Life, principals: &[&str], conditions: Value) -> Result<CrossAccountRole> {
    let mut role = life.scenario.role("reader");
    role.spec.trust.principals = principals.iter().map(|&principal| principal.to_owned()).collect();
    role.spec.trust.conditions = serde_json::from_value(conditions)?;
    Ok(role)
}

#[tokio::test]
async fn a_declared_principal_gets_in_on_the_declared_condition_and_no_longer_than_it_is_declared() -> Result<()> {
    let life = Life::new("trusting").await?;
    life.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let deployer = deployer(&life).await?;
    let _operator = life.start().await?;
    let condition = json!({"StringEquals": {"sts:ExternalId": "ticket-42"}});
    life.create(&trusting(&life, &[&deployer.arn], condition)?).await?;
    let role = life.settled("reader").await?.status.and_then(|s| s.role).and_then(|r| r.arn).context("no role")?;
    let source = &life.scenario.aws.source;
    assert!(source.assume(&deployer, &role, None).await.is_err(), "without meeting the condition");
    source.assume(&deployer, &role, Some("ticket-42")).await?;

    life.patch("reader", json!({"spec": {"trust": {"principals": [], "conditions": null}}})).await?;
    life.settled("reader").await?;
    assert!(source.assume(&deployer, &role, Some("ticket-42")).await.is_err(), "it is not declared any more");
    Ok(())
}

#[tokio::test]
async fn the_operators_own_account_may_be_trusted_without_letting_the_operator_in_unasked() -> Result<()> {
    let life = Life::new("home").await?;
    life.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let deployer = deployer(&life).await?;
    let _operator = life.start().await?;
    life.create(&trusting(&life, &[life.scenario.aws.source.id()], json!({}))?).await?;
    let role = life.settled("reader").await?.status.and_then(|s| s.role).and_then(|r| r.arn).context("no role")?;
    life.scenario.aws.source.assume(&deployer, &role, None).await?;
    let refused = life.scenario.aws.source.assume(&life.scenario.aws.operator, &role, None).await;
    assert!(refused.is_err(), "the operator got in without the external id");
    Ok(())
}

#[tokio::test]
async fn a_principal_that_was_deleted_is_told_and_heals_when_it_is_back() -> Result<()> {
    let life = Life::new("deleted").await?;
    life.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let source = &life.scenario.aws.source;
    let gone = deployer(&life).await?;
    let operator = life.settings.clone().flag("--drift-interval=2s").start().await?;
    life.create(&trusting(&life, &[&gone.arn], json!({}))?).await?;
    life.settled("reader").await?;

    // By the proxy, which shows the principal's id from now on, as AWS does.
    let iam = aws_sdk_iam::Client::new(&life.through_proxy(source.administrator().clone()));
    for key in iam.list_access_keys().user_name("deployer").send().await?.access_key_metadata {
        iam.delete_access_key().user_name("deployer").set_access_key_id(key.access_key_id).send().await?;
    }
    iam.delete_user_policy().user_name("deployer").policy_name("lab").send().await?;
    iam.delete_user().user_name("deployer").send().await?;
    eventually("the missing principal is told", async || {
        let role = life.roles.get("reader").await?;
        let conditions = role.status.unwrap_or_default().conditions;
        let told = conditions.iter().find(|c| c.type_ == "RoleReady" && c.status == "False").context("RoleReady")?;
        ensure!(told.message.contains(&gone.arn), "{}", told.message);
        Ok(())
    })
    .await?;
    assert!(life.secrets.get_opt("reader").await?.is_some(), "the credentials are kept");

    let back = deployer(&life).await?;
    let role = life.settled("reader").await?.status.and_then(|s| s.role).and_then(|r| r.arn).context("no role")?;
    source.assume(&back, &role, None).await?;
    drop(operator);
    Ok(())
}

#[tokio::test]
async fn a_proof_that_could_not_be_made_after_a_change_of_trust_is_made_up_for() -> Result<()> {
    let life = Life::new("unproven").await?;
    life.patch_account(json!({"guardrails": {"principals": ["arn:aws:iam::*:*"]}})).await?;
    let deployer = deployer(&life).await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    life.proxy.reset_counts();
    let outage =
        life.proxy.on("AssumeRole").role(&life.iam_name("reader")).times(3).error(503, "ServiceUnavailable", "later");
    life.patch("reader", json!({"spec": {"trust": {"principals": [deployer.arn]}}})).await?;
    life.settled("reader").await?;
    assert_eq!(outage.hits(), 3);
    assert_eq!(life.proxy.count("AssumeRole"), 4, "three attempts that failed, and the one that AWS refused");
    Ok(())
}
