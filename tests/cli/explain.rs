//! `kubectl crossaccount explain`.

use anyhow::{Result, ensure};
use crossaccount::api::ConditionType;
use serde_json::{Value, json};

use super::people::{Person, document};
use super::transcript;
use crate::explain::stage::{long_ready, lose_secret, operator_may, role_says, terse};
use lab::env::TestEnv;

#[tokio::test]
async fn explain_names_the_step_that_fails_and_the_side_that_can_fix_it() -> Result<()> {
    let env = long_ready("explain", |_| {}).await?;
    terse(&env);
    let admin = Person::admin(&env);
    let works = admin.runs(&["explain", "reader"]).await?;
    ensure!(works.code == Some(0) && works.out.ends_with("Every step works.\n"), "{works:?}");

    // The operator's identity may enter the account, and no longer assume the role.
    let manager = env.aws.manager_arn.clone();
    operator_may(&env, &json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": manager})).await?;
    lose_secret(&env).await?;
    let _operator = env.start().await?;
    role_says(&env, ConditionType::CredentialsReady, "IdentityDenied").await?;
    let printed = admin.runs(&["explain", "reader"]).await?;
    ensure!(printed.code == Some(1), "{printed:?}");
    transcript::check(&env, "explain", &["explain", "reader"], &printed)
}

#[tokio::test]
async fn the_permission_is_judged_at_once_and_without_the_operator() -> Result<()> {
    let env = TestEnv::new("explain-live").await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    operator.stop().await?;
    env.allow_nobody().await?;
    let printed = Person::admin(&env).runs(&["explain", "reader", "-o", "json"]).await?;
    ensure!(printed.code == Some(1), "{printed:?}");
    let steps = document(&printed)?["steps"].clone();
    let of = |title: &str| steps.as_array().into_iter().flatten().find(|step| step["title"] == title).cloned();
    let permission = of("The AWSAccount allows it").unwrap_or(Value::Null);
    ensure!((&permission["state"], &permission["side"]) == (&json!("fails"), &json!("platform")), "{steps}");
    Ok(())
}

#[tokio::test]
async fn what_the_caller_may_not_see_is_a_question_with_the_missing_permission() -> Result<()> {
    let env = TestEnv::new("explain-tenant").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let printed = Person::with(&env, &["get", "list"]).await?.runs(&["explain", "reader"]).await?;
    ensure!(printed.code == Some(0), "{printed:?}");
    transcript::check(&env, "explain-few-rights", &["explain", "reader"], &printed)
}
