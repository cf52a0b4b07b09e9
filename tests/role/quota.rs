//! Room for a denial: the inline policies of a role share 10,240 characters, and a denial is one of them.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AccountRef, SourceGrant};
use serde_json::{Value, json};

use lab::{aws::policy, deployment::Deployment, env::declare::document, wait::eventually};

/// All inline policies of a role together, in characters without white space (IAM user guide, "IAM and STS quotas").
const INLINE_QUOTA: usize = 10_240;

/// A policy of this size that allows something of no use here.
fn filler(size: usize) -> Value {
    let of = |padding: usize| {
        let resource = format!("arn:aws:s3:::{}", "x".repeat(padding));
        policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}))
    };
    of(size.saturating_sub(of(0).to_string().len()))
}

/// Fills the inline quota of a role but for a few characters, by an administrator's hand.
async fn fill(deployment: &Deployment, name: &str) -> Result<()> {
    let (target, role) = (&deployment.env.aws.target, deployment.env.iam_name(name));
    let used: usize = target.inline_policies(&role).await?.values().map(|document| document.to_string().len()).sum();
    target.put_role_policy(&role, "filler", &filler(INLINE_QUOTA - used - 21)).await
}

#[tokio::test]
async fn a_full_inline_quota_does_not_keep_a_withdrawn_role_open() -> Result<()> {
    let deployment = Deployment::new("full").await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    fill(&deployment, "reader").await?;

    deployment.withdraw().await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await?;
    deployment.env.shows("reader", "False", "NotAllowed").await?;

    deployment.give_back().await?;
    deployment.env.settled("reader").await?;
    deployment.works(&deployment.deployer, "reader").await?;
    deployment.is_dead_now(&session).await
}

#[tokio::test]
async fn a_full_inline_quota_does_not_hold_up_a_deletion() -> Result<()> {
    let deployment = Deployment::new("full-end").await?;
    let _operator = deployment.env.start().await?;
    deployment.ready_and_in_use("reader").await?;
    fill(&deployment, "reader").await?;

    deployment.delete("reader").await?;
    let left = deployment.env.aws.target.role(&deployment.env.iam_name("reader")).await?;
    ensure!(left.is_none(), "the role stays: {left:?}");
    Ok(())
}

#[tokio::test]
async fn a_declaration_that_leaves_no_room_for_a_denial_is_refused_before_anything_is_made() -> Result<()> {
    let deployment = Deployment::new("brimful").await?;
    let _operator = deployment.env.start().await?;
    let mut role = deployment.env.role("reader");
    let source = document(&filler(INLINE_QUOTA - 21));
    role.spec.role.inline_policies = [("filler".to_owned(), source)].into();
    deployment.env.create(&role).await?;
    let message = deployment.env.shows("reader", "False", "LimitExceeded").await?;
    ensure!(message.contains("inlinePolicies"), "{message}");
    ensure!(deployment.env.aws.target.role(&deployment.env.iam_name("reader")).await?.is_none(), "there is a role");
    Ok(())
}

#[tokio::test]
async fn grants_that_others_give_to_a_role_leave_room_for_its_denial() -> Result<()> {
    const TAKEN: usize = 9_600;
    let deployment = Deployment::new("crowded").await?;
    let _operator = deployment.env.start().await?;
    let mut role = deployment.open_role("reader");
    let declared = role.spec.role.inline_policies.values().map(|policy| policy.as_json().len());
    let rest = TAKEN - declared.sum::<usize>();
    role.spec.role.inline_policies.insert("filler".to_owned(), document(&filler(rest)));
    deployment.env.create(&role).await?;
    deployment.env.settled("reader").await?;
    let session = deployment.assume(&deployment.deployer, "reader").await?;
    deployment.runs_errand(&session).await?;

    // Four lines more in its inline policies, by objects that stay within the guardrails.
    for number in 1..=4 {
        let mut giver = deployment.env.role(&format!("giver-{number}-{}", "x".repeat(40)));
        let account_ref = AccountRef { name: deployment.env.namespace.clone() };
        let role = Some(deployment.env.iam_name("reader"));
        giver.spec.source_grants = vec![SourceGrant { account_ref, role, ..SourceGrant::default() }];
        let name = deployment.env.create(&giver).await?.metadata.name.unwrap_or_default();
        eventually("its grant is given, or refused for want of room", async || {
            let conditions = deployment.env.roles.get(&name).await?.status.unwrap_or_default().conditions;
            let ready = conditions.iter().find(|c| c.type_ == "SourceGrantsReady").context("not looked at yet")?;
            ensure!(["Available", "LimitExceeded"].contains(&ready.reason.as_str()), "{ready:?}");
            Ok(())
        })
        .await?;
    }
    deployment.env.patch_account(json!({"guardrails": {"principals": [], "actions": ["s3:*"]}})).await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await
}
