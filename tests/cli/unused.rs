//! `kubectl crossaccount unused`.

use anyhow::{Result, ensure};
use serde_json::json;

use super::{
    people::{Person, document},
    transcript,
};
use lab::{env::TestEnv, tester::Tester};

#[tokio::test]
async fn unused_names_what_the_role_did_not_use_and_the_policy_to_declare_and_status_and_graph_show_it() -> Result<()> {
    let env = TestEnv::new("unused").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    let mut role = tester.role("reader");
    let statement = json!({"Effect": "Allow", "Action": ["sts:GetCallerIdentity", "sqs:SendMessage"], "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": [statement]});
    role.spec.role.inline_policies.insert("queue".into(), serde_json::from_value(policy)?);
    let tables = json!({"Statement": {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*"}});
    role.spec.role.inline_policies.insert("tables".into(), serde_json::from_value(tables)?);
    env.create(&role).await?;
    env.settled("reader").await?;
    tester.has_a_working_set("reader").await?;
    let admin = Person::admin(&env);

    let printed = admin.runs(&["unused", "reader"]).await?;
    ensure!(printed.code == Some(0), "{printed:?}");
    transcript::check(&env, "unused", &["unused", "reader"], &printed)?;

    // The operator learns when the role was last used as it compares the role.
    env.patch("reader", json!({"spec": {"role": {"description": "another"}}})).await?;
    env.settled("reader").await?;
    let status = document(&admin.runs(&["status", "-o", "json"]).await?)?;
    let shown = &status["accounts"][0]["roles"][0];
    ensure!(shown["unusedServices"] == json!(["dynamodb", "s3", "sqs"]) && shown["lastUsed"].is_string(), "{shown}");
    let text = admin.runs(&["status"]).await?.succeeded()?;
    ensure!(text.contains("not used for 90 days: dynamodb, s3, sqs"), "{text}");
    let graph = document(&admin.runs(&["graph", "-o", "json"]).await?)?;
    let marks =
        |service: &str| graph["nodes"][format!("Service/{}/reader/{service}", env.namespace)]["marks"].to_string();
    ensure!(marks("sqs").contains("Unused") && !marks("sts").contains("Unused"), "{graph:#}");
    Ok(())
}

#[tokio::test]
async fn what_keeps_iam_from_reporting_is_said() -> Result<()> {
    let env = TestEnv::new("unused-denied").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let action = "GenerateServiceLastAccessedDetails";
    let denial = format!("User: manager is not authorized to perform: iam:{action}");
    env.proxy.on(action).error(403, "AccessDenied", &denial);
    let printed = Person::admin(&env).runs(&["unused", "reader"]).await?;
    ensure!(printed.code == Some(1) && printed.out.is_empty(), "{printed:?}");
    ensure!(printed.errors.contains(&format!("iam:{action}")), "{printed:?}");

    let reader = Person::with(&env, &["list", "get", "watch"]).await?.runs(&["unused", "reader"]).await?;
    ensure!(reader.errors.contains("you may not patch crossaccountroles.iam.crossaccount.dev"), "{reader:?}");
    Ok(())
}
