//! Grants that may not be given, or cannot.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, annotation};
use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use super::stage::{assumes, granting, grants_ready, lab, may_assume, source_name, to_user, trusting, user};
use lab::{env::TestEnv, wait::eventually};

/// Wakes the reconcile of an object, as any edit of it would.
async fn wake(env: &TestEnv, name: &str, value: &str) -> Result<()> {
    env.patch(name, json!({"metadata": {"annotations": {"woken": value}}})).await
}

/// Waits for the Event that lists what an abandoned object left behind, and gives its note.
async fn abandoned(env: &TestEnv) -> Result<String> {
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    eventually("an Event lists what is left behind", async || {
        let events = events.list(&ListParams::default()).await?;
        let told = events.into_iter().find(|event| event.reason.as_deref() == Some("Abandoned"));
        told.and_then(|event| event.note).context("there is no such Event")
    })
    .await
}

/// Waits until `Ready` is `True Degraded`: the object's own credentials are good.
pub async fn degraded(env: &TestEnv, name: &str) -> Result<()> {
    eventually("Ready is Degraded", async || {
        let conditions = env.roles.get(name).await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
        let ready = ready.context("there is no condition Ready")?;
        ensure!(ready.status == "True" && ready.reason == "Degraded", "{}: {}", ready.reason, ready.message);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn only_principals_that_the_guardrail_names_by_their_arn_with_path_are_given_anything() -> Result<()> {
    let env = lab("grant-guarded").await?;
    let source = &env.aws.source;
    source.iam().create_user().user_name("inside").path("/ci/").send().await?;
    source.iam().create_user().user_name("outside").path("/admins/").send().await?;
    let globs = json!([format!("arn:aws:iam::{}:user/ci/*", source.id())]);
    env.patch_any_account(&source_name(&env), json!({"spec": {"guardrails": {"grantees": globs}}})).await?;
    let _operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "inside"), to_user(&env, "outside")])).await?;
    let message = grants_ready(&env, "reader", "False", "NotAllowed").await?;
    assert!(message.contains("user/admins/outside") && message.contains("guardrails.grantees"), "{message}");
    degraded(&env, "reader").await?;
    assert_eq!(may_assume(&env, "inside").await?, Some([env.role_arn("reader")].into()));
    assert_eq!(may_assume(&env, "outside").await?, None);

    // What was allowed yesterday and is not today goes.
    env.patch_any_account(&source_name(&env), json!({"spec": {"guardrails": {"grantees": []}}})).await?;
    eventually("the grant is taken back", async || {
        let lines = may_assume(&env, "inside").await?;
        ensure!(lines.is_none(), "{lines:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_user_is_named_and_given_its_permission_once_it_is_there() -> Result<()> {
    let env = lab("grant-missing").await?;
    let _operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "deployer")])).await?;
    let message = grants_ready(&env, "reader", "False", "PrincipalNotFound").await?;
    for told in ["user deployer", env.aws.source.id(), &source_name(&env)] {
        assert!(message.contains(told), "{told}: {message}");
    }
    degraded(&env, "reader").await?;

    let deployer = user(&env, "deployer").await?;
    wake(&env, "reader", "now").await?;
    env.settled("reader").await?;
    env.patch("reader", json!({"spec": {"trust": {"principals": [deployer.arn]}}})).await?;
    assumes(&env, &deployer, "reader").await
}

#[tokio::test]
async fn a_user_and_an_account_that_are_gone_do_not_hold_a_deletion() -> Result<()> {
    let env = lab("grant-left").await?;
    user(&env, "deployer").await?;
    env.aws.source.iam().create_user().user_name("leaving").send().await?;
    let _operator = env.start().await?;
    env.create(&granting(&env, "first", vec![to_user(&env, "leaving")])).await?;
    env.create(&granting(&env, "second", vec![to_user(&env, "deployer")])).await?;
    env.settled("first").await?;
    env.settled("second").await?;

    let iam = env.aws.source.iam();
    iam.delete_user_policy().user_name("leaving").policy_name(super::POLICY).send().await?;
    iam.delete_user().user_name("leaving").send().await?;
    env.roles.delete("first", &DeleteParams::default()).await?;
    env.gone("first").await?;

    // The way into the account is lost, and somebody said so.
    iam.delete_user_policy().user_name("crossaccount-operator").policy_name("grants").send().await?;
    let source = source_name(&env);
    env.patch_any_account(&source, json!({"metadata": {"annotations": {annotation::ABANDON: "true"}}})).await?;
    env.accounts.delete(&source, &DeleteParams::default()).await?;
    account_gone(&env).await?;
    env.roles.delete("second", &DeleteParams::default()).await?;
    env.gone("second").await
}

/// Waits until the source account is gone.
pub async fn account_gone(env: &TestEnv) -> Result<()> {
    eventually("the account is gone", async || {
        let account = env.accounts.get_opt(&source_name(env)).await?;
        ensure!(account.is_none(), "{:?}", account.and_then(|account| account.status));
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_missing_permission_of_the_manager_is_named_with_its_principal_and_holds_a_deletion_until_abandoned()
-> Result<()> {
    let env = lab("grant-denied").await?;
    user(&env, "deployer").await?;
    user(&env, "second").await?;
    let _operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "deployer")])).await?;
    env.settled("reader").await?;

    let iam = env.aws.source.iam();
    iam.delete_user_policy().user_name("crossaccount-operator").policy_name("grants").send().await?;
    env.patch("reader", json!({"spec": {"sourceGrants": [to_user(&env, "deployer"), to_user(&env, "second")]}}))
        .await?;
    let message = grants_ready(&env, "reader", "False", "ManagerDenied").await?;
    for told in ["user second", "Allow iam:GetUser"] {
        assert!(message.contains(told), "{told}: {message}");
    }
    degraded(&env, "reader").await?;
    assert!(may_assume(&env, "deployer").await?.is_some(), "what was given stays");

    env.roles.delete("reader", &DeleteParams::default()).await?;
    let held = eventually("the deletion is held", async || {
        let conditions = env.roles.get("reader").await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::SourceGrantsReady.to_string());
        let message = ready.context("there is no condition SourceGrantsReady")?.message;
        ensure!(message.contains("cannot be taken back"), "{message}");
        Ok(message)
    })
    .await?;
    assert!(held.contains("user/deployer") && held.contains(annotation::ABANDON), "{held}");
    // What can be cleaned is, and does not wait for what cannot.
    let role_is_gone = env.aws.target.role(&env.iam_name("reader")).await?.is_none();
    assert!(role_is_gone, "the role waits for its grants");

    env.patch("reader", json!({"metadata": {"annotations": {annotation::ABANDON: "true"}}})).await?;
    env.gone("reader").await?;
    let left = abandoned(&env).await?;
    assert!(left.contains("user/deployer"), "{left}");
    let role = env.role_arn("reader");
    assert!(!left.contains(&format!("role {role} with its policies")), "the role is gone, but: {left}");
    Ok(())
}

#[tokio::test]
async fn an_object_that_loses_its_own_permission_loses_its_grants() -> Result<()> {
    let env = lab("grant-withdrawn").await?;
    let deployer = user(&env, "deployer").await?;
    let _operator = env.start().await?;
    env.create(&trusting(granting(&env, "reader", vec![to_user(&env, "deployer")]), &[&deployer.arn])).await?;
    env.settled("reader").await?;

    // Not the namespace is refused, but what the object declares.
    let account = env.namespace.clone();
    env.patch_any_account(&account, json!({"spec": {"guardrails": {"actions": ["sqs:*"]}}})).await?;
    grants_ready(&env, "reader", "False", "NotAllowed").await?;
    assert_eq!(may_assume(&env, "deployer").await?, None);

    env.patch_any_account(&account, json!({"spec": {"guardrails": {"actions": null}}})).await?;
    env.settled("reader").await?;
    assumes(&env, &deployer, "reader").await
}
