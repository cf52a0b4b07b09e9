//! A user has room for 2,048 characters of inline policies (IAM user guide, "IAM and STS quotas").

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use kube::api::DeleteParams;
use serde_json::json;

use super::lab::{create, gone, granting, grants_ready, lab, may_assume, role_arn, to_user, user};
use crate::support::{aws::policy, life::Life, wait::eventually};

async fn lines(life: &Life) -> Result<BTreeSet<String>> {
    Ok(may_assume(life, "deployer").await?.unwrap_or_default())
}

/// Long names: five of them fit beside little else.
fn long(number: usize) -> String {
    format!("reader-{number}-{}", "x".repeat(20))
}

/// Another inline policy of about this size.
async fn fill(life: &Life, size: usize) -> Result<()> {
    let filler =
        policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": format!("arn:aws:s3:::{}", "y".repeat(size))}));
    let put = life.scenario.aws.source.iam().put_user_policy().user_name("deployer").policy_name("lab");
    put.policy_document(filler.to_string()).send().await?;
    Ok(())
}

#[tokio::test]
async fn who_comes_too_late_is_told_with_the_arithmetic_and_has_its_place_when_one_is_free() -> Result<()> {
    let life = lab("grant-full").await?;
    user(&life, "deployer").await?;
    fill(&life, 1_620).await?;
    let _operator = life.start().await?;
    for number in 0..2 {
        create(&life, &granting(&life, &long(number), vec![to_user(&life, "deployer")])).await?;
        life.settled(&long(number)).await?;
    }
    let placed: BTreeSet<String> = (0..2).map(|number| role_arn(&life, &long(number))).collect();
    assert_eq!(lines(&life).await?, placed);

    create(&life, &granting(&life, &long(2), vec![to_user(&life, "deployer")])).await?;
    let message = grants_ready(&life, &long(2), "False", "LimitExceeded").await?;
    for told in ["user deployer", "3 roles", "2048", "the 2 that asked first", "grant to a role"] {
        assert!(message.contains(told), "{told}: {message}");
    }
    assert_eq!(lines(&life).await?, placed, "nobody lost a place");
    grants_ready(&life, &long(0), "True", "Available").await?;

    life.roles.delete(&long(0), &DeleteParams::default()).await?;
    gone(&life, &long(0)).await?;
    grants_ready(&life, &long(2), "True", "Available").await?;
    assert_eq!(lines(&life).await?, [role_arn(&life, &long(1)), role_arn(&life, &long(2))].into());
    Ok(())
}

#[tokio::test]
async fn a_policy_that_is_too_large_by_itself_is_not_even_sent() -> Result<()> {
    let life = lab("grant-large").await?;
    life.scenario.aws.source.iam().create_user().user_name("deployer").send().await?;
    let _operator = life.start().await?;
    let name = |number: usize| format!("r{number:02}-{}", "x".repeat(40));
    for number in 0..30 {
        create(&life, &granting(&life, &name(number), vec![to_user(&life, "deployer")])).await?;
    }
    let full = eventually("all is decided, and some have no place", async || {
        let mut full = 0;
        for number in 0..30 {
            let conditions = life.roles.get(&name(number)).await?.status.unwrap_or_default().conditions;
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
    assert_eq!(lines(&life).await?.len(), 30 - full);
    let refused =
        life.proxy.calls().into_iter().filter(|call| call.action == "PutUserPolicy" && call.status() != Some(200));
    assert_eq!(refused.count(), 0);
    Ok(())
}
