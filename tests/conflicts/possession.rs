//! Who has a role or a Secret keeps it.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{CrossAccountRole, annotation};
use jiff::Timestamp;
use serde_json::json;

use lab::{
    env::{MANAGED, TestEnv, declare::document},
    tester::Tester,
    wait::eventually,
};

/// Creates an older object that is refused, then a younger one that gets what both name, and then makes the older one one
/// that would be allowed. The younger one has to go on as if nothing had happened.
async fn possession_comes_before_age(name: &str, common: impl Fn(&TestEnv, &mut CrossAccountRole)) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let tester = Tester::new(&env).await?;
    env.patch_account(json!({"guardrails": {"managedPolicies": []}})).await?;
    let _operator = env.start().await?;
    let mut older = env.role("older");
    common(&env, &mut older);
    older.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    let older = env.create(&older).await?;
    env.shows("older", "False", "NotAllowed").await?;
    env.a_second_after(older.metadata.creation_timestamp.as_ref()).await?;
    let mut younger = tester.role("younger");
    common(&env, &mut younger);
    env.create(&younger).await?;
    let before = env.settled("younger").await?;
    let secret = younger.spec.secret.name.as_deref().unwrap_or("younger");

    env.patch("older", json!({"spec": {"role": {"managedPolicyArns": []}}})).await?;
    eventually("the older one was looked at again", async || {
        let role = env.roles.get("older").await?;
        let observed = role.status.and_then(|status| status.observed_generation);
        ensure!(observed == role.metadata.generation, "not yet");
        Ok(())
    })
    .await?;
    let set = before.status.clone().and_then(|status| status.credentials).context("no credentials")?;
    env.a_second_after(set.issued_at.as_ref()).await?;
    let (data, _) = env.secret(secret).await?;
    let now = Timestamp::now().to_string();
    env.patch("younger", json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}}})).await?;
    eventually("the one that has it is renewed", async || {
        ensure!(env.secret(secret).await?.0 != data, "it is not: {}", env.told("younger").await?);
        Ok(())
    })
    .await?;
    tester.has_a_working_set(secret).await?;
    env.settled("younger").await?;
    env.shows("older", "False", "Conflict").await?;
    Ok(())
}

#[tokio::test]
async fn an_older_object_that_becomes_allowed_does_not_take_the_role_from_the_one_that_has_it() -> Result<()> {
    let shared = |env: &TestEnv, role: &mut CrossAccountRole| {
        role.spec.role.name = Some(format!("{}-shared", env.namespace));
    };
    Box::pin(possession_comes_before_age("has-role", shared)).await
}

#[tokio::test]
async fn an_older_object_that_becomes_allowed_does_not_take_the_secret_from_the_one_that_has_it() -> Result<()> {
    let shared = |_: &TestEnv, role: &mut CrossAccountRole| role.spec.secret.name = Some("shared".into());
    Box::pin(possession_comes_before_age("has-secret", shared)).await
}

#[tokio::test]
async fn an_older_object_with_an_invalid_declaration_that_never_had_a_role_keeps_its_name_from_nobody() -> Result<()> {
    let env = TestEnv::new("has-nothing").await?;
    let _operator = env.start().await?;
    let shared = Some(format!("{}-shared", env.namespace));
    let mut older = env.role("older");
    older.spec.role.name.clone_from(&shared);
    let no_statement = json!({"Version": "2012-10-17"});
    older.spec.role.inline_policies = [("read-reports".to_owned(), document(&no_statement))].into();
    let older = env.create(&older).await?;
    env.shows("older", "False", "InvalidSpec").await?;
    env.a_second_after(older.metadata.creation_timestamp.as_ref()).await?;
    let mut younger = env.role("younger");
    younger.spec.role.name = shared;
    env.create(&younger).await?;
    env.settled("younger").await?;

    // Once it is mended, it comes too late.
    let mended = env.role("older").spec.role.inline_policies;
    env.patch("older", json!({"spec": {"role": {"inlinePolicies": mended}}})).await?;
    env.shows("older", "False", "Conflict").await?;
    env.settled("younger").await?;
    Ok(())
}
