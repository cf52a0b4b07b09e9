//! A rolling update: the next process is ready before the one that leads ends.

use anyhow::{Result, ensure};

use super::{electing, leading};
use lab::{env::TestEnv, wait::eventually};

const NAMES: [&str; 3] = ["one", "two", "three"];

#[tokio::test]
async fn a_rolling_update_begins_no_session_and_changes_neither_roles_nor_secrets() -> Result<()> {
    let env = TestEnv::new("rolling").await?;
    let settings = electing(&env).await?;
    let leader = settings.start().await?;
    for name in NAMES {
        env.create(&env.role(name)).await?;
    }
    for name in NAMES {
        env.settled(name).await?;
    }
    eventually("the account counts its roles", async || {
        let roles = env.accounts.get(&env.namespace).await?.status.and_then(|status| status.roles);
        ensure!(roles == u32::try_from(NAMES.len()).ok(), "{roles:?}");
        Ok(())
    })
    .await?;
    env.proxy.reset_counts();
    let written = env.effects.list().len();
    let next = settings.start().await?;
    eventually("the next process is ready", async || {
        let (status, text) = next.get("/readyz").await?;
        ensure!(status == 200, "{status}: {text}");
        Ok(())
    })
    .await?;
    leader.stop().await?;
    leading(&next).await?;
    eventually("it reconciled everything", async || {
        let seen = next.reconciles().await?;
        ensure!(seen >= NAMES.len() as u64, "{seen} so far");
        Ok(())
    })
    .await?;
    for name in NAMES {
        env.settled(name).await?;
    }
    ensure!(env.proxy.count("AssumeRole") == 0, "{:?}", env.actions());
    let effects = env.effects.list().split_off(written);
    ensure!(effects.is_empty(), "it wrote {effects:#?}");
    Ok(())
}
