//! What looks like trouble and is none: a role that AWS does not know everywhere yet, a policy written another way.

use anyhow::{Context as _, Result, ensure};
use serde_json::json;

use crate::support::{life::Life, wait::eventually};

#[tokio::test]
async fn a_new_role_that_is_not_assumable_yet_becomes_ready_by_itself() -> Result<()> {
    let life = Life::new("lagging").await?;
    let name = life.iam_name("reader");
    let lag = life.proxy.on("AssumeRole").role(&name).times(3).error(403, "AccessDenied", "not authorized to perform");
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    assert_eq!(lag.hits(), 3);
    assert_eq!(life.proxy.count("CreateRole"), 1);
    Ok(())
}

#[tokio::test]
async fn the_same_policies_written_another_way_are_left_alone() -> Result<()> {
    let mut life = Life::new("equivalent").await?;
    life.settings = life.settings.flag("--drift-interval=1s");
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let (name, target) = (life.iam_name("reader"), &life.scenario.aws.target);

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

    life.proxy.reset_counts();
    eventually("the role was compared three times", async || {
        let looks = life.proxy.count("GetRole");
        ensure!(looks >= 3, "{looks} times so far");
        Ok(())
    })
    .await?;
    let writes: Vec<String> = life
        .actions()
        .into_iter()
        .filter(|action| !["Get", "List"].iter().any(|read| action.starts_with(read)))
        .collect();
    assert_eq!(writes, Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn an_operator_that_is_killed_in_the_middle_finishes_after_a_restart() -> Result<()> {
    let life = Life::new("killed").await?;
    // The role exists, and nobody has learned of it yet.
    let hang = life.proxy.on("PutRolePolicy").times(1).hang();
    let operator = life.start().await?;
    let role = life.scenario.role("reader");
    life.roles.create(&kube::api::PostParams::default(), &role).await?;
    eventually("the operator is in the middle", async || {
        ensure!(hang.hits() == 1, "it is not");
        Ok(())
    })
    .await?;
    operator.kill().await?;

    let _operator = life.start().await?;
    let role = life.settled("reader").await?;
    assert_eq!(life.proxy.count("CreateRole"), 1);
    assert!(role.status.and_then(|status| status.role).context("no role")?.created);
    Ok(())
}
