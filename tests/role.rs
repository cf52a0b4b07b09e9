//! An IAM role from its object: created, kept as declared, and gone with it.

mod deletion;
mod events;
mod large_object;
mod lifecycles;
mod narrowing;
mod quota;
mod settling;
mod side_steps;
mod suspended_credentials;
pub mod suspension;
mod visibility;
mod warnings;

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, annotation};
use kube::{Api, api::DeleteParams};
use serde_json::{Value, json};

use lab::{
    aws::policy,
    env::{MANAGED, TestEnv, declare::document},
    wait::eventually,
};

#[tokio::test]
async fn a_role_is_created_whole_and_its_credentials_are_who_they_should_be() -> Result<()> {
    let env = TestEnv::new("created").await?;
    let _operator = env.start().await?;
    let role = env.ready_role("reader").await?;

    let name = env.iam_name("reader");
    let target = &env.aws.target;
    let found = target.role(&name).await?.context("there is no such role")?;
    assert_eq!(found.path, "/crossaccount/");
    assert_eq!(found.boundary.as_ref(), Some(&env.aws.boundary_arn));
    assert_eq!(found.tags["crossaccount.dev/namespace"], env.namespace);
    assert_eq!(found.tags["crossaccount.dev/uid"], role.metadata.uid.clone().unwrap_or_default());
    assert!(target.inline_policies(&name).await?.contains_key("read-reports"));
    assert!(target.attached_policies(&name).await?.contains(MANAGED));

    let status = role.status.unwrap_or_default();
    let external_id = status.external_id.context("status names no external id")?;
    let condition = &found.trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"];
    assert_eq!(condition, &json!(external_id));
    let known = status.role.context("status names no role")?;
    assert_eq!((known.arn.as_ref(), known.id.as_ref(), known.created), (Some(&found.arn), Some(&found.id), true));

    let (data, annotations) = env.secret("reader").await?;
    assert_eq!(data.keys().collect::<Vec<_>>(), ["config", "credentials", "credentials.json"]);
    assert_eq!(annotations[annotation::ROLE_ARN], found.arn);
    let caller = status.credentials.and_then(|set| set.caller_arn).context("status names no caller")?;
    assert!(caller.ends_with(&format!(":assumed-role/{name}/{}.reader", env.namespace)), "{caller}");
    Ok(())
}

#[tokio::test]
async fn from_apply_to_ready_takes_six_calls_and_a_quiet_role_none() -> Result<()> {
    let env = TestEnv::new("counts").await?;
    // The account is entered once for all its roles; what comes after is the price of one role.
    let operator = env.start().await?;
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    eventually("the account is Ready", async || {
        let account = accounts.get(&env.namespace).await?;
        let conditions = account.status.unwrap_or_default().conditions;
        ensure!(conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True"), "{conditions:?}");
        Ok(())
    })
    .await?;
    env.proxy.reset_counts();
    env.ready_role("reader").await?;
    // The session, and the proof that it needs the external id, are requested while the policies are written.
    let mut actions = env.actions();
    assert_eq!(actions[0], "CreateRole");
    actions.sort_unstable();
    let expected = ["AssumeRole", "AssumeRole", "AttachRolePolicy", "CreateRole", "GetCallerIdentity", "PutRolePolicy"];
    assert_eq!(actions, expected);

    env.proxy.reset_counts();
    for n in 0..10 {
        // Any annotation wakes a reconcile; its trace in the metrics says that it is over.
        let before = operator.reconciles().await?;
        env.patch("reader", json!({"metadata": {"annotations": {"test/wake": n.to_string()}}})).await?;
        eventually("it was reconciled", async || {
            ensure!(operator.reconciles().await? > before, "not yet");
            Ok(())
        })
        .await?;
    }
    assert_eq!(env.actions(), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn each_changed_field_is_changed_in_aws() -> Result<()> {
    let env = TestEnv::new("changes").await?;
    env.patch_account(json!({"guardrails": {"principalTagKeys": ["cost"]}})).await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (name, target) = (env.iam_name("reader"), &env.aws.target);

    let write =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]});
    env.patch(
        "reader",
        json!({"spec": {"role": {
            "description": "writes", "maxSessionDurationSeconds": 7200, "tags": {"cost": "42"}, "managedPolicyArns": [],
            "inlinePolicies": {"read-reports": null, "write": document(&write)},
        }}}),
    )
    .await?;
    env.settled("reader").await?;

    let role = target.role(&name).await?.context("there is no such role")?;
    assert_eq!((role.description.as_deref(), role.max_session_duration), (Some("writes"), Some(7200)));
    assert_eq!(role.tags["cost"], "42");
    assert_eq!(target.attached_policies(&name).await?.len(), 0);
    assert_eq!(target.inline_policies(&name).await?, BTreeMap::from([("write".to_owned(), write)]));
    Ok(())
}

#[tokio::test]
async fn what_somebody_changes_in_aws_is_repaired() -> Result<()> {
    let mut env = TestEnv::new("drift").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (name, target) = (env.iam_name("reader"), &env.aws.target);
    let mut before = target.role(&name).await?.context("there is no such role")?;
    before.tags.insert("stranger".to_owned(), "x".to_owned()); // tags of other tools stay

    let open = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                      "Principal": {"AWS": env.aws.operator.arn}}]});
    target.iam().update_assume_role_policy().role_name(&name).policy_document(open.to_string()).send().await?;
    target.put_role_policy(&name, "more", &open_policy()).await?;
    target.iam().detach_role_policy().role_name(&name).policy_arn(MANAGED).send().await?;
    target.iam().delete_role_permissions_boundary().role_name(&name).send().await?;
    target.tag_role(&name, "stranger", "x").await?;

    eventually("the role is as before", async || {
        let role = target.role(&name).await?.context("there is no such role")?;
        ensure!(role == before, "{role:?}");
        let inline = target.inline_policies(&name).await?;
        ensure!(inline.keys().eq(["read-reports"]), "{inline:?}");
        ensure!(target.attached_policies(&name).await?.contains(MANAGED), "it is detached");
        Ok(())
    })
    .await?;
    env.settled("reader").await?;
    Ok(())
}

fn open_policy() -> Value {
    json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
}

#[tokio::test]
async fn a_deleted_object_takes_its_role_and_its_secret_along() -> Result<()> {
    let env = TestEnv::new("deleted").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let (name, target) = (env.iam_name("reader"), &env.aws.target);
    target.put_role_policy(&name, "foreign", &open_policy()).await?;
    let iam = target.iam();
    iam.create_instance_profile().instance_profile_name(&name).send().await?;
    iam.add_role_to_instance_profile().instance_profile_name(&name).role_name(&name).send().await?;

    env.roles.delete("reader", &DeleteParams::default()).await?;

    eventually("the object is gone", async || {
        let role = env.roles.get_opt("reader").await?;
        ensure!(role.is_none(), "{:?}", role.and_then(|role| role.status));
        Ok(())
    })
    .await?;
    assert_eq!(target.role(&name).await?, None);
    assert!(env.secrets.get_opt("reader").await?.is_none());
    Ok(())
}

#[tokio::test]
async fn a_role_of_somebody_else_is_refused_whatever_the_case_of_its_name_and_left_untouched() -> Result<()> {
    let env = TestEnv::new("foreign").await?;
    let target = &env.aws.target;
    let name = env.iam_name("reader").to_uppercase();
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
    target.create_role(&name, &trust, &policy(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))).await?;
    let before = target.role(&name).await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    let message = env.shows("reader", "False", "RoleNotOwned").await?;
    assert!(message.contains("was not made by this operator"), "{message}");
    assert_eq!(target.role(&name).await?, before);
    assert!(env.secrets.get_opt("reader").await?.is_none());

    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(env.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    assert_eq!(target.role(&name).await?, before);
    Ok(())
}
