//! A way into another account than the object's proves nothing about its role.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use kube::api::DeleteParams;
use serde_json::json;

use lab::{aws::policy, env::TestEnv, wait::eventually};

/// Lets the operator's own identity manage roles in its own account, where there are none.
async fn operator_may_look_at_home(env: &TestEnv) -> Result<()> {
    let any = policy(&json!({"Effect": "Allow", "Action": "iam:*Role*", "Resource": "*"}));
    env.aws.source.put_user_policy("crossaccount-operator", "roles", &any).await?;
    Ok(())
}

#[tokio::test]
async fn a_chain_that_is_lost_holds_a_deletion_until_it_is_back() -> Result<()> {
    let env = TestEnv::new("chain-lost").await?;
    operator_may_look_at_home(&env).await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let chain = env.account().spec.access.chain;
    env.patch_account(json!({"access": {"chain": []}})).await?;

    env.roles.delete("reader", &DeleteParams::default()).await?;
    let home = env.aws.source.id();
    eventually("the object says that the operator's identity is in another account", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains(&format!("in account {home}")) && told.contains("spec.access.chain"), "{told}");
        ensure!(told.contains(annotation::ABANDON), "it is not being deleted yet: {told}");
        Ok(())
    })
    .await?;
    env.wake(&operator, "reader").await?;
    let object = env.roles.get_opt("reader").await?.context("the object is gone and its role was left behind")?;
    assert!(object.metadata.finalizers.is_some_and(|finalizers| !finalizers.is_empty()));

    env.patch_account(json!({"access": {"chain": chain}})).await?;
    env.is_gone_with_its_role("reader").await
}
