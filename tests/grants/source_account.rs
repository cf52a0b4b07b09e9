//! What becomes of grants when their source account no longer allows them, is not Ready, or is deleted.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::ConditionType;
use kube::api::DeleteParams;
use serde_json::json;

use super::{
    refusals::{account_gone, degraded},
    stage::{assumes, granting, grants_ready, is_denied, lab, may_assume, source_name, to_user, trusting, user},
};
use lab::wait::eventually;

#[tokio::test]
async fn a_deleted_source_account_takes_its_grants_back_and_stays_while_an_object_names_it() -> Result<()> {
    let env = lab("grant-account").await?;
    user(&env, "deployer").await?;
    let operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "deployer")])).await?;
    env.settled("reader").await?;

    let source = source_name(&env);
    env.accounts.delete(&source, &DeleteParams::default()).await?;
    let message = grants_ready(&env, "reader", "False", "NotAllowed").await?;
    assert!(message.contains("is being deleted"), "{message}");
    assert_eq!(may_assume(&env, "deployer").await?, None);
    degraded(&env, "reader").await?;
    // The object still declares the grant, so it stays however often they are looked at.
    for _ in 0..3 {
        env.wake(&operator, "reader").await?;
    }
    eventually("the account names the object that it waits for", async || {
        let account = env.accounts.get_opt(&source).await?.context("the account is gone")?;
        let conditions = account.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
        let ready = ready.context("there is no condition Ready")?;
        let waits = ready.reason == "Deleting" && ready.message.contains(&format!("{}/reader", env.namespace));
        ensure!(waits, "{} {}", ready.reason, ready.message);
        Ok(())
    })
    .await?;

    env.patch("reader", json!({"spec": {"sourceGrants": []}})).await?;
    account_gone(&env).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_source_account_that_is_not_ready_keeps_what_is_given_and_heals_by_itself() -> Result<()> {
    let env = lab("grant-unready").await?;
    let deployer = user(&env, "deployer").await?;
    let _operator = env.start().await?;
    let role = granting(&env, "reader", vec![to_user(&env, "deployer")]);
    env.create(&trusting(role, &[&deployer.arn])).await?;
    env.settled("reader").await?;

    let source = source_name(&env);
    let hop = json!([{"roleArn": format!("arn:aws:iam::{}:role/nobody", env.aws.source.id())}]);
    env.patch_any_account(&source, json!({"spec": {"access": {"chain": hop}}})).await?;
    env.patch("reader", json!({"spec": {"role": {"description": "Another generation"}}})).await?;
    let message = grants_ready(&env, "reader", "False", "AccountNotReady").await?;
    assert!(message.contains(&source), "{message}");
    degraded(&env, "reader").await?;
    assumes(&env, &deployer, "reader").await?;

    env.patch_any_account(&source, json!({"spec": {"access": {"chain": []}}})).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_the_source_account_no_longer_allows_loses_its_grant_and_keeps_its_credentials() -> Result<()>
{
    let env = lab("grant-closed").await?;
    let deployer = user(&env, "deployer").await?;
    let _operator = env.start().await?;
    env.create(&trusting(granting(&env, "reader", vec![to_user(&env, "deployer")]), &[&deployer.arn])).await?;
    env.settled("reader").await?;
    assumes(&env, &deployer, "reader").await?;

    let source = source_name(&env);
    env.patch_any_account(&source, json!({"spec": {"allowedNamespaces": {"names": []}}})).await?;
    let message = grants_ready(&env, "reader", "False", "NotAllowed").await?;
    assert!(message.contains(&source) && message.contains(&env.namespace), "{message}");
    assert_eq!(may_assume(&env, "deployer").await?, None);
    is_denied(&env, &deployer, "reader").await?;
    degraded(&env, "reader").await?;

    env.patch_any_account(&source, json!({"spec": {"allowedNamespaces": {"names": [env.namespace]}}})).await?;
    env.settled("reader").await?;
    assumes(&env, &deployer, "reader").await
}
