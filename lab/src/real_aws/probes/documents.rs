//! Policy documents: what IAM takes, and what it shows.

use anyhow::{Context as _, Result, ensure};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::{
    aws::policy,
    real_aws::probe::{Probe, Subject, refused, trusting},
};

pub fn probes() -> Vec<Probe> {
    vec![
        Probe {
            rule: "grammar",
            claim: "a trust policy that is no JSON, or has a Resource, is MalformedPolicyDocument",
            calls: &["iam:CreateRole"],
            ask: |subject| Box::pin(malformed(subject)),
        },
        Probe {
            rule: "trust",
            claim: "a principal that does not exist is MalformedPolicyDocument, Invalid principal in policy",
            calls: &["iam:CreateRole"],
            ask: |subject| Box::pin(unknown_principal(subject)),
        },
        Probe {
            rule: "trust",
            claim: "an account id becomes the ARN of its root",
            calls: &["iam:CreateRole", "iam:PutRolePolicy", "iam:GetRole"],
            ask: |subject| Box::pin(account_id(subject)),
        },
        Probe {
            rule: "trust",
            claim: "a deleted principal shows as its unique id",
            calls: &[
                "iam:CreateUser",
                "iam:PutUserPolicy",
                "iam:CreateAccessKey",
                "iam:CreateRole",
                "iam:PutRolePolicy",
                "iam:GetUser",
                "iam:ListAccessKeys",
                "iam:DeleteAccessKey",
                "iam:ListUserPolicies",
                "iam:DeleteUserPolicy",
                "iam:DeleteUser",
                "iam:GetRole",
            ],
            ask: |subject| Box::pin(deleted_principal(subject)),
        },
        Probe {
            rule: "partition",
            claim: "a resource of another partition is MalformedPolicyDocument, and a policy of another one is not attached",
            calls: &["iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy"],
            ask: |subject| Box::pin(other_partition(subject)),
        },
        Probe {
            rule: "quotas",
            claim: "more than 10,240 characters of inline policies are LimitExceeded",
            calls: &["iam:CreateRole", "iam:PutRolePolicy"],
            ask: |subject| Box::pin(inline_quota(subject)),
        },
    ]
}

async fn malformed(subject: &Subject<'_>) -> Result<()> {
    let mut with_resource = trusting(&subject.caller.arn, None);
    with_resource["Resource"] = "*".into();
    for document in ["hello".to_owned(), policy(&with_resource).to_string()] {
        let create = subject.iam().create_role().role_name(subject.name("malformed")).path(subject.place.names.path());
        refused(create.assume_role_policy_document(document).send().await, "MalformedPolicyDocument")?;
    }
    Ok(())
}

async fn unknown_principal(subject: &Subject<'_>) -> Result<()> {
    let nobody = subject.place.source.arn(&format!("user{}{}", subject.place.names.path(), subject.name("nobody")));
    let create = subject.iam().create_role().role_name(subject.name("nobody")).path(subject.place.names.path());
    let create = create.assume_role_policy_document(policy(&trusting(&nobody, None)).to_string());
    let message = refused(create.send().await, "MalformedPolicyDocument")?;
    ensure!(message.contains("Invalid principal in policy"), "AWS says: {message}");
    Ok(())
}

async fn account_id(subject: &Subject<'_>) -> Result<()> {
    let source = &subject.place.source;
    subject.role("account-id", &trusting(source.id(), None)).await?;
    let principal = shown_principal(subject, "account-id").await?;
    ensure!(principal == source.arn("root"), "the trust policy names {principal}");
    Ok(())
}

async fn deleted_principal(subject: &Subject<'_>) -> Result<()> {
    let (source, name) = (&subject.place.source, subject.name("leaver"));
    let nothing = policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
    let leaver = source.create_user(&name, &nothing).await?;
    subject.role("left", &trusting(&leaver.arn, None)).await?;
    let iam = source.iam();
    let id = iam.get_user().user_name(&name).send().await?.user.context("GetUser gave no user")?.user_id;
    super::super::cleaning::remove_user(iam, &name).await?;
    subject
        .soon("the trust policy names the unique id", async || {
            let principal = shown_principal(subject, "left").await?;
            ensure!(principal == id.as_str(), "it names {principal}");
            Ok(())
        })
        .await
}

async fn other_partition(subject: &Subject<'_>) -> Result<()> {
    subject.trusting_role("partition", None).await?;
    let other = if subject.place.target.partition() == "aws" { "aws-cn" } else { "aws" };
    let read = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": format!("arn:{other}:s3:::reports/*")});
    let put = subject.iam().put_role_policy().role_name(subject.name("partition")).policy_name("read");
    let message = refused(put.policy_document(policy(&read).to_string()).send().await, "MalformedPolicyDocument")?;
    ensure!(message.contains(&format!("Partition \"{other}\" is not valid for resource")), "AWS says: {message}");
    let attach = subject.iam().attach_role_policy().role_name(subject.name("partition"));
    let attach = attach.policy_arn(format!("arn:{other}:iam::aws:policy/AmazonS3ReadOnlyAccess"));
    refused(attach.send().await, "ValidationError")?;
    Ok(())
}

async fn inline_quota(subject: &Subject<'_>) -> Result<()> {
    subject.trusting_role("quota", None).await?;
    let partition = subject.place.target.partition();
    let buckets: Vec<String> = (0..450).map(|number| format!("arn:{partition}:s3:::bucket-{number}/*")).collect();
    let read = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": buckets}));
    let put = subject.iam().put_role_policy().role_name(subject.name("quota")).policy_name("read");
    refused(put.policy_document(read.to_string()).send().await, "LimitExceeded")?;
    Ok(())
}

/// The one principal of a role's trust policy, as IAM shows it.
async fn shown_principal(subject: &Subject<'_>, what: &str) -> Result<Value> {
    let get = subject.iam().get_role().role_name(subject.name(what));
    let shown = subject.soon("the role is shown", async || Ok(get.clone().send().await?)).await?;
    let role = shown.role.context("GetRole gave no role")?;
    let encoded = role.assume_role_policy_document.context("the role has no trust policy")?;
    let trust: Value = serde_json::from_str(&percent_decode_str(&encoded).decode_utf8()?)?;
    let statement = if trust["Statement"].is_array() { &trust["Statement"][0] } else { &trust["Statement"] };
    let principal = &statement["Principal"]["AWS"];
    Ok(if principal.is_array() { principal[0].clone() } else { principal.clone() })
}
