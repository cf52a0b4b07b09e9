//! What a session may do and for how long.

use anyhow::{Context as _, Result, ensure};
use k8s_openapi::api::events::v1::Event;
use kube::{Api, api::ListParams};
use serde_json::{Value, json};

use crate::support::{aws::policy, builders::document, life::Life, wait::eventually};

async fn is_denied(life: &Life, errand: &str) -> Result<()> {
    let refused = life.scenario.aws.target.assume(&life.copied("reader").await?, errand, None).await;
    let refused = refused.err().context("the session may do what it should not")?;
    assert!(format!("{refused:?}").contains("AccessDenied"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_session_of_twelve_hours_raises_the_role_first() -> Result<()> {
    let life = Life::new("twelve").await?;
    let _operator = life.start().await?;
    let mut role = life.scenario.role("reader");
    role.spec.session.duration_seconds = 43_200;
    life.create(&role).await?;
    let set = life.settled("reader").await?.status.and_then(|status| status.credentials).context("no credentials")?;
    let (issued, expires) = (set.issued_at.context("no time")?.0, set.expires_at.context("no time")?.0);
    let life_of_set = expires.duration_since(issued).as_secs();
    assert!((43_190..=43_200).contains(&life_of_set), "{life_of_set}");
    let found = life.scenario.aws.target.role(&life.iam_name("reader")).await?.context("no role")?;
    assert_eq!(found.max_session_duration, Some(43_200));
    Ok(())
}

#[tokio::test]
async fn session_policies_narrow_what_the_role_may_and_a_change_of_them_issues_anew() -> Result<()> {
    let life = Life::new("narrowed").await?;
    let errand = life.errand().await?;
    let _operator = life.start().await?;
    let mut role = life.on_errand("reader", &errand);
    let only_s3 = policy(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
    role.spec.session.policy = Some(document(&only_s3));
    life.create(&role).await?;
    let first = life.settled("reader").await?;
    is_denied(&life, &errand).await?;

    life.patch("reader", json!({"spec": {"session": {"policy": null}}})).await?;
    let second = life.issued_again("reader", &first).await?;
    life.scenario.aws.target.assume(&life.copied("reader").await?, &errand, None).await?;

    let read_only = life.scenario.aws.target.create_policy("only-s3", &only_s3).await?;
    let issued = second.status.clone().and_then(|status| status.credentials).and_then(|set| set.issued_at);
    life.a_second_after(issued.as_ref()).await?;
    life.patch("reader", json!({"spec": {"session": {"policyArns": [read_only]}}})).await?;
    life.issued_again("reader", &second).await?;
    is_denied(&life, &errand).await
}

fn tags(count: usize) -> Value {
    let tag = |n| (format!("{n:03}-{}", "k".repeat(60)), json!("v".repeat(120)));
    Value::Object((0..count).map(tag).collect())
}

#[tokio::test]
async fn people_are_warned_when_tags_and_policies_nearly_fill_their_room_and_told_when_they_do_not_fit() -> Result<()> {
    let life = Life::new("packed").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    life.patch("reader", json!({"spec": {"session": {"tags": tags(16)}}})).await?;
    eventually("the share is in the status", async || {
        let role = life.settled("reader").await?;
        let set = role.status.clone().unwrap_or_default().credentials.unwrap_or_default();
        ensure!(set.packed_policy_size_percent.is_some_and(|percent| percent >= 80), "{set:?}");
        Ok(())
    })
    .await?;
    let events: Api<Event> = Api::namespaced(life.scenario.kube.clone(), &life.scenario.namespace);
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

    let (data, _) = life.secret("reader").await?;
    life.patch("reader", json!({"spec": {"session": {"tags": tags(30)}}})).await?;
    let message = life.shows("reader", "True", "Degraded").await?;
    assert!(message.contains("LimitExceeded") && message.contains('%'), "{message}");
    assert_eq!(life.secret("reader").await?.0, data, "the last good set is kept");

    let mut fewer = tags(30);
    for (_, value) in fewer.as_object_mut().context("no tags")?.iter_mut().skip(16) {
        *value = Value::Null; // a merge patch keeps what it does not name
    }
    life.patch("reader", json!({"spec": {"session": {"tags": fewer}}})).await?;
    life.settled("reader").await?;
    assert_eq!(warnings().await?.len(), 1, "it is told once, not with each session");
    Ok(())
}
