//! Revocation and renewal by annotation.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use jiff::Timestamp;
use serde_json::json;

use lab::{env::TestEnv, wait::eventually};

#[tokio::test]
async fn a_requested_revocation_denies_a_copied_credential_and_issues_one_that_works() -> Result<()> {
    let env = TestEnv::new("revoked").await?;
    let errand = env.errand().await?;
    let _operator = env.start().await?;
    env.create(&env.on_errand("reader", &errand)).await?;
    let before = env.settled("reader").await?;
    let target = &env.aws.target;
    let copy = env.copied("reader").await?;
    target.assume(&copy, &errand, None).await?;

    let now = Timestamp::now().to_string();
    env.patch("reader", json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: now}}})).await?;
    let after = env.issued_again("reader", &before).await?;
    let refused = target.assume(&copy, &errand, None).await.err().context("the copy still works")?;
    assert!(format!("{refused:?}").contains("AccessDenied"), "{refused:?}");
    target.assume(&env.copied("reader").await?, &errand, None).await?;
    let denied_before =
        after.status.and_then(|s| s.role).and_then(|r| r.denied_before).context("status tells no denial")?;

    // The request is met: another reconcile denies and issues nothing more.
    env.proxy.reset_counts();
    env.patch("reader", json!({"spec": {"role": {"description": "another reconcile"}}})).await?;
    let again = env.settled("reader").await?;
    assert_eq!((env.proxy.count("AssumeRole"), env.proxy.count("PutRolePolicy")), (0, 0));
    assert_eq!(again.status.and_then(|s| s.role).and_then(|r| r.denied_before), Some(denied_before));
    Ok(())
}

#[tokio::test]
async fn a_revocation_that_failed_in_aws_is_tried_again_and_the_revoked_set_is_not_called_good() -> Result<()> {
    let env = TestEnv::new("insisted").await?;
    let _operator = env.start().await?;
    let before = env.ready_role("reader").await?;
    let outage =
        env.proxy.on("PutRolePolicy").role(&env.iam_name("reader")).error(503, "ServiceUnavailable", "try later");
    let now = Timestamp::now().to_string();
    env.patch("reader", json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: now}}})).await?;
    env.shows("reader", "True", "Degraded").await?; // nothing is revoked yet, and the set works
    outage.release();
    env.issued_again("reader", &before).await?;
    let inline = env.aws.target.inline_policies(&env.iam_name("reader")).await?;
    assert!(inline.contains_key("crossaccount-deny"), "{inline:?}");
    Ok(())
}

#[tokio::test]
async fn an_annotation_that_is_not_a_time_is_reported_and_breaks_nothing() -> Result<()> {
    let env = TestEnv::new("mistyped").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    for key in [annotation::REVOKE_REQUESTED_AT, annotation::RENEW_REQUESTED_AT] {
        env.patch("reader", json!({"metadata": {"annotations": {key: "now"}}})).await?;
        let message = env.shows("reader", "True", "Degraded").await?;
        assert!(message.contains(key) && message.contains("RFC 3339"), "{message}");
        env.patch("reader", json!({"metadata": {"annotations": {key: null}}})).await?;
        env.settled("reader").await?;
    }

    // A request beside it is met.
    let (data, _) = env.secret("reader").await?;
    let annotations = json!({annotation::REVOKE_REQUESTED_AT: "now", annotation::RENEW_REQUESTED_AT: Timestamp::now()});
    env.patch("reader", json!({"metadata": {"annotations": annotations}})).await?;
    eventually("new credentials are issued", async || {
        ensure!(env.secret("reader").await?.0 != data, "they are the earlier ones");
        Ok(())
    })
    .await
}
