//! What status says of grants is no proof of them: it may be forged, and it may be lost.

use anyhow::{Result, ensure};
use kube::api::{Patch, PatchParams};
use serde_json::{Value, json};

use super::stage::{granting, lab, may_assume, source_name, to_user, user};
use lab::{aws::policy, env::TestEnv, wait::eventually};

async fn patch_status(env: &TestEnv, status: Value) -> Result<()> {
    let patch = Patch::Merge(json!({ "status": status }));
    env.roles.patch_status("reader", &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Has the status of `reader` report a grant that nobody declared, and waits until the operator has dealt with it.
async fn forged(env: &TestEnv, entry: Value) -> Result<()> {
    patch_status(env, json!({"sourceGrants": [entry]})).await?;
    env.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    eventually("status no longer reports the grant", async || {
        let reported = env.roles.get("reader").await?.status.unwrap_or_default().source_grants;
        ensure!(reported.is_empty(), "{reported:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_forged_grant_to_its_own_role_does_not_lift_the_denial_of_a_closed_object() -> Result<()> {
    let env = TestEnv::new("grant-forged").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.allow_nobody().await?;
    env.shows("reader", "False", "NotAllowed").await?;
    env.is_closed("reader").await?;
    let denial = env.standing("reader").await?.1.remove("crossaccount-deny");

    let own = json!({"account": env.namespace, "role": env.iam_name("reader"), "policy": "crossaccount-deny"});
    forged(&env, own).await?;
    let (_, inline) = env.standing("reader").await?;
    assert!(denial.is_some() && inline.get("crossaccount-deny") == denial.as_ref(), "{inline:?}");
    Ok(())
}

#[tokio::test]
async fn a_forged_grant_does_not_delete_the_policy_of_another_cluster() -> Result<()> {
    const OTHER: &str = "crossaccount-other";
    let env = lab("grant-other").await?;
    user(&env, "deployer").await?;
    let line = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": [env.role_arn("elsewhere")]});
    let others = policy(&json!([line]));
    env.aws.source.put_user_policy("deployer", OTHER, &others).await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    env.settled("reader").await?;

    forged(&env, json!({"account": source_name(&env), "user": "deployer", "policy": OTHER})).await?;
    assert_eq!(env.aws.source.user_policies("deployer").await?.get(OTHER), Some(&others));
    Ok(())
}

#[tokio::test]
async fn a_grant_that_status_has_lost_goes_with_the_permission_of_its_object() -> Result<()> {
    let env = lab("grant-lost").await?;
    user(&env, "deployer").await?;
    let operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "deployer")])).await?;
    env.settled("reader").await?;
    assert_eq!(may_assume(&env, "deployer").await?, Some([env.role_arn("reader")].into()));
    operator.stop().await?;
    patch_status(&env, Value::Null).await?;
    env.allow_nobody().await?;

    let _operator = env.start().await?;
    env.shows("reader", "False", "NotAllowed").await?;
    eventually("the grant is taken back", async || {
        let lines = may_assume(&env, "deployer").await?;
        ensure!(lines.is_none(), "{lines:?}");
        Ok(())
    })
    .await
}
