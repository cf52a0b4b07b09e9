//! `kubectl crossaccount status`.

use std::{process::Stdio, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use kube::api::PostParams;
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
    sync::Mutex,
};

use super::people::{Person, document};
use super::transcript;
use crate::bootstrap::plugin::run;
use lab::{env::TestEnv, operator::Operator, shipped_program, wait::eventually};

/// An object that is Ready, and one whose account does not exist.
async fn two_objects(name: &str) -> Result<(TestEnv, Operator)> {
    let env = TestEnv::new(name).await?;
    let operator = env.start().await?;
    env.ready_role("reader").await?;
    let mut lost = env.role("writer");
    lost.spec.account_ref.name = "archive".into();
    env.create(&lost).await?;
    env.shows("writer", "False", "NotAllowed").await?;
    Ok((env, operator))
}

#[tokio::test]
async fn status_shows_accounts_with_their_roles_and_what_is_wrong_with_one_of_them() -> Result<()> {
    let (env, _operator) = two_objects("status").await?;
    let admin = Person::admin(&env);
    let printed = admin.runs(&["status"]).await?;
    ensure!(printed.code == Some(1), "one object is not Ready: {printed:?}");
    transcript::check(&env, "status", &["status"], &printed)?;

    let one = admin.runs(&["status", "reader"]).await?.succeeded()?;
    ensure!(one.contains(&env.role_arn("reader")) && !one.contains("writer"), "{one}");
    Ok(())
}

#[tokio::test]
async fn the_json_of_status_has_what_the_text_has() -> Result<()> {
    let (env, _operator) = two_objects("status-json").await?;
    let printed = Person::admin(&env).runs(&["status", "-o", "json"]).await?;
    let tree = document(&printed)?;
    ensure!((&tree["version"], &tree["ready"]) == (&json!("v1"), &json!(false)), "{tree}");
    let [missing, account] = [&tree["accounts"][0], &tree["accounts"][1]];
    ensure!((&missing["name"], &missing["health"]) == (&json!("archive"), &json!("notReady")), "{missing}");
    ensure!(account["accountId"] == env.aws.target.id() && account["health"] == "ready", "{account}");
    let reader = &account["roles"][0];
    ensure!(reader["roleArn"] == env.role_arn("reader") && reader["secret"]["name"] == "reader", "{reader}");
    let problem = &missing["roles"][0]["problems"][0];
    ensure!(problem["reason"] == "NotAllowed" && problem["remedy"].is_string(), "{problem}");
    Ok(())
}

#[tokio::test]
async fn with_all_namespaces_the_objects_of_others_are_shown_and_accounts_that_nobody_uses() -> Result<()> {
    let env = TestEnv::new("status-all").await?;
    let other = env.in_another_namespace("other").await?;
    env.create(&env.role("reader")).await?;
    let mut writer = other.role("writer");
    writer.spec.account_ref.name.clone_from(&env.namespace);
    other.create(&writer).await?;
    env.accounts.create(&PostParams::default(), &env.source_account()).await?;
    let person = Person::admin(&env);
    let tree = document(&run(Person::everywhere(&["status", "-A", "-o", "json"])?, &person.environment()).await?)?;
    let account = |name: &str| tree["accounts"].as_array().into_iter().flatten().find(|one| one["name"] == name);
    let used = account(&env.namespace).context("the account is not shown")?;
    let roles: Vec<_> =
        used["roles"].as_array().into_iter().flatten().map(|one| (&one["namespace"], &one["name"])).collect();
    let expected = [(json!(env.namespace), json!("reader")), (json!(other.namespace), json!("writer"))];
    ensure!(roles == expected.each_ref().map(|(namespace, name)| (namespace, name)), "{used}");
    let unused = account(&format!("{}-source", env.namespace)).context("an account without objects is not shown")?;
    ensure!(unused["roles"] == json!([]), "{unused}");

    let both = person.runs(&["status", "-A"]).await?;
    ensure!(both.code == Some(2) && both.errors.contains("cannot be used with"), "{both:?}");
    Ok(())
}

#[tokio::test]
async fn who_may_not_read_accounts_sees_the_objects_and_which_permission_is_missing() -> Result<()> {
    let env = TestEnv::new("status-tenant").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let printed = Person::with(&env, &["get", "list"]).await?.runs(&["status"]).await?;
    ensure!(printed.code == Some(0), "what one may not see is no failure: {printed:?}");
    transcript::check(&env, "status-few-rights", &["status"], &printed)?;

    let refused = Person::with(&env, &[]).await?.runs(&["status"]).await?;
    ensure!(refused.code == Some(1) && refused.out.is_empty(), "{refused:?}");
    transcript::check(&env, "missing-permission", &["status"], &refused)
}

#[tokio::test]
async fn a_watch_shows_the_objects_again_when_one_of_them_changes() -> Result<()> {
    let env = TestEnv::new("status-watch").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let person = Person::with(&env, &["get", "list", "watch"]).await?;
    let mut command = person.command(&["status", "--watch"])?;
    let mut watching = command.envs(person.environment()).stdout(Stdio::piped()).kill_on_drop(true).spawn()?;
    let (seen, out) = (Arc::new(Mutex::new(String::new())), watching.stdout.take().context("it has no output")?);
    let lines = seen.clone();
    let reading = tokio::spawn(async move {
        let mut out = BufReader::new(out).lines();
        while let Ok(Some(line)) = out.next_line().await {
            lines.lock().await.push_str(&(line + "\n"));
        }
    });
    let shows = async |words: &str| {
        eventually(&format!("the watch shows {words:?}"), async || {
            let seen = seen.lock().await;
            ensure!(seen.contains(words), "{seen}");
            Ok(())
        })
        .await
    };
    shows("reader  Available").await?;
    env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    shows("reader  Suspended").await?;
    env.create(&env.role("writer")).await?;
    shows("writer  Available").await?;
    watching.kill().await?;
    reading.await?;
    Ok(())
}

#[tokio::test]
async fn kubectl_finds_the_plugin_by_its_name() -> Result<()> {
    let env = TestEnv::bare("status-kubectl").await?;
    let plugin = shipped_program("kubectl-crossaccount")?;
    let folder = plugin.parent().context("it is in no folder")?;
    let mut kubectl = Command::new(env.control_plane.programs().join("kubectl"));
    kubectl.env("PATH", folder).env("KUBECONFIG", env.control_plane.admin_kubeconfig());
    let printed = lab::run(kubectl.args(["crossaccount", "status", "-n", &env.namespace])).await?;
    ensure!(printed == format!("There are no CrossAccountRoles in namespace {}.\n", env.namespace), "{printed}");
    Ok(())
}
