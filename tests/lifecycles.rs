//! Roles that somebody else made: adopted, observed, or left alone.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_iam::types::Tag;
use crossaccount::api::{CrossAccountRole, Lifecycle};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::support::{
    aws::policy,
    life::{Life, MANAGED},
    wait::eventually,
};

/// What somebody made by hand: it trusts the operator, with tags and a policy of its own.
const BY_HAND: &str = "made-by-hand";

async fn make_by_hand(life: &Life) -> Result<String> {
    let target = &life.scenario.aws.target;
    let operator = &life.scenario.aws.operator.arn;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": operator}}));
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let arn = target.create_role(BY_HAND, &trust, &list).await?;
    target.tag_role(BY_HAND, "terraform", "yes").await?;
    Ok(arn)
}

fn declared(life: &Life, lifecycle: Lifecycle) -> CrossAccountRole {
    let mut role = life.scenario.role("reader");
    role.spec.role.name = Some(BY_HAND.to_owned());
    role.spec.role.lifecycle = lifecycle;
    role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    role
}

async fn allow_lifecycles(life: &Life) -> Result<()> {
    life.patch_account(json!({"guardrails": {"lifecycles": ["Create", "Adopt", "Observe"]}})).await
}

fn writes(life: &Life) -> Vec<String> {
    let reads = ["Get", "List", "AssumeRole"];
    life.actions().into_iter().filter(|action| !reads.iter().any(|read| action.starts_with(read))).collect()
}

#[tokio::test]
async fn an_adopted_role_is_made_as_declared_and_given_back_when_its_object_goes() -> Result<()> {
    let life = Life::new("adopted").await?;
    allow_lifecycles(&life).await?;
    let arn = make_by_hand(&life).await?;
    let _operator = life.start().await?;
    life.create(&declared(&life, Lifecycle::Adopt)).await?;
    let role = life.settled("reader").await?;

    let target = &life.scenario.aws.target;
    let found = target.role(BY_HAND).await?.context("the role is gone")?;
    assert_eq!(found.arn, arn);
    assert_eq!(found.boundary.as_ref(), Some(&life.scenario.aws.boundary_arn));
    assert_eq!(found.tags["terraform"], "yes", "tags of its owner stay");
    assert_eq!(found.tags["crossaccount.dev/namespace"], life.scenario.namespace);
    assert_eq!(target.inline_policies(BY_HAND).await?.into_keys().collect::<Vec<_>>(), ["read-reports"]);
    let known = role.status.and_then(|status| status.role).context("status names no role")?;
    assert!(!known.created);
    let changes = known.changed_on_adoption.join("\n");
    for told in [
        "inline policy lab: delete",
        "inline policy read-reports: add",
        "permissions boundary: none ->",
        "trust policy:",
    ] {
        assert!(changes.contains(told), "{told} is not in\n{changes}");
    }

    life.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(life.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let left = target.role(BY_HAND).await?.context("an adopted role was deleted")?;
    assert_eq!(left.tags.into_keys().collect::<Vec<_>>(), ["terraform"], "it is its owner's again");
    let denial = target.inline_policies(BY_HAND).await?.remove("crossaccount-deny-older-sessions");
    let denied = &denial.context("older sessions are not denied")?["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(denied["aws:userid"], format!("{}:{}.reader", left.id, life.scenario.namespace));
    Ok(())
}

#[tokio::test]
async fn an_observed_role_is_assumed_as_it_is_and_never_written() -> Result<()> {
    let life = Life::new("observed").await?;
    allow_lifecycles(&life).await?;
    make_by_hand(&life).await?;
    let target = &life.scenario.aws.target;
    let before = (target.role(BY_HAND).await?, target.inline_policies(BY_HAND).await?);
    let _operator = life.start().await?;
    let mut role = declared(&life, Lifecycle::Observe);
    role.spec.role.max_session_duration_seconds = 7200;
    role.spec.role.tags.insert("cost-center".into(), "42".into());
    life.create(&role).await?;
    life.shows("reader", "True", "Observed").await?;

    let status = life.roles.get("reader").await?.status.unwrap_or_default();
    let planned = status.planned_changes.join("\n");
    for told in [
        "trust policy:",
        "inline policy lab: delete",
        "inline policy read-reports: add",
        &format!("managed policy {MANAGED}: attach"),
        &format!("permissions boundary: none -> {}", life.scenario.aws.boundary_arn),
        "max session: 3600 s -> 7200 s",
        "tag cost-center: add \"42\"",
    ] {
        assert!(planned.contains(told), "{told} is not in\n{planned}");
    }
    assert!(!planned.contains("terraform"), "{planned}");
    assert!(life.secrets.get_opt("reader").await?.is_some());

    life.patch_account(json!({"allowedNamespaces": {"names": []}})).await?;
    life.shows("reader", "False", "NotAllowed").await?;
    eventually("the Secret is gone", async || {
        ensure!(life.secrets.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    life.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(life.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    assert_eq!(writes(&life), Vec::<String>::new());
    assert_eq!((target.role(BY_HAND).await?, target.inline_policies(BY_HAND).await?), before);
    Ok(())
}

#[tokio::test]
async fn an_observed_role_that_allows_no_longer_session_is_told_with_both_numbers() -> Result<()> {
    let life = Life::new("shorter").await?;
    allow_lifecycles(&life).await?;
    make_by_hand(&life).await?;
    let _operator = life.start().await?;
    let mut role = declared(&life, Lifecycle::Observe);
    role.spec.session.duration_seconds = 7200;
    life.create(&role).await?;
    let message = life.shows("reader", "False", "DurationExceedsRole").await?;
    assert!(message.contains("7200") && message.contains("3600"), "{message}");
    assert_eq!(
        life.proxy
            .calls()
            .iter()
            .filter(|call| call.role.as_deref() == Some(BY_HAND) && call.action == "AssumeRole")
            .count(),
        0
    );
    Ok(())
}

#[tokio::test]
async fn what_is_to_be_adopted_or_observed_has_to_be_there_and_allowed() -> Result<()> {
    let life = Life::new("absent").await?;
    let _operator = life.start().await?;
    life.create(&declared(&life, Lifecycle::Adopt)).await?;
    let message = life.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("guardrails.lifecycles"), "{message}");
    allow_lifecycles(&life).await?;
    let message = life.shows("reader", "False", "RoleNotFound").await?;
    assert!(message.contains(BY_HAND), "{message}");
    life.patch("reader", json!({"spec": {"role": {"lifecycle": "Observe"}}})).await?;
    life.shows("reader", "False", "RoleNotFound").await?;
    make_by_hand(&life).await?;
    life.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    life.shows("reader", "True", "Observed").await?;
    Ok(())
}

#[tokio::test]
async fn a_foreign_role_is_not_taken_whatever_the_case_of_its_name() -> Result<()> {
    let life = Life::new("case").await?;
    make_by_hand(&life).await?;
    let _operator = life.start().await?;
    let mut role = declared(&life, Lifecycle::Create);
    role.spec.role.name = Some("Made-BY-Hand".into());
    life.create(&role).await?;
    let message = life.shows("reader", "False", "RoleNotOwned").await?;
    assert!(message.contains("lifecycle: Adopt"), "{message}");
    assert_eq!(writes(&life), Vec::<String>::new());

    let owner = |key: &str, value: &str| Tag::builder().key(format!("crossaccount.dev/{key}")).value(value).build();
    let tags =
        [owner("cluster", "blue")?, owner("namespace", "payroll")?, owner("name", "writer")?, owner("uid", "u")?];
    life.scenario.aws.target.iam().tag_role().role_name(BY_HAND).set_tags(Some(tags.into())).send().await?;
    life.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    eventually("the message names the owner", async || {
        let message = life.shows("reader", "False", "RoleNotOwned").await?;
        ensure!(message.contains("payroll/writer of cluster blue"), "{message}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_role_by_which_the_operator_manages_the_account_is_nobodys() -> Result<()> {
    let life = Life::new("manager").await?;
    allow_lifecycles(&life).await?;
    let _operator = life.start().await?;
    let mut role = declared(&life, Lifecycle::Observe);
    role.spec.role.name = Some("CrossAccount-Manager".into());
    life.create(&role).await?;
    let message = life.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains(&life.scenario.aws.manager_arn), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_role_that_is_kept_on_deletion_denies_what_the_operator_began_and_nothing_else() -> Result<()> {
    let life = Life::new("retained").await?;
    let errand = life.errand().await?;
    let _operator = life.start().await?;
    let mut role = life.on_errand("reader", &errand);
    role.spec.role.deletion_policy = Some(crossaccount::api::DeletionPolicy::Retain);
    role.spec.trust.principals = vec![life.scenario.aws.source.id().to_owned()];
    life.patch_account(json!({"guardrails": {"principals": ["*"]}})).await?;
    life.create(&role).await?;
    life.settled("reader").await?;
    let target = &life.scenario.aws.target;
    let copy = life.copied("reader").await?;
    let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": copy.arn}));
    let deployer = life.scenario.aws.source.create_user("deployer", &may_assume).await?;
    let others = life.scenario.aws.source.assume(&deployer, &copy.arn, None).await?;
    target.assume(&copy, &errand, None).await?;

    life.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(life.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let refused: Value =
        json!(format!("{:?}", target.assume(&copy, &errand, None).await.err().context("the copy works")?));
    assert!(refused.to_string().contains("AccessDenied"), "{refused}");
    target.assume(&others, &errand, None).await?;
    Ok(())
}
