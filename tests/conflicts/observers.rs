//! Several objects on a role that none of them owns.

use anyhow::{Context as _, Result};
use crossaccount::api::Lifecycle;
use serde_json::json;

use lab::{aws::policy, env::TestEnv, wait::eventually};

const OBSERVERS: [&str; 2] = ["first", "second"];

/// Makes the role by hand, so that it lets the operator in for both objects.
async fn made_by_hand(env: &TestEnv, iam_name: &str) -> Result<()> {
    let mut external_ids = Vec::new();
    for name in OBSERVERS {
        let id = eventually("status shows the external id", async || {
            let status = env.roles.get(name).await?.status.unwrap_or_default();
            status.external_id.context("there is none")
        });
        external_ids.push(id.await?);
    }
    let trust = policy(&json!({
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"AWS": env.aws.operator.arn},
        "Condition": {"StringEquals": {"sts:ExternalId": external_ids}},
    }));
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let made = env.aws.target.create_role(iam_name, &trust, &list).await?;
    env.aws.also_assume("by-hand", &[made]).await
}

#[tokio::test]
async fn two_objects_that_observe_one_role_both_work_also_after_a_restart() -> Result<()> {
    let env = TestEnv::new("observers").await?;
    env.patch_account(json!({"guardrails": {"lifecycles": ["Observe"]}})).await?;
    let operator = env.start().await?;
    let shared = format!("{}-shared", env.namespace);
    for name in OBSERVERS {
        let mut role = env.role(name);
        role.spec.role.lifecycle = Lifecycle::Observe;
        role.spec.role.name = Some(shared.clone());
        env.create(&role).await?;
        env.shows(name, "False", "RoleNotFound").await?;
    }
    made_by_hand(&env, &shared).await?;
    for name in OBSERVERS {
        env.patch(name, json!({"metadata": {"annotations": {"test/made": "1"}}})).await?;
        env.shows(name, "True", "Observed").await?;
    }

    operator.stop().await?;
    let operator = env.start().await?;
    for name in OBSERVERS {
        env.wake(&operator, name).await?;
        env.shows(name, "True", "Observed").await?;
    }
    Ok(())
}
