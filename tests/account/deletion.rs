//! An account and a namespace that are deleted together, as `kubectl delete -f` or a cascade does it.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use lab::{aws::policy, env::TestEnv, wait::eventually};

async fn delete_account(env: &TestEnv) -> Result<()> {
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    Ok(())
}

pub async fn delete_namespace(env: &TestEnv) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(env.kube.clone());
    namespaces.delete(&env.namespace, &DeleteParams::default()).await?;
    Ok(())
}

/// Object, role, account and namespace are gone.
pub async fn everything_is_gone(env: &TestEnv, name: &str) -> Result<()> {
    env.is_gone_with_its_role(name).await?;
    let namespaces: Api<Namespace> = Api::all(env.kube.clone());
    eventually("account and namespace are gone", async || {
        ensure!(env.accounts.get_opt(&env.namespace).await?.is_none(), "the account is there");
        ensure!(namespaces.get_opt(&env.namespace).await?.is_none(), "the namespace is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_account_that_is_deleted_before_its_namespace_stays_until_the_role_is_deleted() -> Result<()> {
    let env = TestEnv::new("account-first").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    delete_account(&env).await?;
    env.shows("reader", "False", "NotAllowed").await?;
    eventually("access is cut off", async || {
        ensure!(env.secrets.get_opt("reader").await?.is_none(), "the Secret is there");
        Ok(())
    })
    .await?;
    // The object needs the account for its end, so it stays however often they are looked at.
    for _ in 0..3 {
        env.wake(&operator, "reader").await?;
    }
    delete_namespace(&env).await?;
    everything_is_gone(&env, "reader").await
}

#[tokio::test]
async fn an_account_and_a_namespace_that_are_deleted_at_once_take_the_role_along() -> Result<()> {
    let env = TestEnv::new("at-once").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    tokio::try_join!(delete_account(&env), delete_namespace(&env))?;
    everything_is_gone(&env, "reader").await
}

#[tokio::test]
async fn a_namespace_that_is_deleted_before_its_account_takes_the_role_along() -> Result<()> {
    let env = TestEnv::new("namespace-first").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    delete_namespace(&env).await?;
    delete_account(&env).await?;
    everything_is_gone(&env, "reader").await
}

#[tokio::test]
async fn an_account_stays_for_a_role_that_was_begun_and_is_known_to_no_status() -> Result<()> {
    let env = TestEnv::new("begun-role").await?;
    let operator = env.start().await?;
    let hang = env.proxy.on("PutRolePolicy").role(&env.iam_name("reader")).hang();
    env.create(&env.role("reader")).await?;
    eventually("the role is half made", async || {
        ensure!(hang.hits() > 0, "nothing was put on it yet");
        Ok(())
    })
    .await?;
    operator.kill().await?;
    hang.release();
    delete_account(&env).await?;
    delete_namespace(&env).await?;
    eventually("the object is being deleted", async || {
        let role = env.roles.get("reader").await?;
        ensure!(role.metadata.deletion_timestamp.is_some(), "not yet");
        Ok(())
    })
    .await?;
    // The first try to delete the role fails, so that the account is looked at before the second.
    env.proxy.on("GetRole").role(&env.iam_name("reader")).times(3).error(503, "ServiceUnavailable", "try later");
    let _operator = env.start().await?;
    everything_is_gone(&env, "reader").await
}

#[tokio::test]
async fn an_account_stays_until_the_grants_of_deleted_objects_are_taken_back() -> Result<()> {
    let env = TestEnv::new("granted").await?;
    let source = env.source_account();
    let source = env.accounts.create(&PostParams::default(), &source).await?.metadata.name.context("no name")?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    env.aws.source.create_user("deployer", &nothing).await?;
    let may_grant = policy(&json!({
        "Effect": "Allow", "Resource": "*",
        "Action": ["iam:GetUser", "iam:ListUserPolicies", "iam:GetUserPolicy", "iam:PutUserPolicy", "iam:DeleteUserPolicy"],
    }));
    env.aws.source.put_user_policy("crossaccount-operator", "grants", &may_grant).await?;
    let operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.source_grants = serde_json::from_value(json!([
        {"accountRef": {"name": source}, "user": "deployer"}
    ]))?;
    env.create(&role).await?;
    env.settled("reader").await?;
    let granted = async || -> Result<usize> {
        Ok(env.aws.source.user_policies("deployer").await?.keys().filter(|name| *name != "lab").count())
    };
    assert_eq!(granted().await?, 1);
    operator.kill().await?;
    env.accounts.delete(&source, &DeleteParams::default()).await?;
    tokio::try_join!(delete_account(&env), delete_namespace(&env))?;
    let _operator = env.start().await?;
    everything_is_gone(&env, "reader").await?;
    assert_eq!(granted().await?, 0, "a grant was left behind");
    eventually("the other account is gone", async || {
        ensure!(env.accounts.get_opt(&source).await?.is_none(), "it is there");
        Ok(())
    })
    .await
}
