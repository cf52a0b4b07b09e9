//! What becomes of a role that its object no longer declares as the operator's when it is deleted.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use lab::{aws::Identity, deployment::Deployment, wait::eventually};

/// Edits and deletes `reader` in one go, as far as the operator can see. Gives the deployer's session.
async fn edited_and_deleted(deployment: &Deployment, role: Value) -> Result<Identity> {
    let operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    operator.stop().await?;
    deployment.env.patch("reader", json!({"spec": {"role": role}})).await?;
    deployment.env.roles.delete("reader", &kube::api::DeleteParams::default()).await?;
    Ok(session)
}

async fn is_gone_from_aws(deployment: &Deployment, session: &Identity) -> Result<()> {
    deployment.env.gone("reader").await?;
    deployment.is_kept_out_now("reader").await?;
    deployment.is_dead_now(session).await?;
    let left = deployment.env.aws.target.role(&deployment.env.iam_name("reader")).await?;
    ensure!(left.is_none(), "the role stays: {left:?}");
    Ok(())
}

#[tokio::test]
async fn a_role_that_the_operator_made_goes_although_it_was_declared_observed_at_the_last_moment() -> Result<()> {
    let deployment = Deployment::new("last-word").await?;
    let session = edited_and_deleted(&deployment, json!({"lifecycle": "Observe"})).await?;
    let _operator = deployment.env.start().await?;
    is_gone_from_aws(&deployment, &session).await
}

#[tokio::test]
async fn an_edit_and_a_deletion_in_the_middle_of_a_reconcile_leave_no_role_behind() -> Result<()> {
    let deployment = Deployment::new("mid-word").await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    let hang = deployment.env.proxy.on("UpdateRole").role(&deployment.env.iam_name("reader")).hang();
    deployment.env.patch("reader", json!({"spec": {"role": {"description": "changed"}}})).await?;
    eventually("a reconcile is under way", async || {
        ensure!(hang.hits() > 0, "it is not");
        Ok(())
    })
    .await?;
    deployment.env.patch("reader", json!({"spec": {"role": {"lifecycle": "Observe"}}})).await?;
    deployment.env.roles.delete("reader", &kube::api::DeleteParams::default()).await?;
    hang.release();
    is_gone_from_aws(&deployment, &session).await
}

#[tokio::test]
async fn a_role_that_the_operator_made_is_not_kept_open_by_declaring_it_adopted_where_that_is_not_allowed() -> Result<()>
{
    let deployment = Deployment::new("last-adoption").await?;
    let session = edited_and_deleted(&deployment, json!({"lifecycle": "Adopt"})).await?;
    let _operator = deployment.env.start().await?;
    deployment.env.gone("reader").await?;
    deployment.is_kept_out_now("reader").await?;
    deployment.is_dead_now(&session).await
}

#[tokio::test]
async fn a_role_is_not_kept_open_by_a_deletion_policy_that_the_account_does_not_allow() -> Result<()> {
    let deployment = Deployment::new("last-retain").await?;
    let session = edited_and_deleted(&deployment, json!({"deletionPolicy": "Retain"})).await?;
    let _operator = deployment.env.start().await?;
    deployment.env.gone("reader").await?;
    deployment.is_kept_out_now("reader").await?;
    deployment.is_dead_now(&session).await
}
