//! `kubectl crossaccount plan`.

use anyhow::{Result, ensure};
use crossaccount::api::{CrossAccountRole, Lifecycle};
use serde_json::json;

use super::people::Person;
use super::transcript;
use crate::bootstrap::plugin::{Printed, administrator_of, file, run};
use lab::{
    aws::{Account, policy},
    env::TestEnv,
};

async fn plan_of(person: &Person, role: &CrossAccountRole) -> Result<Printed> {
    let file = file("role.yaml", &serde_json::to_string(role)?)?;
    person.runs(&["plan", "-f", &file.to_string_lossy()]).await
}

#[tokio::test]
async fn a_plan_names_what_the_operator_then_changes_and_writes_nothing_itself() -> Result<()> {
    let env = TestEnv::new("plan").await?;
    let _operator = env.start().await?;
    let admin = Person::admin(&env);
    let mut role = env.role("reader");
    let created = plan_of(&admin, &role).await?;
    ensure!(created.code == Some(2) && created.out.contains("role: create /crossaccount/"), "{created:?}");
    ensure!(env.roles.get_opt("reader").await?.is_none(), "the plan created the object");

    env.create(&role).await?;
    env.settled("reader").await?;
    let same = plan_of(&admin, &role).await?;
    ensure!(same.code == Some(0), "{same:?}");
    ensure!(admin.runs(&["plan", "reader"]).await?.code == Some(0), "the operator has made it");

    role.spec.role.description = Some("Reads the monthly reports".to_owned());
    role.spec.role.managed_policy_arns = vec![env.arn(lab::env::MANAGED)];
    role.spec.role.inline_policies.clear();
    let changed = plan_of(&admin, &role).await?;
    transcript::check(&env, "plan", &["plan", "-f", "role.yaml"], &changed)?;
    ensure!(env.roles.get("reader").await?.spec.role.description.is_none(), "the plan changed the object");

    // The operator does what was planned, and no more.
    env.proxy.reset_counts();
    let spec = json!({"description": "Reads the monthly reports", "managedPolicyArns": role.spec.role.managed_policy_arns,
                      "inlinePolicies": null});
    env.patch("reader", json!({"spec": {"role": spec}})).await?;
    env.settled("reader").await?;
    let writes =
        ["AttachRolePolicy", "DeleteRolePolicy", "UpdateRole", "PutRolePolicy", "UpdateAssumeRolePolicy", "TagRole"];
    let counted = writes.map(|action| env.proxy.count(action));
    ensure!(counted == [1, 1, 1, 0, 0, 0], "{writes:?}: {counted:?}; planned was {}", changed.out);
    Ok(())
}

#[tokio::test]
async fn a_plan_refuses_what_the_operator_or_the_api_server_refuses() -> Result<()> {
    let env = TestEnv::new("plan-refused").await?;
    let admin = Person::admin(&env);
    let mut unknown = env.role("reader");
    unknown.spec.account_ref.name = "nowhere".into();
    let mut invalid = env.role("reader");
    invalid.spec.session.duration_seconds = 1;
    let mut named = env.role("reader");
    named.spec.role.name = Some("admin".into());
    for (role, words) in [
        (unknown, "there is no AWSAccount nowhere"),
        (invalid, "spec.session.durationSeconds"),
        (named, "NotAllowed: guardrails of the AWSAccount"),
    ] {
        let printed = plan_of(&admin, &role).await?;
        ensure!(printed.code == Some(1) && printed.errors.contains(words), "{words}: {printed:?}");
    }
    Ok(())
}

/// Plans with the AWS credentials of the administrator of an account.
async fn live(env: &TestEnv, account: &Account, words: &[&str]) -> Result<Printed> {
    let admin = Person::admin(env);
    let words = [&["plan"], words, &["--live"]].concat();
    let aws = administrator_of(account, &env.proxy.endpoint());
    let environment: Vec<_> = admin.environment().into_iter().chain(aws).collect();
    run(admin.command(&words)?, &environment).await
}

#[tokio::test]
async fn a_live_plan_sees_what_somebody_changed_in_aws_and_plans_as_the_operator_does() -> Result<()> {
    let env = TestEnv::new("plan-live").await?;
    let _operator = env.start().await?;
    let role = env.ready_role("reader").await?;
    let target = &env.aws.target;
    let same = live(&env, target, &["reader"]).await?;
    ensure!(same.code == Some(0) && same.errors.is_empty(), "{same:?}");

    let name = env.iam_name("reader");
    target.iam().detach_role_policy().role_name(&name).policy_arn(lab::env::MANAGED).send().await?;
    let more = policy(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}));
    target.put_role_policy(&name, "more", &more).await?;
    let admin = Person::admin(&env);
    ensure!(admin.runs(&["plan", "reader"]).await?.code == Some(0), "the operator has not looked yet");
    let drifted = live(&env, target, &["reader"]).await?;
    transcript::check(&env, "plan-live", &["plan", "reader", "--live"], &drifted)?;
    ensure!(drifted.code == Some(2), "{drifted:?}");

    // A file is compared with the same role.
    let mut wanted = CrossAccountRole::new("reader", role.spec.clone());
    wanted.spec.role.description = Some("Reads".to_owned());
    let path = file("role.yaml", &serde_json::to_string(&wanted)?)?;
    let planned = live(&env, target, &["-f", &path.to_string_lossy()]).await?;
    ensure!(
        planned.out.contains("description: none -> ") && planned.out.contains("inline policy more: delete"),
        "{planned:?}"
    );

    let elsewhere = live(&env, &env.aws.source, &["reader"]).await?;
    ensure!(elsewhere.code == Some(1) && elsewhere.errors.contains("use credentials of that account"), "{elsewhere:?}");
    Ok(())
}

#[tokio::test]
async fn a_live_plan_refuses_to_take_a_role_of_somebody_else_and_shows_what_an_adoption_changes() -> Result<()> {
    let env = TestEnv::new("plan-adopt").await?;
    let (target, name) = (&env.aws.target, env.iam_name("reader"));
    let trust = policy(&json!({"Effect": "Allow", "Principal": {"AWS": target.id()}, "Action": "sts:AssumeRole"}));
    let create = target.iam().create_role().role_name(&name).path("/crossaccount/");
    create.assume_role_policy_document(trust.to_string()).send().await?;
    let plan = async |role: &CrossAccountRole| -> Result<Printed> {
        let path = file("role.yaml", &serde_json::to_string(role)?)?;
        live(&env, target, &["-f", &path.to_string_lossy()]).await
    };
    let mut role = env.role("reader");
    let refused = plan(&role).await?;
    ensure!(refused.code == Some(1) && refused.errors.contains("RoleNotOwned"), "{refused:?}");

    env.patch_account(json!({"guardrails": {"lifecycles": ["Create", "Adopt"]}})).await?;
    role.spec.role.lifecycle = Lifecycle::Adopt;
    let adopted = plan(&role).await?;
    ensure!(adopted.code == Some(2) && adopted.errors.contains("user/the-operator stands for it"), "{adopted:?}");
    ensure!(
        adopted.out.contains("permissions boundary: none -> ") && adopted.out.contains("trust policy: "),
        "{adopted:?}"
    );
    Ok(())
}
