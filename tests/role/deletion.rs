//! What becomes of a role when its object is deleted: one that is no longer declared as the operator's, and one that IAM does
//! not let go.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use lab::{aws::Identity, deployment::Deployment, env::MANAGED, wait::eventually};

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

/// Deletes `reader` while the manager may not do this. Waits until the role is closed, and fails unless that was done right
/// after the refusal, without another look at its policies: the next try may come minutes later.
async fn closed_at_once_without(name: &str, action: &str) -> Result<()> {
    let deployment = Deployment::new(name).await?;
    let env = &deployment.env;
    let _operator = env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    env.patch("reader", json!({"spec": {"role": {"managedPolicyArns": [MANAGED]}}})).await?;
    env.settled("reader").await?;
    let denied = format!("not authorized to perform: iam:{action}");
    env.proxy.on(action).role(&env.iam_name("reader")).error(403, "AccessDenied", &denied);
    env.proxy.reset_counts();
    env.roles.delete("reader", &kube::api::DeleteParams::default()).await?;
    deployment.is_shut_out("reader", &session).await?;
    env.is_closed("reader").await?;

    let role = Some(env.iam_name("reader"));
    let calls = env.proxy.calls_that(|call| call.service == "iam" && call.role == role);
    let refused = calls.iter().position(|call| call.action == action).context("it was not tried")?;
    let after: Vec<&str> = calls[refused..].iter().map(|call| call.action.as_str()).collect();
    let closed = after.iter().position(|action| *action == "PutRolePolicy").context("nothing was denied after that")?;
    ensure!(!after[..closed].contains(&"ListRolePolicies"), "the role was closed only in another pass: {after:?}");
    eventually("the object says what is missing", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains(&format!("iam:{action}")), "{told}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_role_whose_policy_cannot_be_detached_is_closed_when_its_object_is_deleted() -> Result<()> {
    closed_at_once_without("undetachable", "DetachRolePolicy").await
}

#[tokio::test]
async fn a_role_that_cannot_be_deleted_is_closed_when_its_object_is_deleted() -> Result<()> {
    closed_at_once_without("undeletable", "DeleteRole").await
}

/// The SDK sends `DeleteRole` again, and IAM then judges a role without a path: the manager may write under one path only.
#[tokio::test]
async fn a_deletion_whose_answer_is_lost_ends_although_the_manager_is_refused_a_role_that_is_gone() -> Result<()> {
    let deployment = Deployment::new("lost-deletion").await?;
    let env = &deployment.env;
    let _operator = env.start().await?;
    deployment.ready_and_in_use("reader").await?;
    env.proxy.on("DeleteRole").times(1).drop_response();
    env.proxy.reset_counts();
    env.roles.delete("reader", &kube::api::DeleteParams::default()).await?;
    env.is_gone_with_its_role("reader").await?;
    let deletions = env.proxy.calls_that(|call| call.action == "DeleteRole");
    let statuses: Vec<Option<u16>> = deletions.iter().map(lab::aws_proxy::RecordedCall::status).collect();
    assert_eq!(statuses, [None, Some(403)]);
    Ok(())
}
