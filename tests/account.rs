//! The `AWSAccount`: the way into it, who may use it, and its end.

mod boundary;
mod bulk_read;
mod counts;
pub mod deletion;
mod drift;
mod guardrails;
mod held_roles;
mod manager;
mod way_in;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, ConditionType};
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::revocation::denied;
use lab::{
    aws::{Base, MANAGER_EXTERNAL_ID, policy},
    env::TestEnv,
    wait::eventually,
};

#[tokio::test]
async fn a_chain_of_two_hops_with_an_external_id_each_leads_into_the_account() -> Result<()> {
    let env = TestEnv::new("hops").await?;
    let aws = &env.aws;
    let trust = |principal: &str, external_id: &str| {
        policy(&json!({
            "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal},
            "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
        }))
    };
    let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": aws.manager_arn}));
    let hub = aws.source.create_role("hub", &trust(&aws.operator.arn, "first"), &may_assume).await?;
    aws.also_assume("hub", std::slice::from_ref(&hub)).await?;
    let manager = aws.target.iam().update_assume_role_policy().role_name("crossaccount-manager");
    manager.policy_document(trust(&hub, MANAGER_EXTERNAL_ID).to_string()).send().await?;
    let chain = json!([
        {"roleArn": hub, "externalId": "first"},
        {"roleArn": aws.manager_arn, "externalId": MANAGER_EXTERNAL_ID},
    ]);
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    let patch = Patch::Merge(json!({"spec": {"access": {"chain": chain}}}));
    accounts.patch(&env.namespace, &PatchParams::default(), &patch).await?;

    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let hops: Vec<Option<String>> =
        env.proxy.calls().into_iter().filter(|c| c.action == "AssumeRole").map(|c| c.role).take(2).collect();
    assert_eq!(hops, [Some("hub".to_owned()), Some("crossaccount-manager".to_owned())]);
    Ok(())
}

#[tokio::test]
async fn an_operator_on_a_role_session_is_trusted_by_its_role_and_held_to_an_hour() -> Result<()> {
    let env = TestEnv::with_base("session", Base::RoleSession).await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let role = env.aws.target.role(&env.iam_name("reader")).await?.context("there is no such role")?;
    assert_eq!(role.trust["Statement"][0]["Principal"]["AWS"], json!(env.aws.operator.arn));

    let mut long = env.role("long");
    long.spec.session.duration_seconds = 7200;
    env.roles.create(&PostParams::default(), &long).await?;
    eventually("it is refused up front", async || {
        let conditions = env.roles.get("long").await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
        let ready = ready.context("there is no condition Ready")?;
        ensure!(ready.reason == "RoleChainingLimit" && ready.message.contains("7200"), "{}", ready.message);
        Ok(())
    })
    .await?;
    let name = Some(env.iam_name("long"));
    assert!(!env.proxy.calls().iter().any(|call| call.action == "AssumeRole" && call.role == name));
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_is_not_allowed_gets_nothing_and_causes_no_call() -> Result<()> {
    let env = TestEnv::new("stranger").await?;
    env.patch_account(json!({"allowedNamespaces": {"names": ["another"]}})).await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains(&env.namespace), "{message}");
    let about_the_role = env.proxy.calls().into_iter().filter(|call| call.role == Some(env.iam_name("reader")));
    assert_eq!(about_the_role.count(), 0);
    assert!(env.secrets.get_opt("reader").await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_broken_chain_names_its_hop_and_the_roles_wait_for_the_account() -> Result<()> {
    let env = TestEnv::new("chain").await?;
    let hop = json!({"roleArn": env.aws.manager_arn, "externalId": "wrong"});
    env.patch_account(json!({"access": {"chain": [hop]}})).await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    let message = env.shows("reader", "False", "AccountNotReady").await?;
    assert!(message.contains(&env.namespace), "{message}");
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    eventually("the account names the hop", async || {
        let conditions = accounts.get(&env.namespace).await?.status.unwrap_or_default().conditions;
        let ready = conditions.first().context("it has no condition")?;
        ensure!(ready.reason == "TrustDenied" && ready.message.contains("hop 1 of 1"), "{}", ready.message);
        Ok(())
    })
    .await?;

    let hop = json!({"roleArn": env.aws.manager_arn, "externalId": lab::aws::MANAGER_EXTERNAL_ID});
    env.patch_account(json!({"access": {"chain": [hop]}})).await?;
    env.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn without_an_identity_of_its_own_the_operator_is_not_ready_and_keeps_running() -> Result<()> {
    let mut env = TestEnv::new("nobody").await?;
    env.settings = env.settings.no_credentials();
    let operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    env.shows("reader", "False", "BaseIdentityUnavailable").await?;
    let (status, text) = operator.get("/readyz").await?;
    assert!(status == 503 && text.contains("aws-identity"), "{status}: {text}");
    assert_eq!(operator.get("/healthz").await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_manager_without_a_permission_is_told_which() -> Result<()> {
    let env = TestEnv::new("manager").await?;
    let denied = policy(&json!({"Effect": "Deny", "Action": "iam:AttachRolePolicy", "Resource": "*"}));
    env.aws.target.put_role_policy("crossaccount-manager", "deny", &denied).await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.role.managed_policy_arns = vec![lab::env::MANAGED.to_owned()];
    env.roles.create(&PostParams::default(), &role).await?;
    let message = env.shows("reader", "False", "ManagerDenied").await?;
    assert!(message.contains("iam:AttachRolePolicy"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_deleted_account_cuts_everybody_off_and_goes_only_when_no_object_needs_it_any_more() -> Result<()> {
    let env = TestEnv::new("account-gone").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    let name = &env.namespace;
    let outage = env.proxy.on("PutRolePolicy").error(503, "ServiceUnavailable", "try later");
    accounts.delete(name, &DeleteParams::default()).await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("is being deleted"), "{message}");
    eventually("the account says for whom it is held", async || {
        let conditions = accounts.get(name).await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == "Ready").context("no condition")?;
        ensure!(ready.reason == "Deleting" && ready.message.contains(&format!("{name}/reader")), "{ready:?}");
        Ok(())
    })
    .await?;
    outage.release();
    eventually("access is closed", async || denied(&env, "reader").await).await?;
    assert!(accounts.get_opt(name).await?.is_some(), "the role is still there, so the way to it must be");

    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the account is gone", async || {
        ensure!(accounts.get_opt(name).await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let left = env.aws.target.role(&env.iam_name("reader")).await?;
    ensure!(left.is_none(), "the account went before its role: {left:?}");
    Ok(())
}
