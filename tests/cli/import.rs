//! `kubectl crossaccount import`.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_iam::types::Tag;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use super::people::Person;
use super::transcript;
use crate::bootstrap::plugin::{Printed, administrator_of, file, run};
use lab::{
    aws::{Account, policy},
    env::{MANAGED, TestEnv},
};

/// A role that a person made.
const ROLE: &str = "reports-legacy";

/// A description that tries to be more than one.
const DESCRIPTION: &str = "Reads reports\n---\nkind: Secret\r\n# no comment: {x}";

/// Makes the role in the target account, with this description and trust.
async fn make(env: &TestEnv, description: &str, trust: Value) -> Result<()> {
    let target = &env.aws.target;
    let create = target.iam().create_role().role_name(ROLE).assume_role_policy_document(policy(&trust).to_string());
    let tag = Tag::builder().key("on").value("yes").build()?;
    let boundary = &env.aws.boundary_arn;
    let create = create.description(description).max_session_duration(7200).tags(tag).permissions_boundary(boundary);
    create.send().await?;
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    target.put_role_policy(ROLE, "list", &list).await?;
    let never = policy(&json!({"Effect": "Deny", "Action": "s3:DeleteBucket", "Resource": "*"}));
    target.put_role_policy(ROLE, "never", &never).await?;
    target.iam().attach_role_policy().role_name(ROLE).policy_arn(MANAGED).send().await?;
    Ok(())
}

fn arn(env: &TestEnv) -> String {
    env.aws.target.arn(&format!("role/{ROLE}"))
}

async fn allow_all(env: &TestEnv) -> Result<()> {
    let guardrails = json!({
        "lifecycles": ["Create", "Adopt", "Observe"], "roleNames": ["{namespace}-*", "reports-*"], "rolePath": "/",
        "principals": [format!("arn:aws:iam::{}:*", env.aws.source.id())], "principalTagKeys": ["on"],
    });
    env.patch_account(json!({ "guardrails": guardrails })).await
}

/// Runs the command as this person, with the AWS credentials of the administrator of an account.
async fn import(env: &TestEnv, person: &Person, account: &Account, words: &[&str]) -> Result<Printed> {
    let words: Vec<&str> = ["import"].iter().chain(words).copied().collect();
    let aws = administrator_of(account, &env.proxy.endpoint());
    let environment: Vec<_> = person.environment().into_iter().chain(aws).collect();
    run(person.command(&words)?, &environment).await
}

/// What the command wrote to standard error, without what it was waiting for.
fn notes(printed: &Printed) -> Vec<&str> {
    printed.errors.lines().filter(|line| !line.ends_with(" …")).collect()
}

async fn apply(env: &TestEnv, manifest: &str) -> Result<()> {
    let file = file("role.yaml", manifest)?;
    lab::run(env.control_plane.kubectl().args(["apply", "--filename"]).arg(file)).await?;
    Ok(())
}

#[tokio::test]
async fn an_imported_role_is_observed_without_a_difference_and_adopted_with_every_policy() -> Result<()> {
    let env = TestEnv::new("import").await?;
    allow_all(&env).await?;
    let (target, admin) = (&env.aws.target, Person::admin(&env));
    let trusted = json!([env.aws.operator.arn, env.aws.source.arn("root")]);
    make(&env, DESCRIPTION, json!([{"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": "sts:AssumeRole"}]))
        .await?;
    env.aws.also_manage(&[&format!("role/{ROLE}")]).await?;
    let _operator = env.start().await?;
    let policies = async || anyhow::Ok((target.inline_policies(ROLE).await?, target.attached_policies(ROLE).await?));
    let before = policies().await?;

    let printed = import(&env, &admin, target, &[&arn(&env), "--name", "reports"]).await?;
    ensure!(notes(&printed).is_empty(), "everything can be said: {printed:?}");
    apply(&env, &printed.succeeded()?).await?;
    env.shows("reports", "True", "Observed").await?;
    let observed = env.roles.get("reports").await?;
    ensure!(observed.spec.role.description.as_deref() == Some(DESCRIPTION), "{:?}", observed.spec.role.description);
    let planned = observed.status.context("no status")?.planned_changes;
    let own = |line: &String| line.starts_with("trust policy: ") || line.starts_with("tag crossaccount.dev/");
    ensure!(!planned.is_empty() && planned.iter().all(own), "more than the operator's own would change: {planned:?}");

    let printed = import(&env, &admin, target, &[&arn(&env), "--name", "reports", "--lifecycle", "adopt"]).await?;
    apply(&env, &printed.succeeded()?).await?;
    let adopted = env.settled("reports").await?;
    ensure!(policies().await? == before, "an adoption by the imported manifest changed the policies of the role");
    let role = target.role(ROLE).await?.context("the role is gone")?;
    ensure!(role.tags["on"] == "yes" && role.description.as_deref() == Some(DESCRIPTION), "{role:?}");
    ensure!(role.max_session_duration == Some(7200), "{role:?}");
    let trusted = role.trust.to_string();
    ensure!(trusted.contains(&env.aws.operator.arn) && trusted.contains(":root"), "{trusted}");
    ensure!(adopted.status.and_then(|status| status.role).is_some_and(|role| !role.created), "it was adopted");

    let owned = import(&env, &admin, target, &[&arn(&env)]).await?;
    let words = format!("belongs to CrossAccountRole {}/reports of this cluster", env.namespace);
    ensure!(owned.code == Some(1) && owned.errors.contains(&words), "{owned:?}");
    env.roles.delete("reports", &DeleteParams::default()).await?;
    env.gone("reports").await
}

#[tokio::test]
async fn what_a_manifest_cannot_say_is_in_its_comments_and_on_standard_error() -> Result<()> {
    let env = TestEnv::new("import-notes").await?;
    env.patch_account(json!({"guardrails": {"lifecycles": ["Create", "Observe"], "principals": ["*"]}})).await?;
    let target = &env.aws.target;
    make(
        &env,
        "Reads the monthly reports",
        json!([
            {"Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ]),
    )
    .await?;
    target.tag_role(ROLE, "crossaccount.dev/released-from", "blue/team/reader").await?;
    let printed = import(&env, &Person::admin(&env), target, &[&arn(&env)]).await?;
    ensure!(printed.code == Some(0), "{printed:?}");
    for words in [
        "trust policy, Statement[1]: it trusts the service ec2.amazonaws.com",
        "tags crossaccount.dev/*: CrossAccountRole blue/team/reader gave the role up",
        "guardrails of the AWSAccount: role.name reports-legacy matches none of guardrails.roleNames",
        "guardrails of the AWSAccount: the tag key on is not one of guardrails.principalTagKeys",
        "for Adopt, guardrails of the AWSAccount: role.lifecycle Adopt is not one of guardrails.lifecycles",
        "path: the role is at path /, and guardrails.rolePath of the AWSAccount is /crossaccount/",
    ] {
        let in_both = |text: &str, mark: &str| text.lines().any(|line| line.starts_with(mark) && line.contains(words));
        ensure!(in_both(&printed.out, "# * ") && in_both(&printed.errors, ""), "{words}: {printed:?}");
    }
    ensure!(notes(&printed).len() == 6, "{printed:?}");
    // Every line of standard error is in the comments, too.
    let shown = Printed { code: printed.code, out: printed.out, errors: String::new() };
    let words = ["import", "arn:aws:iam::222222222222:role/reports-legacy", "2>/dev/null"];
    transcript::check(&env, "import", &words, &shown)
}

#[tokio::test]
async fn a_role_that_cannot_be_imported_is_refused_with_what_to_do() -> Result<()> {
    let env = TestEnv::new("import-refused").await?;
    let (admin, target, source) = (Person::admin(&env), &env.aws.target, &env.aws.source);
    make(&env, "Reads", json!([{"Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "sts:AssumeRole"}]))
        .await?;
    let arn = arn(&env);
    let other_path = target.arn("role/teams/reports-legacy");
    let of_service = target.arn("role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS");
    let missing = target.arn("role/missing");
    let elsewhere = source.arn("role/reports");
    let account = env.namespace.as_str();
    for (as_administrator_of, words, expected) in [
        (source, &[arn.as_str()][..], format!("this is about account {}", target.id())),
        (target, &["reports-legacy"], "write arn:aws:iam::<12-digit account>:role/<path and name>".to_owned()),
        (target, &[&of_service], "AWS itself keeps the roles under".to_owned()),
        (target, &[&missing], format!("there is no role {missing}")),
        (target, &[&other_path], format!("the ARN of the role of that name is {arn}")),
        (source, &[&elsewhere], format!("the cluster has no AWSAccount of account {}; pass --account", source.id())),
        (source, &[&elsewhere, "--account", account], format!("AWSAccount {account} is account {}", target.id())),
    ] {
        let printed = import(&env, &admin, as_administrator_of, words).await?;
        ensure!(printed.code != Some(0) && printed.out.is_empty(), "{words:?}: {printed:?}");
        ensure!(printed.errors.contains(&expected), "{expected} is not in {printed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn without_rights_in_the_cluster_the_account_is_to_be_named_and_its_guardrails_are_not_judged() -> Result<()> {
    let env = TestEnv::new("import-rights").await?;
    make(&env, "Reads", json!([{"Effect": "Allow", "Principal": {"AWS": "333333333333"}, "Action": "sts:AssumeRole"}]))
        .await?;
    let (person, target, arn) = (Person::with(&env, &["list"]).await?, &env.aws.target, arn(&env));
    let refused = import(&env, &person, target, &[&arn]).await?;
    ensure!(refused.code == Some(1) && refused.errors.contains("you may not list awsaccounts"), "{refused:?}");
    ensure!(refused.errors.contains("pass --account"), "{refused:?}");
    let printed = import(&env, &person, target, &[&arn, "--account", "prod"]).await?;
    ensure!(printed.code == Some(0) && printed.out.contains("name: prod\n"), "{printed:?}");
    ensure!(printed.errors.contains("AWSAccount prod: it was not read: you may not get awsaccounts"), "{printed:?}");
    Ok(())
}
