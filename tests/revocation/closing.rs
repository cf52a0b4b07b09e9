//! A withdrawal closes the role in AWS, whatever else fails or takes its time meanwhile.

use std::time::Duration;

use anyhow::{Result, ensure};
use crossaccount::api::annotation;
use jiff::Timestamp;
use serde_json::json;

use lab::{
    aws::{Identity, policy},
    deployment::Deployment,
    operator::Operator,
    wait::eventually,
};

/// Denies the manager of account B these actions.
async fn deny_the_manager(deployment: &Deployment, actions: &[&str]) -> Result<()> {
    let denied = policy(&json!({"Effect": "Deny", "Action": actions, "Resource": "*"}));
    deployment.env.aws.target.put_role_policy("crossaccount-manager", "deny", &denied).await
}

async fn allow_the_manager(deployment: &Deployment) -> Result<()> {
    let iam = deployment.env.aws.target.iam();
    iam.delete_role_policy().role_name("crossaccount-manager").policy_name("deny").send().await?;
    Ok(())
}

/// An operator that comes back and cannot learn who it is itself.
async fn restarted_without_identity(
    deployment: &Deployment,
    change: impl AsyncFnOnce() -> Result<()>,
) -> Result<(Identity, Operator)> {
    let operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    operator.stop().await?;
    let source = deployment.env.aws.source.id();
    deployment.env.proxy.on("GetCallerIdentity").account(source).error(503, "ServiceUnavailable", "try later");
    change().await?;
    Ok((session, deployment.env.start().await?))
}

#[tokio::test]
async fn an_operator_that_does_not_know_itself_withdraws_all_the_same() -> Result<()> {
    let deployment = Deployment::new("nameless").await?;
    let (session, _operator) = restarted_without_identity(&deployment, async || deployment.withdraw().await).await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.shows("reader", "False", "NotAllowed").await?;
    deployment.everything_is_denied("reader").await?;

    deployment.env.proxy.clear_faults();
    deployment.env.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    deployment.env.is_closed("reader").await
}

#[tokio::test]
async fn an_operator_that_does_not_know_itself_enforces_a_tightened_guardrail() -> Result<()> {
    let deployment = Deployment::new("nameless-wide").await?;
    let tightened = json!({"guardrails": {"principals": [], "actions": ["s3:*"]}});
    let change = async || deployment.env.patch_account(tightened).await;
    let (session, _operator) = restarted_without_identity(&deployment, change).await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.everything_is_denied("reader").await
}

#[tokio::test]
async fn no_session_begun_while_the_trust_policy_is_being_closed_outlives_the_withdrawal() -> Result<()> {
    let deployment = Deployment::new("slow-close").await?;
    let _operator = deployment.env.start().await?;
    deployment.ready_and_in_use("reader").await?;
    let slow = deployment.env.proxy.on("UpdateAssumeRolePolicy").latency(Duration::from_secs(3));
    deployment.withdraw().await?;
    eventually("the trust policy is being closed", async || {
        ensure!(slow.hits() > 0, "it is not");
        Ok(())
    })
    .await?;
    // As somebody would who sees the end coming: one session after the other until the trust policy is closed.
    let mut sessions = Vec::new();
    while answered(&deployment, "UpdateAssumeRolePolicy") == 0 {
        sessions.extend(deployment.assume(&deployment.deployer, "reader").await.ok());
    }
    ensure!(sessions.len() > 1, "{} sessions were begun", sessions.len());
    slow.release();
    deployment.env.shows("reader", "False", "NotAllowed").await?;
    all_dead(&deployment, &sessions).await?;
    deployment.env.is_closed("reader").await?;

    deployment.give_back().await?;
    deployment.env.settled("reader").await?;
    deployment.works(&deployment.deployer, "reader").await?;
    all_dead(&deployment, &sessions).await
}

/// How many calls of an action AWS has answered.
fn answered(deployment: &Deployment, action: &str) -> usize {
    deployment.env.proxy.calls_that(|call| call.action == action && call.status().is_some()).len()
}

/// Fails with the number of sessions that can still run the errand.
async fn all_dead(deployment: &Deployment, sessions: &[Identity]) -> Result<()> {
    let mut alive = 0;
    for session in sessions {
        alive += usize::from(deployment.is_dead_now(session).await.is_err());
    }
    ensure!(alive == 0, "{alive} of {} sessions still run the errand", sessions.len());
    Ok(())
}

#[tokio::test]
async fn no_session_begun_before_the_end_of_a_requested_revocation_outlives_it() -> Result<()> {
    let deployment = Deployment::new("slow-revoke").await?;
    let _operator = deployment.env.start().await?;
    let mut sessions = vec![deployment.ready_and_in_use("reader").await?];
    let before = deployment.env.settled("reader").await?;
    let slow = deployment.env.proxy.on("PutRolePolicy").times(1).latency(Duration::from_secs(3));
    let now = Timestamp::now().to_string();
    let key = annotation::REVOKE_REQUESTED_AT;
    deployment.env.patch("reader", json!({"metadata": {"annotations": {key: now}}})).await?;
    eventually("the denial is being written", async || {
        ensure!(slow.hits() > 0, "it is not");
        Ok(())
    })
    .await?;
    let begun_before = answered(&deployment, "PutRolePolicy");
    loop {
        let session = deployment.assume(&deployment.deployer, "reader").await?;
        if answered(&deployment, "PutRolePolicy") > begun_before {
            break;
        }
        sessions.push(session);
    }
    ensure!(sessions.len() > 1, "{} sessions were begun", sessions.len());
    deployment.env.issued_again("reader", &before).await?;
    all_dead(&deployment, &sessions).await?;
    deployment.works(&deployment.deployer, "reader").await
}

#[tokio::test]
async fn a_manager_that_may_not_close_the_trust_policy_still_denies_all_sessions() -> Result<()> {
    let deployment = Deployment::new("no-trust").await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    deny_the_manager(&deployment, &["iam:UpdateAssumeRolePolicy"]).await?;

    deployment.withdraw().await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.everything_is_denied("reader").await?;
    allow_the_manager(&deployment).await?;
    deployment.env.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    deployment.env.is_closed("reader").await
}

#[tokio::test]
async fn a_manager_that_may_not_read_policies_still_closes_the_role() -> Result<()> {
    let deployment = Deployment::new("no-reads").await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    deny_the_manager(&deployment, &["iam:ListRolePolicies", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies"])
        .await?;

    deployment.withdraw().await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await
}

#[tokio::test]
async fn a_manager_that_may_not_put_the_boundary_on_still_closes_what_goes_beyond_the_guardrails() -> Result<()> {
    let deployment = Deployment::new("no-boundary").await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    // The declaration is no measure, so what stands is.
    let bad = json!({"bad": {"Version": "2012-10-17"}, "errand": null});
    deployment
        .env
        .patch("reader", json!({"spec": {"role": {"inlinePolicies": bad}, "trust": {"principals": []}}}))
        .await?;
    deployment.env.shows("reader", "True", "Degraded").await?;
    deny_the_manager(&deployment, &["iam:PutRolePermissionsBoundary"]).await?;
    let all = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let another = deployment.env.aws.target.create_policy("another", &all).await?;
    deployment.env.aws.also_bound_by(&another).await?;
    let tightened = json!({"permissionsBoundary": another, "principals": [], "actions": ["s3:*"]});
    deployment.env.patch_account(json!({ "guardrails": tightened })).await?;

    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await
}
