//! Grants that may not be given, or cannot.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, annotation};
use kube::api::DeleteParams;
use serde_json::json;

use super::lab::{
    accounts, assumes, create, gone, granting, grants_ready, is_denied, lab, may_assume, patch_account, role_arn,
    source_name, to_user, trusting, user,
};
use crate::support::{life::Life, wait::eventually};

/// Wakes the reconcile of an object, as any edit of it would.
async fn wake(life: &Life, name: &str, value: &str) -> Result<()> {
    life.patch(name, json!({"metadata": {"annotations": {"woken": value}}})).await
}

/// Waits until `Ready` is `True Degraded`: the object's own credentials are good.
async fn degraded(life: &Life, name: &str) -> Result<()> {
    eventually("Ready is Degraded", async || {
        let conditions = life.roles.get(name).await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
        let ready = ready.context("there is no condition Ready")?;
        ensure!(ready.status == "True" && ready.reason == "Degraded", "{}: {}", ready.reason, ready.message);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_namespace_that_the_source_account_no_longer_allows_loses_its_grant_and_keeps_its_credentials() -> Result<()>
{
    let life = lab("grant-closed").await?;
    let deployer = user(&life, "deployer").await?;
    let _operator = life.start().await?;
    create(&life, &trusting(granting(&life, "reader", vec![to_user(&life, "deployer")]), &[&deployer.arn])).await?;
    life.settled("reader").await?;
    assumes(&life, &deployer, "reader").await?;

    let source = source_name(&life);
    patch_account(&life, &source, json!({"spec": {"allowedNamespaces": {"names": []}}})).await?;
    let message = grants_ready(&life, "reader", "False", "NotAllowed").await?;
    assert!(message.contains(&source) && message.contains(&life.scenario.namespace), "{message}");
    assert_eq!(may_assume(&life, "deployer").await?, None);
    is_denied(&life, &deployer, "reader").await?;
    degraded(&life, "reader").await?;

    patch_account(&life, &source, json!({"spec": {"allowedNamespaces": {"names": [life.scenario.namespace]}}})).await?;
    life.settled("reader").await?;
    assumes(&life, &deployer, "reader").await
}

#[tokio::test]
async fn only_principals_that_the_guardrail_names_by_their_arn_with_path_are_given_anything() -> Result<()> {
    let life = lab("grant-guarded").await?;
    let source = &life.scenario.aws.source;
    source.iam().create_user().user_name("inside").path("/ci/").send().await?;
    source.iam().create_user().user_name("outside").path("/admins/").send().await?;
    let globs = json!([format!("arn:aws:iam::{}:user/ci/*", source.id())]);
    patch_account(&life, &source_name(&life), json!({"spec": {"guardrails": {"grantees": globs}}})).await?;
    let _operator = life.start().await?;
    create(&life, &granting(&life, "reader", vec![to_user(&life, "inside"), to_user(&life, "outside")])).await?;
    let message = grants_ready(&life, "reader", "False", "NotAllowed").await?;
    assert!(message.contains("user/admins/outside") && message.contains("guardrails.grantees"), "{message}");
    degraded(&life, "reader").await?;
    assert_eq!(may_assume(&life, "inside").await?, Some([role_arn(&life, "reader")].into()));
    assert_eq!(may_assume(&life, "outside").await?, None);

    // What was allowed yesterday and is not today goes.
    patch_account(&life, &source_name(&life), json!({"spec": {"guardrails": {"grantees": []}}})).await?;
    eventually("the grant is taken back", async || {
        let lines = may_assume(&life, "inside").await?;
        ensure!(lines.is_none(), "{lines:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_user_is_named_and_given_its_permission_once_it_is_there() -> Result<()> {
    let life = lab("grant-missing").await?;
    let _operator = life.start().await?;
    create(&life, &granting(&life, "reader", vec![to_user(&life, "deployer")])).await?;
    let message = grants_ready(&life, "reader", "False", "PrincipalNotFound").await?;
    for told in ["user deployer", life.scenario.aws.source.id(), &source_name(&life)] {
        assert!(message.contains(told), "{told}: {message}");
    }
    degraded(&life, "reader").await?;

    let deployer = user(&life, "deployer").await?;
    wake(&life, "reader", "now").await?;
    life.settled("reader").await?;
    life.patch("reader", json!({"spec": {"trust": {"principals": [deployer.arn]}}})).await?;
    assumes(&life, &deployer, "reader").await
}

#[tokio::test]
async fn a_user_and_an_account_that_are_gone_do_not_hold_a_deletion() -> Result<()> {
    let life = lab("grant-left").await?;
    user(&life, "deployer").await?;
    life.scenario.aws.source.iam().create_user().user_name("leaving").send().await?;
    let _operator = life.start().await?;
    create(&life, &granting(&life, "first", vec![to_user(&life, "leaving")])).await?;
    create(&life, &granting(&life, "second", vec![to_user(&life, "deployer")])).await?;
    life.settled("first").await?;
    life.settled("second").await?;

    let iam = life.scenario.aws.source.iam();
    iam.delete_user_policy().user_name("leaving").policy_name(super::POLICY).send().await?;
    iam.delete_user().user_name("leaving").send().await?;
    life.roles.delete("first", &DeleteParams::default()).await?;
    gone(&life, "first").await?;

    // The way into the account is lost, and somebody said so.
    iam.delete_user_policy().user_name("crossaccount-operator").policy_name("grants").send().await?;
    let source = source_name(&life);
    patch_account(&life, &source, json!({"metadata": {"annotations": {annotation::ABANDON: "true"}}})).await?;
    accounts(&life).delete(&source, &DeleteParams::default()).await?;
    account_gone(&life).await?;
    life.roles.delete("second", &DeleteParams::default()).await?;
    gone(&life, "second").await
}

async fn account_gone(life: &Life) -> Result<()> {
    eventually("the account is gone", async || {
        let account = accounts(life).get_opt(&source_name(life)).await?;
        ensure!(account.is_none(), "{:?}", account.and_then(|account| account.status));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_source_account_is_held_until_what_was_given_in_it_is_taken_back() -> Result<()> {
    let life = lab("grant-account").await?;
    user(&life, "deployer").await?;
    let _operator = life.start().await?;
    create(&life, &granting(&life, "reader", vec![to_user(&life, "deployer")])).await?;
    life.settled("reader").await?;

    accounts(&life).delete(&source_name(&life), &DeleteParams::default()).await?;
    account_gone(&life).await?;
    assert_eq!(may_assume(&life, "deployer").await?, None);
    grants_ready(&life, "reader", "False", "NotAllowed").await?;
    degraded(&life, "reader").await
}

#[tokio::test]
async fn a_source_account_that_is_not_ready_keeps_what_is_given_and_heals_by_itself() -> Result<()> {
    let life = lab("grant-unready").await?;
    let deployer = user(&life, "deployer").await?;
    let _operator = life.start().await?;
    let role = granting(&life, "reader", vec![to_user(&life, "deployer")]);
    create(&life, &trusting(role, &[&deployer.arn])).await?;
    life.settled("reader").await?;

    let source = source_name(&life);
    let hop = json!([{"roleArn": format!("arn:aws:iam::{}:role/nobody", life.scenario.aws.source.id())}]);
    patch_account(&life, &source, json!({"spec": {"access": {"chain": hop}}})).await?;
    life.patch("reader", json!({"spec": {"role": {"description": "Another generation"}}})).await?;
    let message = grants_ready(&life, "reader", "False", "AccountNotReady").await?;
    assert!(message.contains(&source), "{message}");
    degraded(&life, "reader").await?;
    assumes(&life, &deployer, "reader").await?;

    patch_account(&life, &source, json!({"spec": {"access": {"chain": []}}})).await?;
    life.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_missing_permission_of_the_manager_is_named_with_its_principal_and_holds_a_deletion_until_abandoned()
-> Result<()> {
    let life = lab("grant-denied").await?;
    user(&life, "deployer").await?;
    user(&life, "second").await?;
    let _operator = life.start().await?;
    create(&life, &granting(&life, "reader", vec![to_user(&life, "deployer")])).await?;
    life.settled("reader").await?;

    let iam = life.scenario.aws.source.iam();
    iam.delete_user_policy().user_name("crossaccount-operator").policy_name("grants").send().await?;
    life.patch("reader", json!({"spec": {"sourceGrants": [to_user(&life, "deployer"), to_user(&life, "second")]}}))
        .await?;
    let message = grants_ready(&life, "reader", "False", "ManagerDenied").await?;
    for told in ["user second", "Allow iam:GetUser"] {
        assert!(message.contains(told), "{told}: {message}");
    }
    degraded(&life, "reader").await?;
    assert!(may_assume(&life, "deployer").await?.is_some(), "what was given stays");

    life.roles.delete("reader", &DeleteParams::default()).await?;
    let held = eventually("the deletion is held", async || {
        let conditions = life.roles.get("reader").await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::SourceGrantsReady.to_string());
        let message = ready.context("there is no condition SourceGrantsReady")?.message;
        ensure!(message.contains("cannot be taken back"), "{message}");
        Ok(message)
    })
    .await?;
    assert!(held.contains("user/deployer") && held.contains(annotation::ABANDON), "{held}");
    assert!(life.scenario.aws.target.role(&life.iam_name("reader")).await?.is_some(), "the role waits for its grants");

    life.patch("reader", json!({"metadata": {"annotations": {annotation::ABANDON: "true"}}})).await?;
    gone(&life, "reader").await?;
    assert!(life.scenario.aws.target.role(&life.iam_name("reader")).await?.is_none(), "what can be cleaned is");
    Ok(())
}

#[tokio::test]
async fn an_object_that_loses_its_own_permission_loses_its_grants() -> Result<()> {
    let life = lab("grant-withdrawn").await?;
    let deployer = user(&life, "deployer").await?;
    let _operator = life.start().await?;
    create(&life, &trusting(granting(&life, "reader", vec![to_user(&life, "deployer")]), &[&deployer.arn])).await?;
    life.settled("reader").await?;

    // Not the namespace is refused, but what the object declares.
    let account = life.scenario.namespace.clone();
    patch_account(&life, &account, json!({"spec": {"guardrails": {"actions": ["sqs:*"]}}})).await?;
    grants_ready(&life, "reader", "False", "NotAllowed").await?;
    assert_eq!(may_assume(&life, "deployer").await?, None);

    patch_account(&life, &account, json!({"spec": {"guardrails": {"actions": null}}})).await?;
    life.settled("reader").await?;
    assumes(&life, &deployer, "reader").await
}
