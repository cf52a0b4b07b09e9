//! `kubectl crossaccount orphans`.

use anyhow::{Context as _, Result, ensure};
use kube::api::DeleteParams;
use tokio::process::Command;

use super::people::{Person, document};
use super::transcript;
use crate::bootstrap::plugin::{Printed, administrator_of, run};
use lab::{aws::Account, env::TestEnv, shipped_program, wait::eventually};

/// The object that goes without its role.
const LEFT: &str = "left";

/// An account with a role whose object is gone, as when somebody removes a finalizer by hand, and one whose object is there.
async fn stage(name: &str) -> Result<TestEnv> {
    let env = TestEnv::new(name).await?;
    let operator = env.start().await?;
    env.ready_role(LEFT).await?;
    env.ready_role("kept").await?;
    operator.kill().await?;
    abandon(&env).await?;
    Ok(env)
}

async fn abandon(env: &TestEnv) -> Result<()> {
    env.patch(LEFT, serde_json::json!({"metadata": {"finalizers": []}})).await?;
    env.roles.delete(LEFT, &DeleteParams::default()).await?;
    env.gone(LEFT).await
}

async fn orphans(env: &TestEnv, words: &[&str]) -> Result<Printed> {
    orphans_as(env, &Person::admin(env), &env.aws.target, words).await
}

/// Runs the command as this person, with the AWS credentials of the administrator of an account.
async fn orphans_as(env: &TestEnv, person: &Person, account: &Account, words: &[&str]) -> Result<Printed> {
    let mut command = Command::new(shipped_program("kubectl-crossaccount")?);
    command.arg("orphans").args(words).stdin(std::process::Stdio::null());
    let aws = administrator_of(account, &env.proxy.endpoint());
    let environment: Vec<_> = person.environment().into_iter().chain(aws).collect();
    run(command, &environment).await
}

/// What was printed, with the same name of the cluster in every run.
async fn shown(env: &TestEnv, words: &[&str], printed: &Printed) -> Result<()> {
    let listed = document(&orphans(env, &["list", &env.namespace, "-o", "json"]).await?)?;
    let cluster = listed["cluster"].as_str().context("no cluster")?;
    let steady = |text: &str| text.replace(cluster, "5f0c1a52-0000-4000-8000-000000000000");
    let steady = Printed { code: printed.code, out: steady(&printed.out), errors: steady(&printed.errors) };
    let [command, ..] = words else { return Ok(()) };
    let words: Vec<&str> = ["orphans"].iter().chain(words).copied().collect();
    transcript::check(env, &format!("orphans-{command}"), &words, &steady)
}

#[tokio::test]
async fn an_orphan_is_listed_and_its_object_is_made_again_with_the_role_as_it_was() -> Result<()> {
    let env = stage("orphans-adopt").await?;
    let (account, iam_name, target) = (env.namespace.as_str(), env.iam_name(LEFT), &env.aws.target);
    let before = (target.inline_policies(&iam_name).await?, target.attached_policies(&iam_name).await?);
    let id = target.role(&iam_name).await?.context("the role is gone")?.id;

    let listed = orphans(&env, &["list", account]).await?;
    shown(&env, &["list", "analytics"], &listed).await?;
    let json = document(&orphans(&env, &["list", account, "-o", "json"]).await?)?;
    ensure!(json["orphans"].as_array().is_some_and(|all| all.len() == 1), "{json}");
    let orphan = &json["orphans"][0];
    ensure!(orphan["roleArn"] == env.role_arn(LEFT) && orphan["name"] == LEFT && orphan["deletable"] == true, "{json}");

    let printed = orphans(&env, &["adopt", account, &iam_name, "--dry-run"]).await?;
    shown(&env, &["adopt", "analytics", "analytics-left", "--dry-run"], &printed).await?;
    let refused = orphans(&env, &["adopt", account, &iam_name]).await?;
    ensure!(refused.code == Some(1) && refused.errors.contains("--yes"), "{refused:?}");
    ensure!(env.roles.get_opt(LEFT).await?.is_none(), "the object was created although nobody confirmed it");

    let adopted = orphans(&env, &["adopt", account, &iam_name, "--yes"]).await?;
    ensure!(adopted.errors.contains("lifecycle: Create\n"), "the manifest is shown: {adopted:?}");
    adopted.succeeded()?;
    let _operator = env.start().await?;
    env.settled(LEFT).await?;
    let role = target.role(&iam_name).await?.context("the role is gone")?;
    ensure!(role.id == id && role.tags["crossaccount.dev/created"] == "true", "{role:?}");
    let after = (target.inline_policies(&iam_name).await?, target.attached_policies(&iam_name).await?);
    ensure!(after == before, "the role changed: {after:?}");

    let none = orphans(&env, &["list", account]).await?.succeeded()?;
    ensure!(none.contains("has no orphans"), "{none}");
    Ok(())
}

#[tokio::test]
async fn an_orphan_is_deleted_with_its_policies_and_a_role_that_is_none_is_not() -> Result<()> {
    let env = stage("orphans-delete").await?;
    let (account, left, kept, target) =
        (env.namespace.as_str(), env.iam_name(LEFT), env.iam_name("kept"), &env.aws.target);
    let refused = orphans(&env, &["delete", account, &left]).await?;
    ensure!(refused.code == Some(1) && refused.errors.contains("--yes"), "{refused:?}");
    ensure!(target.role(&left).await?.is_some(), "the role was deleted although nobody confirmed it");

    let profile = target.iam().create_instance_profile().instance_profile_name("hosts");
    profile.send().await?;
    target.iam().add_role_to_instance_profile().instance_profile_name("hosts").role_name(&left).send().await?;
    let printed = orphans(&env, &["delete", account, &kept, &left, "missing", "--yes"]).await?;
    ensure!(printed.code == Some(1), "two of them are no orphans: {printed:?}");
    ensure!(printed.out.contains(&format!("{} is deleted", env.role_arn(LEFT))), "{printed:?}");
    for role in [kept.as_str(), "missing"] {
        let words = format!("role {role} is not an orphan of AWSAccount {account}");
        ensure!(printed.errors.contains(&words), "{words}: {printed:?}");
    }
    ensure!(target.role(&left).await?.is_none(), "the role is there");
    ensure!(target.role(&kept).await?.is_some(), "a role with an object was deleted");
    Ok(())
}

#[tokio::test]
async fn a_deletion_that_fails_in_the_middle_says_what_is_left_and_goes_on_when_it_is_repeated() -> Result<()> {
    let env = stage("orphans-middle").await?;
    let (account, left, target) = (env.namespace.as_str(), env.iam_name(LEFT), &env.aws.target);
    env.proxy.on("DetachRolePolicy").times(1).error(403, "AccessDenied", "not authorized to perform this");
    let words = ["delete", account, &left, "--yes"];
    let failed = orphans(&env, &words).await?;
    ensure!(failed.code == Some(1) && failed.out.is_empty(), "{failed:?}");
    for said in [
        "is not allowed iam:DetachRolePolicy",
        "Still there: managed policy arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess",
    ] {
        ensure!(failed.errors.contains(said), "{said}: {failed:?}");
    }
    ensure!(target.inline_policies(&left).await?.is_empty(), "the other steps of the stage were tried");

    let printed = orphans(&env, &words).await?;
    shown(&env, &["delete", "analytics", "analytics-left", "--yes"], &printed).await?;
    ensure!(target.role(&left).await?.is_none(), "the role is there");
    Ok(())
}

#[tokio::test]
async fn what_is_no_orphan_for_certain_is_never_deleted() -> Result<()> {
    let env = stage("orphans-certain").await?;
    let (account, left, target) = (env.namespace.as_str(), env.iam_name(LEFT), &env.aws.target);
    let refused = async |words: &[&str], expected: &str| {
        let printed = orphans(&env, words).await?;
        ensure!(printed.code == Some(1) && printed.errors.contains(expected), "{expected}: {printed:?}");
        ensure!(target.role(&left).await?.is_some(), "the role was deleted: {words:?}");
        anyhow::Ok(())
    };
    // The operator writes another name: a wrong one would make orphans of roles that have objects elsewhere.
    refused(&["delete", account, &left, "--yes", "--cluster-name", "green"], "pass --cluster-name=").await?;
    let untag = target.iam().untag_role().role_name(&left).tag_keys("crossaccount.dev/created");
    untag.send().await?;
    refused(&["delete", account, &left, "--yes"], "the operator did not create role").await?;
    let listed = orphans(&env, &["list", account]).await?.succeeded()?;
    ensure!(listed.contains("does not delete it, since the operator did not create it"), "{listed}");
    let adopted = orphans(&env, &["adopt", account, &left, "--dry-run"]).await?.succeeded()?;
    ensure!(adopted.contains("lifecycle: Adopt\n"), "{adopted}");
    // The role of an object in another namespace is as little an orphan.
    target.tag_role(&left, "crossaccount.dev/name", "../secrets").await?;
    refused(&["delete", account, &left, "--yes"], "which no object can be called").await?;
    target.tag_role(&left, "crossaccount.dev/name", "kept").await?;
    refused(&["delete", account, &left, "--yes"], "is not an orphan").await
}

#[tokio::test]
async fn nothing_is_called_an_orphan_without_the_right_to_see_all_objects_or_in_another_account() -> Result<()> {
    let env = TestEnv::new("orphans-rights").await?;
    let account = env.namespace.as_str();
    let nobody = Person::with(&env, &["list"]).await?;
    let printed = orphans_as(&env, &nobody, &env.aws.target, &["list", account]).await?;
    ensure!(printed.code == Some(1) && printed.errors.contains("you may not get awsaccounts"), "{printed:?}");

    // With all rights but the one to list the objects of all namespaces.
    let reader = reader(&env).await?;
    let printed = orphans_as(&env, &reader, &env.aws.target, &["list", account]).await?;
    let words = "you may not list crossaccountroles.iam.crossaccount.dev in all namespaces";
    ensure!(printed.code == Some(1) && printed.out.is_empty() && printed.errors.contains(words), "{printed:?}");

    let printed = orphans_as(&env, &Person::admin(&env), &env.aws.source, &["list", account]).await?;
    let words = format!("this is about account {}", env.aws.target.id());
    ensure!(printed.code == Some(1) && printed.errors.contains(&words), "{printed:?}");
    Ok(())
}

/// Somebody who may list the objects of one namespace, and get accounts and namespaces of the cluster.
async fn reader(env: &TestEnv) -> Result<Person> {
    let person = Person::with(env, &["get", "list"]).await?;
    let name = format!("{}-reader", env.namespace);
    let account = format!("--serviceaccount={}:get-list", env.namespace);
    let mut role = env.control_plane.kubectl();
    role.args(["create", "clusterrole", &name, "--verb=get", "--resource=awsaccounts.iam.crossaccount.dev,namespaces"]);
    lab::run(&mut role).await?;
    let mut binding = env.control_plane.kubectl();
    binding.args(["create", "clusterrolebinding", &name, &format!("--clusterrole={name}"), &account]);
    lab::run(&mut binding).await?;
    eventually("the API server knows of the rights", async || {
        let printed = orphans_as(env, &person, &env.aws.target, &["list", &env.namespace]).await?;
        ensure!(!printed.errors.contains("may not get"), "{printed:?}");
        Ok(())
    })
    .await?;
    Ok(person)
}
