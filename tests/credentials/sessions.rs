//! What a session may do and for how long.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Time};
use kube::{
    Api,
    api::{ListParams, PostParams},
};
use serde_json::{Value, json};

use lab::{
    aws::policy,
    env::{TestEnv, declare::document},
    wait::eventually,
};

async fn is_denied(env: &TestEnv, errand: &str) -> Result<()> {
    let refused = env.aws.target.assume(&env.copied("reader").await?, errand, None).await;
    let refused = refused.err().context("the session may do what it should not")?;
    assert!(format!("{refused:?}").contains("AccessDenied"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_session_of_twelve_hours_raises_the_role_first() -> Result<()> {
    let env = TestEnv::new("twelve").await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.session.duration_seconds = 43_200;
    env.create(&role).await?;
    let set = env.settled("reader").await?.status.and_then(|status| status.credentials).context("no credentials")?;
    let (issued, expires) = (set.issued_at.context("no time")?.0, set.expires_at.context("no time")?.0);
    let life_of_set = expires.duration_since(issued).as_secs();
    assert!((43_190..=43_200).contains(&life_of_set), "{life_of_set}");
    let found = env.aws.target.role(&env.iam_name("reader")).await?.context("no role")?;
    assert_eq!(found.max_session_duration, Some(43_200));
    Ok(())
}

fn issued_at(role: &CrossAccountRole) -> Option<Time> {
    role.status.as_ref()?.credentials.as_ref()?.issued_at.clone()
}

#[tokio::test]
async fn session_policies_narrow_what_the_role_may_do_and_a_change_of_them_issues_new_credentials() -> Result<()> {
    let env = TestEnv::new("narrowed").await?;
    let errand = env.errand().await?;
    let _operator = env.start().await?;
    let mut role = env.on_errand("reader", &errand);
    let only_s3 = policy(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
    role.spec.session.policy = Some(document(&only_s3));
    env.create(&role).await?;
    let first = env.settled("reader").await?;
    is_denied(&env, &errand).await?;

    env.a_second_after(issued_at(&first).as_ref()).await?; // status shows whole seconds
    env.patch("reader", json!({"spec": {"session": {"policy": null}}})).await?;
    let second = env.issued_again("reader", &first).await?;
    env.aws.target.assume(&env.copied("reader").await?, &errand, None).await?;

    let read_only = env.aws.target.create_policy("only-s3", &only_s3).await?;
    env.a_second_after(issued_at(&second).as_ref()).await?;
    env.patch("reader", json!({"spec": {"session": {"policyArns": [read_only]}}})).await?;
    env.issued_again("reader", &second).await?;
    is_denied(&env, &errand).await
}

fn tags(count: usize) -> Value {
    let tag = |n| (format!("{n:03}-{}", "k".repeat(60)), json!("v".repeat(120)));
    Value::Object((0..count).map(tag).collect())
}

#[tokio::test]
async fn people_are_warned_when_tags_and_policies_nearly_fill_their_room_and_told_when_they_do_not_fit() -> Result<()> {
    let env = TestEnv::new("packed").await?;
    let keys: Vec<String> = tags(30).as_object().into_iter().flatten().map(|(key, _)| key.clone()).collect();
    env.patch_account(json!({"guardrails": {"principalTagKeys": keys}})).await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.patch("reader", json!({"spec": {"session": {"tags": tags(16)}}})).await?;
    eventually("the share is in the status", async || {
        let role = env.settled("reader").await?;
        let set = role.status.clone().unwrap_or_default().credentials.unwrap_or_default();
        ensure!(set.packed_policy_size_percent.is_some_and(|percent| percent >= 80), "{set:?}");
        Ok(())
    })
    .await?;
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    let warnings = async || -> Result<Vec<String>> {
        let list = events.list(&ListParams::default()).await?.items;
        let packed = list.into_iter().filter(|event| event.reason.as_deref() == Some("PackedPolicySize"));
        Ok(packed.filter_map(|event| event.note).collect())
    };
    eventually("there is an Event", async || {
        let warnings = warnings().await?;
        ensure!(warnings.len() == 1 && warnings[0].contains('%'), "{warnings:?}");
        Ok(())
    })
    .await?;

    let (data, _) = env.secret("reader").await?;
    env.patch("reader", json!({"spec": {"session": {"tags": tags(30)}}})).await?;
    let message = env.shows("reader", "True", "Degraded").await?;
    assert!(message.contains("LimitExceeded") && message.contains('%'), "{message}");
    assert_eq!(env.secret("reader").await?.0, data, "the last good set is kept");

    let mut fewer = tags(30);
    for (_, value) in fewer.as_object_mut().context("no tags")?.iter_mut().skip(16) {
        *value = Value::Null; // a merge patch keeps what it does not name
    }
    env.patch("reader", json!({"spec": {"session": {"tags": fewer}}})).await?;
    env.settled("reader").await?;
    assert_eq!(warnings().await?.len(), 1, "it is told once, not with each session");
    Ok(())
}

#[tokio::test]
async fn a_session_longer_than_an_hour_raises_the_role_first_and_carries_tags_and_a_source_identity() -> Result<()> {
    let env = TestEnv::new("options").await?;
    let guardrails = json!({"principalTagKeys": ["project"], "sourceIdentities": ["reports"]});
    env.patch_account(json!({"guardrails": guardrails})).await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.session.duration_seconds = 43_200;
    role.spec.session.tags = [("project".to_owned(), "reports".to_owned())].into();
    role.spec.session.kubernetes_tags = true;
    role.spec.session.source_identity = Some("reports".to_owned());
    env.roles.create(&PostParams::default(), &role).await?;
    let role = env.settled("reader").await?;

    let found = env.aws.target.role(&env.iam_name("reader")).await?.context("there is no such role")?;
    assert_eq!(found.max_session_duration, Some(43_200));
    let set = role.status.and_then(|status| status.credentials).context("no credentials")?;
    let (issued, expires) = (set.issued_at.context("no time")?.0, set.expires_at.context("no time")?.0);
    let life_time = expires.duration_since(issued).as_secs();
    assert!((43_190..=43_210).contains(&life_time), "{life_time}");
    assert!(set.packed_policy_size_percent.is_some_and(|percent| percent > 0));
    Ok(())
}
