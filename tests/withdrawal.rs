//! Permission that is withdrawn, and what it takes along.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, annotation};
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, Patch, PatchParams},
};
use serde_json::{Value, json};

use crate::support::{life::Life, wait::eventually};

async fn allow(life: &Life, namespaces: Value) -> Result<()> {
    life.patch_account(json!({"allowedNamespaces": {"names": namespaces}})).await
}

async fn denied(life: &Life, name: &str) -> Result<()> {
    eventually("older sessions are denied", async || {
        let inline = life.scenario.aws.target.inline_policies(&life.iam_name(name)).await?;
        ensure!(inline.contains_key("crossaccount-deny-older-sessions"), "{inline:?}");
        ensure!(life.secrets.get_opt(name).await?.is_none(), "the Secret is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn copied_credentials_end_with_the_permission_and_those_of_a_new_one_work_at_once() -> Result<()> {
    let life = Life::new("copied").await?;
    let target = &life.scenario.aws.target;
    let errand = life.errand().await?;
    let _operator = life.start().await?;
    life.create(&life.on_errand("reader", &errand)).await?;
    life.settled("reader").await?;
    let copy = life.copied("reader").await?;
    target.assume(&copy, &errand, None).await?;

    allow(&life, json!([])).await?;
    denied(&life, "reader").await?;
    let refused = target.assume(&copy, &errand, None).await.err().context("the copy still works")?;
    assert!(format!("{refused:?}").contains("AccessDenied"), "{refused:?}");

    // At once, so within the second of the denial: what is published must work all the same.
    allow(&life, json!([life.scenario.namespace])).await?;
    life.settled("reader").await?;
    target.assume(&life.copied("reader").await?, &errand, None).await?;
    assert!(target.assume(&copy, &errand, None).await.is_err(), "the copy works again");
    Ok(())
}

#[tokio::test]
async fn a_denial_that_failed_in_aws_is_tried_again_until_it_stands() -> Result<()> {
    let life = Life::new("unfinished").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let outage =
        life.proxy.on("PutRolePolicy").role(&life.iam_name("reader")).error(503, "ServiceUnavailable", "try later");
    allow(&life, json!([])).await?;
    // Three attempts each; the deletion of the Secret wakes the second try by itself.
    eventually("the second try has failed as well", async || {
        ensure!(outage.hits() >= 6, "{} attempts", outage.hits());
        Ok(())
    })
    .await?;
    outage.release();
    denied(&life, "reader").await
}

#[tokio::test]
async fn a_bad_policy_does_not_keep_a_failed_renewal_from_being_tried_again() -> Result<()> {
    let life = Life::new("both").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let (data, _) = life.secret("reader").await?;
    let outage =
        life.proxy.on("AssumeRole").role(&life.iam_name("reader")).times(3).error(503, "ServiceUnavailable", "later");
    let now = jiff::Timestamp::now().to_string();
    life.patch(
        "reader",
        json!({
            "metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}},
            "spec": {"role": {"inlinePolicies": {"bad": {"Version": "2012-10-17"}}}},
        }),
    )
    .await?;
    eventually("the credentials are renewed", async || {
        ensure!(life.secret("reader").await?.0 != data, "they are those of before, {} failures", outage.hits());
        Ok(())
    })
    .await?;
    assert_eq!(outage.hits(), 3);
    Ok(())
}

#[tokio::test]
async fn a_deleted_account_goes_only_when_everybody_by_it_was_cut_off() -> Result<()> {
    let life = Life::new("account-gone").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    let accounts: Api<AWSAccount> = Api::all(life.scenario.kube.clone());
    let name = &life.scenario.namespace;
    let outage = life.proxy.on("PutRolePolicy").error(503, "ServiceUnavailable", "try later");
    accounts.delete(name, &DeleteParams::default()).await?;
    let message = life.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("is being deleted"), "{message}");
    eventually("the account says for whom it is held", async || {
        let conditions = accounts.get(name).await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == "Ready").context("no condition")?;
        ensure!(ready.reason == "Deleting" && ready.message.contains(&format!("{name}/reader")), "{ready:?}");
        Ok(())
    })
    .await?;
    outage.release();
    eventually("the account is gone", async || {
        ensure!(accounts.get_opt(name).await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    denied(&life, "reader").await
}

#[tokio::test]
async fn what_was_withdrawn_while_the_operator_was_down_is_cut_off_when_it_comes_back() -> Result<()> {
    let life = Life::new("missed").await?;
    let selector = json!({"selector": {"matchLabels": {"aws": "yes"}}, "names": null});
    let namespaces: Api<Namespace> = Api::all(life.scenario.kube.clone());
    let label = async |value: Value| -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"aws": value}}}));
        namespaces.patch(&life.scenario.namespace, &PatchParams::default(), &patch).await?;
        Ok(())
    };
    label(json!("yes")).await?;
    life.patch_account(json!({ "allowedNamespaces": selector })).await?;
    let operator = life.start().await?;
    life.ready_role("reader").await?;
    operator.kill().await?;
    label(Value::Null).await?;
    let operator = life.start().await?;
    denied(&life, "reader").await?;

    // And while it runs, by the event.
    label(json!("yes")).await?;
    life.settled("reader").await?;
    label(json!("no")).await?;
    life.shows("reader", "False", "NotAllowed").await?;
    denied(&life, "reader").await?;
    drop(operator);
    Ok(())
}

#[tokio::test]
async fn what_no_event_tells_of_is_cut_off_at_the_next_look_for_drift() -> Result<()> {
    let life = Life::new("unheard").await?;
    let selector = json!({"selector": {"matchLabels": {"aws": "yes"}}, "names": null});
    life.patch_account(json!({ "allowedNamespaces": selector })).await?;
    let namespaces: Api<Namespace> = Api::all(life.scenario.kube.clone());
    let label = async |value: Value| -> Result<()> {
        let patch = Patch::Merge(json!({"metadata": {"labels": {"aws": value}}}));
        namespaces.patch(&life.scenario.namespace, &PatchParams::default(), &patch).await?;
        Ok(())
    };
    label(json!("yes")).await?;
    let deaf = life.scenario.kubeconfig_without_events_of(&["namespaces"]).await?;
    let settings = life.settings.clone().env("KUBECONFIG", deaf.to_string_lossy()).flag("--drift-interval=2s");
    let _operator = settings.start().await?;
    life.ready_role("reader").await?;
    label(Value::Null).await?;
    life.shows("reader", "False", "NotAllowed").await?;
    denied(&life, "reader").await
}
