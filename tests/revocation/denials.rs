//! A denial that stands in AWS is never removed, weakened or shortened by the operator.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{Lifecycle, annotation};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Time};
use kube::{Api, api::ListParams};
use serde_json::{Value, json};

use lab::{
    aws::{Identity, policy},
    deployment::Deployment,
    wait::eventually,
};

/// What the IAM console writes when somebody revokes the sessions of a role (IAM user guide, "Revoking IAM role temporary
/// security credentials").
const CONSOLE: &str = "AWSRevokeOlderSessions";

async fn inline(deployment: &Deployment, name: &str) -> Result<Option<Value>> {
    Ok(deployment.env.aws.target.inline_policies(&deployment.env.iam_name("reader")).await?.remove(name))
}

#[tokio::test]
async fn a_revocation_from_the_iam_console_stays_and_a_set_issued_after_it_works() -> Result<()> {
    let deployment = Deployment::new("console").await?;
    let _operator = deployment.env.settings.clone().flag("--drift-interval=1s").start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    let copy = deployment.env.copied("reader").await?;
    let before = deployment.env.settled("reader").await?;
    deployment.runs_errand(&copy).await?;

    let moment = Timestamp::now() + SignedDuration::from_secs(1);
    let condition = json!({"DateLessThan": {"aws:TokenIssueTime": moment.to_string()}});
    let revoke = policy(&json!({"Effect": "Deny", "Action": ["*"], "Resource": ["*"], "Condition": condition}));
    deployment.env.aws.target.put_role_policy(&deployment.env.iam_name("reader"), CONSOLE, &revoke).await?;
    deployment.env.compared_again("reader", 3).await?;
    deployment.is_dead_now(&copy).await?;
    deployment.is_dead_now(&session).await?;
    assert_eq!(inline(&deployment, CONSOLE).await?, Some(revoke));

    deployment.env.issued_again("reader", &before).await?;
    deployment.runs_errand(&deployment.env.copied("reader").await?).await?;
    deployment.is_dead_now(&copy).await
}

#[tokio::test]
async fn a_quarantine_put_on_by_hand_stays_while_other_drift_is_repaired() -> Result<()> {
    let deployment = Deployment::new("quarantine").await?;
    let _operator = deployment.env.settings.clone().flag("--drift-interval=1s").start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    declared_and_undeclared(&deployment, "no-delete").await?;
    let (target, role) = (&deployment.env.aws.target, deployment.env.iam_name("reader"));
    let nothing = policy(&json!([
        {"Effect": "Deny", "Action": "sts:*", "Resource": "*"},
        {"Effect": "Deny", "NotAction": "s3:GetObject", "Resource": "*"},
    ]));
    target.put_role_policy(&role, "quarantine", &nothing).await?;
    let more = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    target.put_role_policy(&role, "more", &more).await?;
    eventually("what was allowed by hand is taken away", async || {
        ensure!(inline(&deployment, "more").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    deployment.env.compared_again("reader", 3).await?;
    deployment.is_dead_now(&session).await?;
    assert_eq!(inline(&deployment, "quarantine").await?, Some(nothing));
    eventually("an Event names it", async || {
        let events: Api<Event> = Api::namespaced(deployment.env.kube.clone(), &deployment.env.namespace);
        let notes = events.list(&ListParams::default()).await?.into_iter().filter_map(|event| event.note);
        let notes: Vec<String> = notes.collect();
        ensure!(notes.iter().any(|note| note.contains("quarantine")), "the Events are {notes:?}");
        Ok(())
    })
    .await
}

/// What the object itself declared goes with its declaration, although it only denies.
async fn declared_and_undeclared(deployment: &Deployment, name: &str) -> Result<()> {
    let denial = policy(&json!({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}));
    deployment.env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {name: denial}}}})).await?;
    deployment.env.settled("reader").await?;
    ensure!(inline(deployment, name).await?.is_some(), "it is not there");
    deployment.env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {name: null}}}})).await?;
    deployment.env.settled("reader").await?;
    ensure!(inline(deployment, name).await?.is_none(), "it is there");
    Ok(())
}

/// Waits until all earlier sessions are denied as the annotation requests.
async fn revoke(deployment: &Deployment, session: &Identity) -> Result<()> {
    let before = deployment.env.settled("reader").await?;
    let annotations = json!({annotation::REVOKE_REQUESTED_AT: Timestamp::now()});
    deployment.env.patch("reader", json!({"metadata": {"annotations": annotations}})).await?;
    deployment.env.issued_again("reader", &before).await?;
    deployment.is_dead_now(session).await
}

/// Lets the objects of the account keep their roles.
async fn allow_retain(deployment: &Deployment) -> Result<()> {
    deployment.env.patch_account(json!({"guardrails": {"deletionPolicies": ["Delete", "Retain"]}})).await
}

/// The role of a deleted object: it says from whom it was released, and no longer that it is ours.
async fn is_released(deployment: &Deployment, role: &str) -> Result<()> {
    let tags = deployment.env.aws.target.role(role).await?.context("the role is gone")?.tags;
    let from = tags.get("crossaccount.dev/released-from").with_context(|| format!("the tags are {tags:?}"))?;
    ensure!(from.ends_with(&format!("/{}/reader", deployment.env.namespace)), "{from}");
    let owner = ["cluster", "namespace", "name", "uid", "created"].map(|key| format!("crossaccount.dev/{key}"));
    ensure!(!owner.iter().any(|key| tags.contains_key(key)), "{tags:?}");
    Ok(())
}

#[tokio::test]
async fn a_withdrawn_session_stays_dead_when_its_object_goes_and_the_role_is_retained() -> Result<()> {
    let deployment = Deployment::new("withdrawn-kept").await?;
    allow_retain(&deployment).await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    deployment.withdraw().await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.shows("reader", "False", "NotAllowed").await?;

    deployment.env.patch("reader", json!({"spec": {"role": {"deletionPolicy": "Retain"}}})).await?;
    deployment.delete("reader").await?;
    deployment.is_dead_now(&session).await?;
    deployment.is_kept_out_now("reader").await?;
    deployment.everything_is_denied("reader").await?;
    is_released(&deployment, &deployment.env.iam_name("reader")).await
}

#[tokio::test]
async fn a_revoked_session_stays_dead_when_its_object_goes_and_the_role_is_retained() -> Result<()> {
    let deployment = Deployment::new("revoked-kept").await?;
    allow_retain(&deployment).await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    deployment.env.patch("reader", json!({"spec": {"role": {"deletionPolicy": "Retain"}}})).await?;
    deployment.env.settled("reader").await?;
    revoke(&deployment, &session).await?;
    let denied = deployment.denied_before("reader").await?;
    let copy = deployment.env.copied("reader").await?;
    deployment.env.a_second_after(Some(&Time(denied))).await?;
    let others = deployment.assume(&deployment.deployer, "reader").await?;

    deployment.delete("reader").await?;
    deployment.is_dead_now(&session).await?;
    deployment.is_dead_now(&copy).await?; // the operator's own
    deployment.runs_errand(&others).await?; // the role is kept for them
    let left = deployment.denied_before("reader").await?;
    ensure!(left >= denied, "sessions are denied before {left}, not before {denied}");
    is_released(&deployment, &deployment.env.iam_name("reader")).await
}

#[tokio::test]
async fn a_revoked_session_stays_dead_when_an_adopted_role_is_given_back() -> Result<()> {
    const BY_HAND: &str = "made-by-hand";
    let deployment = Deployment::new("revoked-back").await?;
    deployment.env.patch_account(json!({"guardrails": {"lifecycles": ["Adopt"], "roleNames": [BY_HAND]}})).await?;
    let target = &deployment.env.aws.target;
    let operator = &deployment.env.aws.operator.arn;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": operator}}));
    let nothing = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}));
    target.create_role(BY_HAND, &trust, &nothing).await?;
    deployment.env.aws.also_manage(&[&format!("role/{BY_HAND}")]).await?;
    let _operator = deployment.env.start().await?;
    let mut role = deployment.open_role("reader");
    role.spec.role.name = Some(BY_HAND.to_owned());
    role.spec.role.lifecycle = Lifecycle::Adopt;
    deployment.env.create(&role).await?;
    deployment.env.settled("reader").await?;
    let arn = format!("arn:aws:iam::{}:role/{BY_HAND}", target.id());
    let session = deployment.assume_arn(&deployment.deployer, &arn).await?;
    deployment.runs_errand(&session).await?;
    revoke(&deployment, &session).await?;

    deployment.delete("reader").await?;
    deployment.is_dead_now(&session).await?;
    is_released(&deployment, BY_HAND).await
}
