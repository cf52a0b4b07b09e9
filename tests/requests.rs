//! What people ask for: revocation, suspension, the end of an expired Secret.

use anyhow::{Context as _, Result, ensure};
use crossaccount::{
    api::{CrossAccountRole, OnExpiry, annotation},
    decide::{published::Publication, secret::DesiredSecret},
    domain::{Region, SecretText},
};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::ByteString;
use kube::api::{Patch, PatchParams};
use serde_json::json;

use crate::support::{emulator::REGION, life::Life, wait::eventually};

#[tokio::test]
async fn a_requested_revocation_denies_a_copied_credential_and_issues_one_that_works() -> Result<()> {
    let life = Life::new("revoked").await?;
    let errand = life.errand().await?;
    let _operator = life.start().await?;
    life.create(&life.on_errand("reader", &errand)).await?;
    let before = life.settled("reader").await?;
    let target = &life.scenario.aws.target;
    let copy = life.copied("reader").await?;
    target.assume(&copy, &errand, None).await?;

    let now = Timestamp::now().to_string();
    life.patch("reader", json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: now}}})).await?;
    let after = life.issued_again("reader", &before).await?;
    let refused = target.assume(&copy, &errand, None).await.err().context("the copy still works")?;
    assert!(format!("{refused:?}").contains("AccessDenied"), "{refused:?}");
    target.assume(&life.copied("reader").await?, &errand, None).await?;
    let denied_before =
        after.status.and_then(|s| s.role).and_then(|r| r.denied_before).context("status tells no denial")?;

    // The request is met: another reconcile denies and issues nothing more.
    life.proxy.reset_counts();
    life.patch("reader", json!({"spec": {"role": {"description": "another reconcile"}}})).await?;
    let again = life.settled("reader").await?;
    assert_eq!((life.proxy.count("AssumeRole"), life.proxy.count("PutRolePolicy")), (0, 0));
    assert_eq!(again.status.and_then(|s| s.role).and_then(|r| r.denied_before), Some(denied_before));
    Ok(())
}

#[tokio::test]
async fn a_revocation_that_failed_in_aws_is_tried_again_and_the_revoked_set_is_not_called_good() -> Result<()> {
    let life = Life::new("insisted").await?;
    let _operator = life.start().await?;
    let before = life.ready_role("reader").await?;
    let outage =
        life.proxy.on("PutRolePolicy").role(&life.iam_name("reader")).error(503, "ServiceUnavailable", "try later");
    let now = Timestamp::now().to_string();
    life.patch("reader", json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: now}}})).await?;
    life.shows("reader", "True", "Degraded").await?; // nothing is revoked yet, and the set works
    outage.release();
    life.issued_again("reader", &before).await?;
    let inline = life.scenario.aws.target.inline_policies(&life.iam_name("reader")).await?;
    assert!(inline.contains_key("crossaccount-deny-older-sessions"), "{inline:?}");
    Ok(())
}

#[tokio::test]
async fn an_annotation_that_is_no_time_is_told_and_breaks_nothing() -> Result<()> {
    let life = Life::new("mistyped").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    for key in [annotation::REVOKE_REQUESTED_AT, annotation::RENEW_REQUESTED_AT] {
        life.patch("reader", json!({"metadata": {"annotations": {key: "now"}}})).await?;
        let message = life.shows("reader", "True", "Degraded").await?;
        assert!(message.contains(key) && message.contains("RFC 3339"), "{message}");
        life.patch("reader", json!({"metadata": {"annotations": {key: null}}})).await?;
        life.settled("reader").await?;
    }

    // A request beside it is met.
    let (data, _) = life.secret("reader").await?;
    let annotations = json!({annotation::REVOKE_REQUESTED_AT: "now", annotation::RENEW_REQUESTED_AT: Timestamp::now()});
    life.patch("reader", json!({"metadata": {"annotations": annotations}})).await?;
    eventually("new credentials are issued", async || {
        ensure!(life.secret("reader").await?.0 != data, "they are those of before");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_suspended_object_causes_no_call_until_it_goes_on() -> Result<()> {
    let life = Life::new("suspended").await?;
    let _operator = life.start().await?;
    let before = life.ready_role("reader").await?;
    let issued = before.status.clone().and_then(|status| status.credentials).and_then(|set| set.issued_at);
    life.a_second_after(issued.as_ref()).await?;
    life.proxy.reset_counts();
    let now = Timestamp::now().to_string();
    life.patch(
        "reader",
        json!({
            "metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now}},
            "spec": {"suspend": true, "role": {"description": "changed while suspended"}},
        }),
    )
    .await?;
    life.shows("reader", "True", "Suspended").await?;
    assert_eq!(life.actions(), Vec::<String>::new());

    life.patch("reader", json!({"spec": {"suspend": false}})).await?;
    life.issued_again("reader", &before).await?;
    let found = life.scenario.aws.target.role(&life.iam_name("reader")).await?.context("no role")?;
    assert_eq!(found.description.as_deref(), Some("changed while suspended"));
    Ok(())
}

#[tokio::test]
async fn an_object_that_is_suspended_from_the_start_makes_nothing_and_can_be_deleted() -> Result<()> {
    let life = Life::new("dormant").await?;
    let _operator = life.start().await?;
    let mut role = life.scenario.role("reader");
    role.spec.suspend = true;
    life.create(&role).await?;
    life.shows("reader", "False", "Suspended").await?;
    assert!(life.scenario.aws.target.role(&life.iam_name("reader")).await?.is_none());
    life.roles.delete("reader", &kube::api::DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(life.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn suspension_does_not_keep_access_that_is_no_longer_allowed() -> Result<()> {
    let life = Life::new("sheltered").await?;
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    life.patch("reader", json!({"spec": {"suspend": true}})).await?;
    life.shows("reader", "True", "Suspended").await?;
    life.patch_account(json!({"allowedNamespaces": {"names": []}})).await?;
    life.shows("reader", "False", "NotAllowed").await?;
    assert!(life.secrets.get_opt("reader").await?.is_none());
    Ok(())
}

/// Puts back the clock of the Secret: its set expired a minute ago, as after an outage of AWS.
async fn let_expire(life: &Life, role: &CrossAccountRole) -> Result<()> {
    let name = role.metadata.name.as_deref().context("no name")?;
    let (data, annotations) = life.secret(name).await?;
    let data = data.into_iter().map(|(key, text)| (key, SecretText::new(text))).collect();
    let mut set = Publication::read(&data, &annotations).context("the Secret holds no set")?;
    set.credentials.expires_at = Timestamp::now() - SignedDuration::from_mins(1);
    set.issued_at = set.credentials.expires_at - SignedDuration::from_hours(1);
    let region = Region::parse(REGION).context("no region")?;
    let secret =
        DesiredSecret::of(&role.spec.secret, name, region).map_err(|refusal| anyhow::anyhow!(refusal.message))?;
    let content = secret.render(&set);
    let data: std::collections::BTreeMap<String, ByteString> =
        content.data.iter().map(|(key, text)| (key.clone(), ByteString(text.expose().as_bytes().to_vec()))).collect();
    let patch = Patch::Merge(json!({"metadata": {"annotations": content.annotations}, "data": data}));
    life.secrets.patch(name, &PatchParams::default(), &patch).await?;
    Ok(())
}

#[tokio::test]
async fn a_set_that_expired_is_told_and_kept_or_deleted_as_declared() -> Result<()> {
    let life = Life::new("expired").await?;
    let operator = life.start().await?;
    for (name, on_expiry) in [("kept", OnExpiry::Keep), ("deleted", OnExpiry::Delete)] {
        let mut role = life.scenario.role(name);
        role.spec.secret.on_expiry = on_expiry;
        life.create(&role).await?;
        life.settled(name).await?;
    }
    operator.stop().await?;
    for name in ["kept", "deleted"] {
        let_expire(&life, &life.roles.get(name).await?).await?;
    }
    let outage = life.proxy.on("AssumeRole").error(503, "ServiceUnavailable", "try later");
    let _operator = life.start().await?;
    for name in ["kept", "deleted"] {
        let message = life.shows(name, "False", "Expired").await?;
        assert!(message.contains("ServiceUnavailable"), "{message}");
    }
    eventually("the Secret of the one is gone", async || {
        ensure!(life.secrets.get_opt("deleted").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    assert!(life.secrets.get_opt("kept").await?.is_some());
    life.patch("deleted", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    life.shows("deleted", "False", "Expired").await?; // the end of the set is still what is told

    outage.release();
    for name in ["kept", "deleted"] {
        life.settled(name).await?;
        assert!(life.secrets.get_opt(name).await?.is_some(), "{name}");
    }
    Ok(())
}
