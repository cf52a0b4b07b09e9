//! What an edit takes away goes first, and nothing else in the edit holds it up.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use lab::{
    aws::policy,
    deployment::{Deployment, refused},
    env::{MANAGED, declare::document},
    wait::eventually,
};

/// An inline policy that allows the errand.
fn wide(deployment: &Deployment) -> Value {
    policy(
        &json!({"Effect": "Allow", "Action": ["s3:GetObject", "sts:AssumeRole"], "Resource": ["*", deployment.errand]}),
    )
}

/// An inline policy that does not.
fn narrow() -> Value {
    policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}))
}

/// Creates `reader`, whose one inline policy `work` allows the errand, and which trusts these principals.
async fn wide_reader(deployment: &Deployment, principals: &[&str], conditions: Value) -> Result<()> {
    let mut role = deployment.env.role("reader");
    role.spec.role.inline_policies = [("work".to_owned(), document(&wide(deployment)))].into();
    role.spec.trust.principals = principals.iter().map(|&arn| arn.to_owned()).collect();
    role.spec.trust.conditions = serde_json::from_value(conditions)?;
    deployment.env.create(&role).await?;
    deployment.env.settled("reader").await?;
    Ok(())
}

/// Waits until what the declaration of `work` no longer allows is gone from AWS, for the published session as well. The rest
/// of it may be missing while other steps fail.
async fn work_is_narrowed(deployment: &Deployment) -> Result<()> {
    eventually("the inline policy is narrowed", async || {
        let inline = deployment.env.aws.target.inline_policies(&deployment.env.iam_name("reader")).await?;
        let work = inline.get("work").unwrap_or(&Value::Null);
        ensure!(!work.to_string().contains("sts:AssumeRole"), "it allows {work}");
        deployment.is_dead_now(&deployment.env.copied("reader").await?).await
    })
    .await
}

/// Waits until `RoleReady` is False and its message tells this.
async fn role_ready_tells(deployment: &Deployment, told: &str) -> Result<()> {
    eventually(&format!("RoleReady tells of {told}"), async || {
        let conditions = deployment.env.roles.get("reader").await?.status.unwrap_or_default().conditions;
        let ready = conditions.iter().find(|c| c.type_ == "RoleReady").context("there is no condition")?;
        ensure!(ready.status == "False" && ready.message.contains(told), "{ready:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_principal_that_does_not_exist_holds_up_no_narrower_policy() -> Result<()> {
    let deployment = Deployment::new("ghost").await?;
    let _operator = deployment.env.start().await?;
    wide_reader(&deployment, &[], json!({})).await?;
    deployment.runs_errand(&deployment.env.copied("reader").await?).await?;

    let ghost = format!("arn:aws:iam::{}:user/ghost", deployment.env.aws.source.id());
    let edit = json!({"role": {"inlinePolicies": {"work": narrow()}}, "trust": {"principals": [ghost]}});
    deployment.env.patch("reader", json!({ "spec": edit })).await?;
    role_ready_tells(&deployment, &ghost).await?;
    work_is_narrowed(&deployment).await
}

#[tokio::test]
async fn a_trusted_user_deleted_in_its_own_account_holds_up_no_later_narrowing() -> Result<()> {
    let deployment = Deployment::new("frozen").await?;
    let _operator = deployment.env.settings.clone().flag("--drift-interval=2s").start().await?;
    wide_reader(&deployment, &[&deployment.deployer.arn], json!({})).await?;
    // By the operator's proxy, which shows the principal's id from now on, as AWS does.
    let source = &deployment.env.aws.source;
    let iam = aws_sdk_iam::Client::new(&deployment.env.through_proxy(source.administrator().clone()));
    for key in iam.list_access_keys().user_name("deployer").send().await?.access_key_metadata {
        iam.delete_access_key().user_name("deployer").set_access_key_id(key.access_key_id).send().await?;
    }
    iam.delete_user_policy().user_name("deployer").policy_name("lab").send().await?;
    iam.delete_user().user_name("deployer").send().await?;
    role_ready_tells(&deployment, &deployment.deployer.arn).await?;

    deployment.env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"work": narrow()}}}})).await?;
    work_is_narrowed(&deployment).await
}

#[tokio::test]
async fn a_policy_that_cannot_be_detached_holds_up_no_other_narrowing() -> Result<()> {
    let deployment = Deployment::new("attached").await?;
    let _operator = deployment.env.start().await?;
    wide_reader(&deployment, &[&deployment.deployer.arn], json!({})).await?;
    deployment.env.patch("reader", json!({"spec": {"role": {"managedPolicyArns": [MANAGED]}}})).await?;
    deployment.env.settled("reader").await?;
    let denied = policy(&json!({"Effect": "Deny", "Action": "iam:DetachRolePolicy", "Resource": "*"}));
    deployment.env.aws.target.put_role_policy("crossaccount-manager", "deny", &denied).await?;

    let edit = json!({
        "role": {"inlinePolicies": {"work": narrow()}, "managedPolicyArns": []},
        "trust": {"principals": []},
    });
    deployment.env.patch("reader", json!({ "spec": edit })).await?;
    role_ready_tells(&deployment, "iam:DetachRolePolicy").await?;
    work_is_narrowed(&deployment).await?;
    eventually("the deployer is trusted no longer", async || {
        refused("the deployer assumes the role", deployment.assume(&deployment.deployer, "reader").await)
    })
    .await?;
    let attached = deployment.env.aws.target.attached_policies(&deployment.env.iam_name("reader")).await?;
    assert_eq!(attached, BTreeSet::from([MANAGED.to_owned()]));
    Ok(())
}

/// Makes an edit that narrows `work` and lets the deployer in, and looks what the deployer can do when the first write of a
/// policy is under way.
async fn narrows_before_it_lets_in(deployment: &Deployment, trust: Value) -> Result<()> {
    let hang = deployment.env.proxy.on("PutRolePolicy").role(&deployment.env.iam_name("reader")).hang();
    let edit = json!({"role": {"inlinePolicies": {"work": narrow()}}, "trust": trust});
    deployment.env.patch("reader", json!({ "spec": edit })).await?;
    eventually("the policy is being written", async || {
        ensure!(hang.hits() > 0, "it is not");
        Ok(())
    })
    .await?;
    deployment.is_kept_out_now("reader").await?;
    hang.release();
    deployment.env.settled("reader").await?;
    let session = deployment.assume(&deployment.deployer, "reader").await?;
    deployment.is_dead_now(&session).await
}

#[tokio::test]
async fn a_new_principal_never_meets_the_earlier_wider_policy() -> Result<()> {
    let deployment = Deployment::new("newcomer").await?;
    let _operator = deployment.env.start().await?;
    wide_reader(&deployment, &[], json!({})).await?;
    narrows_before_it_lets_in(&deployment, json!({"principals": [deployment.deployer.arn]})).await
}

#[tokio::test]
async fn a_condition_is_dropped_only_after_the_policy_is_narrower() -> Result<()> {
    let deployment = Deployment::new("condition").await?;
    let _operator = deployment.env.start().await?;
    let ticket = json!({"StringEquals": {"sts:ExternalId": "ticket-42"}});
    wide_reader(&deployment, &[&deployment.deployer.arn], ticket).await?;
    narrows_before_it_lets_in(&deployment, json!({"conditions": null})).await
}
