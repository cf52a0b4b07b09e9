//! A leader that dies or stands still while credentials are due.

use anyhow::{Result, ensure};

use lab::{
    env::TestEnv,
    operator::{Operator, OperatorSettings},
};

use crate::{
    credentials::times::{good_all_the_while, nearly_due, renewed},
    process::{electing, leading},
};

const OBJECT: &str = "reader";

/// A leader with a Ready role whose credentials are nearly due, and the settings of a standby.
async fn leader(env: &TestEnv) -> Result<(OperatorSettings, Operator)> {
    let settings = electing(env).await?;
    let leader = settings.start().await?;
    leading(&leader).await?;
    env.ready_role(OBJECT).await?;
    Ok((settings, leader))
}

#[tokio::test]
async fn a_standby_renews_what_a_killed_leader_did_not_come_to() -> Result<()> {
    let env = TestEnv::new("killed").await?;
    let (settings, leader) = leader(&env).await?;
    let standby = settings.start().await?;
    nearly_due(&env, OBJECT).await?;
    good_all_the_while(&env, OBJECT, async {
        leader.kill().await?;
        leading(&standby).await?;
        renewed(&env, OBJECT).await
    })
    .await
    .map(drop)
}

#[tokio::test]
async fn a_leader_that_stood_still_ends_and_overwrites_nothing_of_its_successor() -> Result<()> {
    let env = TestEnv::new("still").await?;
    let (settings, mut leader) = leader(&env).await?;
    let standby = settings.start().await?;
    nearly_due(&env, OBJECT).await?;
    let taken_over = async {
        leader.pause()?;
        leading(&standby).await?;
        renewed(&env, OBJECT).await?;
        let (standing, set) = (env.standing(OBJECT).await?, env.secret(OBJECT).await?);
        env.proxy.reset_counts();

        leader.resume()?;
        let status = leader.ended().await?;
        ensure!(!status.success(), "{status}");
        let log = leader.log().read();
        ensure!(log.contains("the leader lease"), "it does not say why it ended: {}", leader.log().tail());
        ensure!(env.standing(OBJECT).await? == standing && env.secret(OBJECT).await? == set, "it changed something");
        ensure!(env.proxy.count("AssumeRole") == 0, "it began a session: {:?}", env.proxy.calls());
        Ok(())
    };
    good_all_the_while(&env, OBJECT, Box::pin(taken_over)).await
}
