//! A role that is on its way: AWS that is not ready yet, throttles or does not answer, and an operator that is killed.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use lab::{env::TestEnv, wait::eventually};

#[tokio::test]
async fn a_new_role_that_is_not_assumable_yet_becomes_ready_by_itself() -> Result<()> {
    let env = TestEnv::new("lagging").await?;
    let name = env.iam_name("reader");
    let lag = env.proxy.on("AssumeRole").role(&name).times(3).error(403, "AccessDenied", "not authorized to perform");
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    assert_eq!(lag.hits(), 3);
    assert_eq!(env.proxy.count("CreateRole"), 1);
    Ok(())
}

#[tokio::test]
async fn the_same_policies_written_another_way_are_left_alone() -> Result<()> {
    let mut env = TestEnv::new("equivalent").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (name, target) = (env.iam_name("reader"), &env.aws.target);

    let mut trust = target.role(&name).await?.context("there is no such role")?.trust;
    let statement = &mut trust["Statement"][0];
    statement["Action"] = json!(["sts:AssumeRole"]);
    let external_id = statement["Condition"]["StringEquals"]["sts:ExternalId"].take();
    statement["Condition"] = json!({"StringEquals": {"STS:ExternalID": [external_id]}});
    target.iam().update_assume_role_policy().role_name(&name).policy_document(trust.to_string()).send().await?;
    let mut inline = target.inline_policies(&name).await?["read-reports"].clone();
    inline["Statement"] =
        json!([{"Resource": ["arn:aws:s3:::reports/*"], "Action": ["S3:getobject"], "Effect": "Allow"}]);
    target.put_role_policy(&name, "read-reports", &inline).await?;

    env.proxy.reset_counts();
    env.compared_again("reader", 3).await?;
    let writes: Vec<String> = env
        .actions()
        .into_iter()
        .filter(|action| !["Get", "List"].iter().any(|read| action.starts_with(read)))
        .collect();
    assert_eq!(writes, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn an_operator_that_is_killed_in_the_middle_finishes_after_a_restart() -> Result<()> {
    let env = TestEnv::new("killed").await?;
    // The role exists, and nobody has learned of it yet.
    let hang = env.proxy.on("PutRolePolicy").times(1).hang();
    let operator = env.start().await?;
    let role = env.role("reader");
    env.roles.create(&kube::api::PostParams::default(), &role).await?;
    eventually("the operator is in the middle", async || {
        ensure!(hang.hits() == 1, "it is not");
        Ok(())
    })
    .await?;
    operator.kill().await?;

    let _operator = env.start().await?;
    let role = env.settled("reader").await?;
    assert_eq!(env.proxy.count("CreateRole"), 1);
    assert!(role.status.and_then(|status| status.role).context("no role")?.created);
    Ok(())
}

#[tokio::test]
async fn a_role_whose_creation_was_not_answered_is_recognised_and_made_only_once() -> Result<()> {
    let env = TestEnv::new("unanswered").await?;
    env.proxy.on("CreateRole").times(1).drop_response();
    let _operator = env.start().await?;
    let role = env.ready_role("reader").await?;
    assert_eq!(env.aws.target.role_names("/crossaccount/").await?.len(), 1);
    assert!(role.status.and_then(|status| status.role).context("no role")?.created);
    Ok(())
}

#[tokio::test]
async fn throttling_passes() -> Result<()> {
    let env = TestEnv::new("throttled").await?;
    let name = env.iam_name("reader");
    // The adaptive limiter of the SDK takes its time after each of them, so two are enough.
    let throttle = env.proxy.on("AssumeRole").role(&name).times(2).throttle();
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    assert_eq!(throttle.hits(), 2);
    Ok(())
}
