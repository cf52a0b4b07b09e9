//! A user has room for 2,048 characters of inline policies (IAM user guide, "IAM and STS quotas").

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;

use super::stage::{granting, grants_ready, lab, may_assume, to_user, user};
use lab::{aws::policy, env::TestEnv, wait::eventually};

async fn lines(env: &TestEnv) -> Result<BTreeSet<String>> {
    Ok(may_assume(env, "deployer").await?.unwrap_or_default())
}

/// Long names: five of them fit beside little else.
fn long(number: usize) -> String {
    format!("reader-{number}-{}", "x".repeat(20))
}

/// Another inline policy of about this size.
async fn fill(env: &TestEnv, size: usize) -> Result<()> {
    let filler =
        policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": format!("arn:aws:s3:::{}", "y".repeat(size))}));
    env.aws.source.put_user_policy("deployer", "lab", &filler).await?;
    Ok(())
}

#[tokio::test]
async fn who_comes_too_late_is_told_with_the_arithmetic_and_has_its_place_when_one_is_free() -> Result<()> {
    let env = lab("grant-full").await?;
    user(&env, "deployer").await?;
    fill(&env, 1_620).await?;
    let _operator = env.start().await?;
    for number in 0..2 {
        env.create(&granting(&env, &long(number), vec![to_user(&env, "deployer")])).await?;
        env.settled(&long(number)).await?;
    }
    let placed: BTreeSet<String> = (0..2).map(|number| env.role_arn(&long(number))).collect();
    assert_eq!(lines(&env).await?, placed);

    env.create(&granting(&env, &long(2), vec![to_user(&env, "deployer")])).await?;
    let message = grants_ready(&env, &long(2), "False", "LimitExceeded").await?;
    for told in ["user deployer", "3 roles", "2048", "the first 2 (", "are in place", "grant to a role"] {
        assert!(message.contains(told), "{told}: {message}");
    }
    assert_eq!(lines(&env).await?, placed, "nobody lost a place");
    grants_ready(&env, &long(0), "True", "Available").await?;

    env.roles.delete(&long(0), &DeleteParams::default()).await?;
    env.gone(&long(0)).await?;
    grants_ready(&env, &long(2), "True", "Available").await?;
    assert_eq!(lines(&env).await?, [env.role_arn(&long(1)), env.role_arn(&long(2))].into());
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_too_large_by_itself_is_not_even_sent() -> Result<()> {
    let env = lab("grant-large").await?;
    env.aws.source.iam().create_user().user_name("deployer").send().await?;
    let _operator = env.start().await?;
    let name = |number: usize| format!("r{number:02}-{}", "x".repeat(40));
    for number in 0..30 {
        env.create(&granting(&env, &name(number), vec![to_user(&env, "deployer")])).await?;
    }
    let full = eventually("all is decided, and some have no place", async || {
        let mut full = 0;
        for number in 0..30 {
            let conditions = env.roles.get(&name(number)).await?.status.unwrap_or_default().conditions;
            let ready = conditions.iter().find(|c| c.type_ == "SourceGrantsReady").context("not looked at yet")?;
            ensure!(
                ready.reason == "Available" || ready.reason == "LimitExceeded",
                "{}: {}",
                ready.reason,
                ready.message
            );
            full += usize::from(ready.reason == "LimitExceeded");
        }
        ensure!(full > 0, "all fit");
        Ok(full)
    })
    .await?;
    assert_eq!(lines(&env).await?.len(), 30 - full);
    let refused =
        env.proxy.calls().into_iter().filter(|call| call.action == "PutUserPolicy" && call.status() != Some(200));
    assert_eq!(refused.count(), 0);
    Ok(())
}
