//! `kubectl crossaccount renew`, `revoke`, `suspend` and `resume`.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::annotation;
use kube::api::DeleteParams;

use super::people::Person;
use super::transcript;
use lab::{env::TestEnv, tester::Tester, wait::eventually};

#[tokio::test]
async fn renew_returns_when_the_secret_holds_new_credentials() -> Result<()> {
    let env = TestEnv::new("renew").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let before = env.secret("reader").await?.0;
    let printed = Person::admin(&env).runs(&["renew", "reader"]).await?;
    ensure!(printed.code == Some(0), "{printed:?}");
    ensure!(env.secret("reader").await?.0 != before, "the Secret holds the earlier credentials");
    let object = env.roles.get("reader").await?;
    let owner = |field: &str| {
        let managed = object.metadata.managed_fields.iter().flatten();
        managed.filter(|by| by.fields_v1.as_ref().is_some_and(|fields| fields.0.to_string().contains(field))).count()
    };
    ensure!(owner(annotation::RENEW_REQUESTED_AT) == 1, "the annotation has one manager");
    transcript::check(&env, "renew", &["renew", "reader"], &printed)
}

#[tokio::test]
async fn revoke_asks_first_and_with_yes_a_copy_of_the_credentials_is_denied_when_it_returns() -> Result<()> {
    let env = TestEnv::new("revoke").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role("reader")).await?;
    env.settled("reader").await?;
    let copy = tester.has_a_working_set("reader").await?;
    let admin = Person::admin(&env);

    let refused = admin.runs(&["revoke", "reader"]).await?;
    ensure!(refused.code == Some(1) && refused.errors.contains("--yes"), "{refused:?}");
    ensure!(tester.works(&copy).await?, "it was revoked although nobody confirmed it");

    let printed = admin.runs(&["revoke", "reader", "--yes"]).await?;
    ensure!(printed.code == Some(0), "{printed:?}");
    ensure!(!tester.works(&copy).await?, "the copy still works");
    tester.has_a_working_set("reader").await?;
    transcript::check(&env, "revoke", &["revoke", "reader", "--yes"], &printed)
}

#[tokio::test]
async fn a_suspended_object_is_left_alone_until_it_is_resumed() -> Result<()> {
    let env = TestEnv::new("suspend").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let admin = Person::admin(&env);
    let suspended = admin.runs(&["suspend", "reader"]).await?;
    ensure!(env.roles.get("reader").await?.spec.suspend, "{suspended:?}");
    transcript::check(&env, "suspend", &["suspend", "reader"], &suspended)?;

    let refused = admin.runs(&["renew", "reader"]).await?;
    ensure!(refused.code == Some(1) && refused.errors.contains("is suspended"), "{refused:?}");

    let resumed = admin.runs(&["resume", "reader"]).await?;
    env.settled("reader").await?;
    transcript::check(&env, "resume", &["resume", "reader"], &resumed)
}

#[tokio::test]
async fn what_the_operator_cannot_do_in_time_is_said_with_the_reason() -> Result<()> {
    let env = TestEnv::new("renew-late").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.proxy.on("AssumeRole").role(&env.iam_name("reader")).error(503, "ServiceUnavailable", "try later");
    env.secrets.delete("reader", &DeleteParams::default()).await?;
    eventually("the operator fails", async || {
        let said = env.told("reader").await?;
        ensure!(said.contains("ServiceUnavailable"), "{said}");
        Ok(())
    })
    .await?;
    let printed = Person::admin(&env).runs(&["renew", "reader", "--timeout", "3s"]).await?;
    ensure!(printed.code == Some(1), "{printed:?}");
    ensure!(printed.errors.contains("after 3 s") && printed.errors.contains("ServiceUnavailable"), "{printed:?}");
    ensure!(printed.errors.contains("Waiting for new credentials"), "there is no progress: {printed:?}");
    Ok(())
}

#[tokio::test]
async fn who_may_not_change_an_object_reads_which_permission_is_missing() -> Result<()> {
    let env = TestEnv::new("renew-tenant").await?;
    env.create(&env.role("reader")).await?;
    for (verbs, missing) in [
        (&["list"][..], "you may not get crossaccountroles.iam.crossaccount.dev in namespace"),
        (&["list", "get"], "you may not patch crossaccountroles.iam.crossaccount.dev in namespace"),
        (&["list", "get", "patch"], "you may not watch crossaccountroles.iam.crossaccount.dev in namespace"),
    ] {
        let printed = Person::with(&env, verbs).await?.runs(&["renew", "reader"]).await?;
        ensure!(printed.code == Some(1) && printed.errors.contains(missing), "{verbs:?}: {printed:?}");
    }
    let without_waiting = Person::with(&env, &["list", "get", "patch"]).await?;
    without_waiting.runs(&["renew", "reader", "--wait=false"]).await?.succeeded()?;
    let annotations = env.roles.get("reader").await?.metadata.annotations.context("nothing was written")?;
    ensure!(annotations.contains_key(annotation::RENEW_REQUESTED_AT), "{annotations:?}");
    Ok(())
}
