//! What AWS does not show yet is not taken for gone.

use anyhow::{Context as _, Result, ensure};
use kube::api::DeleteParams;

use lab::{aws::Identity, env::TestEnv, tester::Tester, wait::eventually};

#[tokio::test]
async fn a_role_that_is_not_visible_when_the_permission_goes_is_closed_when_it_is() -> Result<()> {
    let env = TestEnv::new("invisible").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    let deployer = tester.trusted_user("reader").await?;
    let session = tester.session_of(&deployer, "reader").await?;
    let lag = env.proxy.on("Get*").role(&env.iam_name("reader")).times(1).lag();
    env.allow_nobody().await?;
    eventually("the role was looked for", async || {
        ensure!(lag.hits() == 1, "not yet");
        Ok(())
    })
    .await?;
    tester.is_denied("an earlier session", &session).await?;
    env.is_closed("reader").await
}

#[tokio::test]
async fn a_role_that_is_not_visible_when_its_object_is_deleted_is_deleted_when_it_is() -> Result<()> {
    let env = TestEnv::new("hidden").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let lag = env.proxy.on("Get*").role(&env.iam_name("reader")).times(1).lag();
    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the role was looked for", async || {
        ensure!(lag.hits() == 1, "not yet");
        Ok(())
    })
    .await?;
    env.is_gone_with_its_role("reader").await
}

/// Makes a role that the process which made it could not tell anybody of.
async fn begun(env: &TestEnv, tester: &Tester<'_>) -> Result<Identity> {
    let operator = env.start().await?;
    let hang = env.proxy.on("PutRolePolicy").role(&env.iam_name("reader")).hang();
    let deployer = tester.trusted_user("reader").await?;
    eventually("the role is half made", async || {
        ensure!(hang.hits() > 0, "nothing was put on it yet");
        Ok(())
    })
    .await?;
    operator.kill().await?;
    hang.release();
    Ok(deployer)
}

#[tokio::test]
async fn a_role_that_was_begun_and_is_not_visible_yet_is_closed_by_the_next_process() -> Result<()> {
    let env = TestEnv::new("begun").await?;
    let tester = Tester::new(&env).await?;
    let deployer = begun(&env, &tester).await?;
    let arn = env.standing("reader").await?.0.arn;
    tester.enters(&deployer, &arn).await?.context("a trusted user is not let in")?;
    env.allow_nobody().await?;
    env.proxy.on("Get*").role(&env.iam_name("reader")).times(1).lag();
    let _operator = env.start().await?;
    env.is_closed("reader").await?;
    assert!(tester.enters(&deployer, &arn).await?.is_none(), "a closed role lets somebody in");
    Ok(())
}

#[tokio::test]
async fn a_role_that_was_begun_and_is_not_visible_yet_is_deleted_by_the_next_process() -> Result<()> {
    let env = TestEnv::new("orphan").await?;
    let tester = Tester::new(&env).await?;
    begun(&env, &tester).await?;
    env.roles.delete("reader", &DeleteParams::default()).await?;
    env.proxy.on("Get*").role(&env.iam_name("reader")).times(1).lag();
    let _operator = env.start().await?;
    env.is_gone_with_its_role("reader").await
}
