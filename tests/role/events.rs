//! Events: each tells what it is about.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use serde_json::json;

use lab::{
    aws::policy,
    env::{MANAGED, TestEnv},
    wait::eventually,
};

/// Notes of the Events of a reason in the test's namespace.
async fn notes(env: &TestEnv, reason: &str) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    let events = events.list(&ListParams::default()).await?.into_iter();
    Ok(events.filter(|event| event.reason.as_deref() == Some(reason)).filter_map(|event| event.note).collect())
}

#[tokio::test]
async fn two_repairs_in_quick_succession_are_told_each_by_its_own_note() -> Result<()> {
    let env = TestEnv::new("two-drifts").await?;
    let _operator = env.settings.clone().flag("--drift-interval=1s").start().await?;
    env.ready_role("reader").await?;
    let (target, name) = (&env.aws.target, env.iam_name("reader"));
    let all = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    target.put_role_policy(&name, "more", &all).await?;
    eventually("an Event tells of the inline policy", async || {
        let notes = notes(&env, "DriftRepaired").await?;
        ensure!(notes.iter().any(|note| note.contains("inline policy more")), "{notes:?}");
        Ok(())
    })
    .await?;
    target.iam().detach_role_policy().role_name(&name).policy_arn(MANAGED).send().await?;
    eventually("the policy is attached again", async || {
        ensure!(target.attached_policies(&name).await?.contains(MANAGED), "it is not");
        Ok(())
    })
    .await?;
    eventually("an Event tells of the managed policy", async || {
        let notes = notes(&env, "DriftRepaired").await?;
        let told = notes.iter().find(|note| note.contains(MANAGED)).with_context(|| format!("{notes:?}"))?;
        ensure!(!told.contains("inline policy more"), "{told}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_denial_that_somebody_puts_on_a_role_that_is_as_declared_is_named_by_an_event() -> Result<()> {
    let env = TestEnv::new("denial-kept").await?;
    let _operator = env.settings.clone().flag("--drift-interval=1s").start().await?;
    env.ready_role("reader").await?;
    env.compared_again("reader", 1).await?;
    let no_deletion = policy(&json!({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}));
    env.aws.target.put_role_policy(&env.iam_name("reader"), "no-deletion", &no_deletion).await?;
    eventually("an Event names the denial", async || {
        let notes = notes(&env, "DenialKept").await?;
        ensure!(notes.iter().any(|note| note.contains("no-deletion")), "{notes:?}");
        Ok(())
    })
    .await?;
    env.settled("reader").await?;
    let (_, inline) = env.standing("reader").await?;
    assert_eq!(inline.get("no-deletion"), Some(&no_deletion));
    Ok(())
}
