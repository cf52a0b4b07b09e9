//! `kubectl replace` and whatever else writes whole objects, such as Argo CD with `Replace=true`: finalizers go with it.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::FINALIZER;
use kube::{
    ResourceExt as _,
    api::{DeleteParams, PostParams},
};

use super::{OBJECT, manifest};
use lab::{env::TestEnv, tester::Tester, wait::eventually};

/// Replaces the object by its manifest, as it is read: a write in between is a conflict.
async fn replace(env: &TestEnv) -> Result<()> {
    let replaced = eventually("the object is replaced", async || {
        let live = env.roles.get(OBJECT).await?;
        let mut new = manifest(&live);
        new.metadata.resource_version = live.resource_version();
        Ok(env.roles.replace(OBJECT, &PostParams::default(), &new).await?)
    })
    .await?;
    ensure!(replaced.finalizers().is_empty(), "the finalizer stayed: {:?}", replaced.finalizers());
    Ok(())
}

/// The same of the account.
async fn replace_account(env: &TestEnv) -> Result<()> {
    let replaced = eventually("the account is replaced", async || {
        let mut new = env.account();
        new.metadata.resource_version = env.accounts.get(&env.namespace).await?.resource_version();
        Ok(env.accounts.replace(&env.namespace, &PostParams::default(), &new).await?)
    })
    .await?;
    ensure!(replaced.finalizers().is_empty(), "the finalizer stayed: {:?}", replaced.finalizers());
    Ok(())
}

async fn has_its_finalizer(env: &TestEnv) -> Result<()> {
    eventually("the object has its finalizer again", async || {
        let role = env.roles.get(OBJECT).await?;
        ensure!(role.finalizers() == [FINALIZER], "it has {:?}", role.finalizers());
        Ok(())
    })
    .await
}

async fn account_has_its_finalizer(env: &TestEnv) -> Result<()> {
    eventually("the account has its finalizer again", async || {
        let account = env.accounts.get(&env.namespace).await?;
        ensure!(account.finalizers() == [FINALIZER], "it has {:?}", account.finalizers());
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_object_that_is_replaced_gets_its_finalizer_back_and_leaves_no_role_behind() -> Result<()> {
    let env = TestEnv::new("replaced").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    env.proxy.reset_counts();
    replace(&env).await?;
    has_its_finalizer(&env).await?;
    env.settled(OBJECT).await?;
    ensure!(env.actions().is_empty(), "a replacement by the same declaration caused {:?}", env.actions());
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await
}

#[tokio::test]
async fn an_object_that_was_replaced_while_no_operator_ran_gets_its_finalizer_back() -> Result<()> {
    let env = TestEnv::new("replaced-alone").await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    operator.stop().await?;
    replace(&env).await?;
    let _operator = env.start().await?;
    has_its_finalizer(&env).await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await
}

#[tokio::test]
async fn an_object_whose_access_is_closed_gets_its_finalizer_back_after_a_replacement() -> Result<()> {
    let env = TestEnv::new("replaced-closed").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    env.allow_nobody().await?;
    env.is_closed(OBJECT).await?;
    replace(&env).await?;
    has_its_finalizer(&env).await?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await
}

#[tokio::test]
async fn an_account_that_is_replaced_gets_its_finalizer_back_and_stays_while_an_object_needs_it() -> Result<()> {
    let env = TestEnv::new("replaced-account").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let copy = env.copied(OBJECT).await?;
    replace_account(&env).await?;
    account_has_its_finalizer(&env).await?;
    ensure!(tester.works(&copy).await?, "a replacement by the same declaration ended a session");
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    env.is_closed(OBJECT).await?;
    env.accounts.get_opt(&env.namespace).await?.context("the account went before its roles")?;
    env.roles.delete(OBJECT, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await
}

#[tokio::test]
async fn an_account_that_was_replaced_while_no_operator_ran_gets_its_finalizer_back() -> Result<()> {
    let env = TestEnv::new("replaced-way").await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    operator.stop().await?;
    replace_account(&env).await?;
    let _operator = env.start().await?;
    account_has_its_finalizer(&env).await
}
