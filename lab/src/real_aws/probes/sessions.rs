//! Sessions: who gets in, for how long, with what, and until when. A refusal proves something only after the same call was allowed
//! without what it is refused for.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sts::types::Tag;
use serde_json::json;

use crate::{
    aws::{Identity, policy},
    real_aws::probe::{Probe, Subject, refused, trusting},
};

const MAKE: [&str; 3] = ["iam:CreateRole", "iam:PutRolePolicy", "sts:AssumeRole"];

pub fn probes() -> Vec<Probe> {
    vec![
        Probe {
            rule: "constraints",
            claim: "a session of 899 seconds, or with a name of one letter, is ValidationError",
            calls: &MAKE,
            ask: |subject| Box::pin(constraints(subject)),
        },
        Probe {
            rule: "evaluate",
            claim: "a role that asks for an external id refuses without it and with another",
            calls: &MAKE,
            ask: |subject| Box::pin(external_id(subject)),
        },
        Probe {
            rule: "wording",
            claim: "AccessDenied names the caller, the action and the role",
            calls: &MAKE,
            ask: |subject| Box::pin(wording(subject)),
        },
        Probe {
            rule: "assume",
            claim: "a session longer than the role's MaxSessionDuration is ValidationError",
            calls: &MAKE,
            ask: |subject| Box::pin(longest(subject)),
        },
        Probe {
            rule: "assume",
            claim: "a chained session of more than an hour is ValidationError",
            calls: &["iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateRole", "sts:AssumeRole"],
            ask: |subject| Box::pin(chained(subject)),
        },
        Probe {
            rule: "attempt",
            claim: "session tags and a source identity need permission in the trust policy",
            calls: &MAKE,
            ask: |subject| Box::pin(tags(subject)),
        },
        Probe {
            rule: "packed",
            claim: "PackedPolicySize is shown for a session policy",
            calls: &MAKE,
            ask: |subject| Box::pin(packed(subject)),
        },
        Probe {
            rule: "sessions",
            claim: "a session ends with its role",
            calls: &[
                "iam:CreateRole",
                "iam:PutRolePolicy",
                "sts:AssumeRole",
                "sts:GetCallerIdentity",
                "iam:DeleteRolePolicy",
                "iam:DeleteRole",
            ],
            ask: |subject| Box::pin(ended(subject)),
        },
    ]
}

async fn constraints(subject: &Subject<'_>) -> Result<()> {
    let role = subject.trusting_role("constraints", None).await?;
    subject.enters(&role).await?;
    refused(subject.assume(&role).duration_seconds(899).send().await, "ValidationError")?;
    refused(subject.assume(&role).role_session_name("x").send().await, "ValidationError")?;
    Ok(())
}

async fn external_id(subject: &Subject<'_>) -> Result<()> {
    let role = subject.trusting_role("external-id", Some(json!({"StringEquals": {"sts:ExternalId": "right"}}))).await?;
    let right = subject.assume(&role).external_id("right");
    subject.soon("the caller gets in with the external id", async || Ok(right.clone().send().await?)).await?;
    refused(subject.assume(&role).send().await, "AccessDenied")?;
    for wrong in ["wrong", "RIGHT"] {
        refused(subject.assume(&role).external_id(wrong).send().await, "AccessDenied")?;
    }
    Ok(())
}

async fn wording(subject: &Subject<'_>) -> Result<()> {
    let role = subject.trusting_role("wording", Some(json!({"StringEquals": {"sts:ExternalId": "right"}}))).await?;
    let message = refused(subject.assume(&role).send().await, "AccessDenied")?;
    let words =
        format!("User: {} is not authorized to perform: sts:AssumeRole on resource: {role}", subject.caller.arn);
    ensure!(message.starts_with(&words), "AWS says: {message}");
    Ok(())
}

async fn longest(subject: &Subject<'_>) -> Result<()> {
    let role = subject.trusting_role("longest", None).await?;
    subject.enters(&role).await?;
    subject.assume(&role).duration_seconds(3600).send().await?;
    refused(subject.assume(&role).duration_seconds(3601).send().await, "ValidationError")?;
    Ok(())
}

async fn chained(subject: &Subject<'_>) -> Result<()> {
    let first = subject.trusting_role("first", None).await?;
    let second = subject.role("second", &trusting(&first, None)).await?;
    let iam = subject.iam();
    let longer = iam.update_role().role_name(subject.name("second")).max_session_duration(43_200);
    subject.soon("the role can be changed", async || Ok(longer.clone().send().await?)).await?;
    let may = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": second}));
    subject.place.target.put_role_policy(&subject.name("first"), "chain", &may).await?;
    let session = subject.enters(&first).await?;
    let hour = subject.assume_as(&session, &second).duration_seconds(3600);
    subject.soon("the session gets into the second role", async || Ok(hour.clone().send().await?)).await?;
    let message = refused(subject.assume_as(&session, &second).duration_seconds(3601).send().await, "ValidationError")?;
    ensure!(message.contains("role chaining"), "AWS says: {message}");
    Ok(())
}

async fn tags(subject: &Subject<'_>) -> Result<()> {
    let role = subject.trusting_role("tags", None).await?;
    subject.enters(&role).await?;
    let tag = Tag::builder().key("project").value("probe").build()?;
    let message = refused(subject.assume(&role).tags(tag).send().await, "AccessDenied")?;
    ensure!(message.contains("sts:TagSession"), "AWS says: {message}");
    let message = refused(subject.assume(&role).source_identity("probe").send().await, "AccessDenied")?;
    ensure!(message.contains("sts:SetSourceIdentity"), "AWS says: {message}");
    Ok(())
}

#[expect(deprecated, reason = "the field that AWS has documented longest; the lab has no other")]
async fn packed(subject: &Subject<'_>) -> Result<()> {
    let role = subject.trusting_role("packed", None).await?;
    subject.enters(&role).await?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let answer = subject.assume(&role).policy(nothing.to_string()).send().await?;
    let percent = answer.packed_policy_size.context("there is no PackedPolicySize")?;
    ensure!((1..=100).contains(&percent), "it is {percent}");
    Ok(())
}

async fn ended(subject: &Subject<'_>) -> Result<()> {
    let role = subject.trusting_role("ended", None).await?;
    let session: Identity = subject.enters(&role).await?;
    let sts = subject.place.target.sts(session.credentials);
    sts.get_caller_identity().send().await?;
    let (iam, name) = (subject.iam(), subject.name("ended"));
    iam.delete_role_policy().role_name(&name).policy_name("lab").send().await?;
    iam.delete_role().role_name(&name).send().await?;
    subject
        .soon("the session has ended", async || {
            refused(sts.get_caller_identity().send().await, "InvalidClientTokenId").map(drop)
        })
        .await
}
