//! How many roles the status of an account counts.

use anyhow::{Result, ensure};
use kube::api::DeleteParams;

use lab::{env::TestEnv, wait::eventually};

async fn counts(env: &TestEnv, roles: u32) -> Result<()> {
    eventually(&format!("{roles} roles are counted"), async || {
        let counted = env.accounts.get(&env.namespace).await?.status.and_then(|status| status.roles);
        ensure!(counted == Some(roles), "{counted:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn an_account_counts_its_roles_as_they_come_and_go_and_does_not_wait_for_the_look_for_drift() -> Result<()> {
    let env = TestEnv::new("counted").await?;
    let settings = env.settings.clone().flag("--drift-interval=24h");
    let operator = settings.start().await?;
    counts(&env, 0).await?;
    for (name, roles) in [("reader", 1), ("writer", 2)] {
        env.ready_role(name).await?;
        counts(&env, roles).await?;
    }
    operator.kill().await?;
    env.roles.delete("reader", &DeleteParams::default()).await?;

    let _operator = settings.start().await?;
    env.gone("reader").await?;
    counts(&env, 1).await?;
    env.roles.delete("writer", &DeleteParams::default()).await?;
    counts(&env, 0).await
}
