//! `kubectl crossaccount plan`.

use anyhow::{Result, ensure};
use crossaccount::api::CrossAccountRole;
use serde_json::json;

use super::people::Person;
use super::transcript;
use crate::bootstrap::plugin::{Printed, file};
use lab::env::TestEnv;

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
