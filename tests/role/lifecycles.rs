//! Roles that somebody else made: adopted, observed, or left alone.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_iam::types::Tag;
use crossaccount::api::{CrossAccountRole, Lifecycle, annotation};
use jiff::Timestamp;
use kube::api::DeleteParams;
use serde_json::{Value, json};

use lab::{
    aws::policy,
    env::{MANAGED, TestEnv},
    wait::eventually,
};

/// What somebody made by hand: it trusts the operator, with tags and a policy of its own.
const BY_HAND: &str = "made-by-hand";

async fn make_by_hand(env: &TestEnv) -> Result<String> {
    let target = &env.aws.target;
    let operator = &env.aws.operator.arn;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": operator}}));
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let arn = target.create_role(BY_HAND, &trust, &list).await?;
    target.tag_role(BY_HAND, "terraform", "yes").await?;
    env.aws.also_assume("by-hand", std::slice::from_ref(&arn)).await?;
    Ok(arn)
}

fn declared(env: &TestEnv, lifecycle: Lifecycle) -> CrossAccountRole {
    let mut role = env.role("reader");
    role.spec.role.name = Some(BY_HAND.to_owned());
    role.spec.role.lifecycle = lifecycle;
    role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    role
}

async fn allow_lifecycles(env: &TestEnv) -> Result<()> {
    let guardrails = json!({
        "lifecycles": ["Create", "Adopt", "Observe"],
        "roleNames": ["{namespace}-*", "made-by-hand", "Made-BY-Hand", "some*"],
        "principalTagKeys": ["cost-center"],
        "deletionPolicies": ["Delete", "Retain"],
    });
    env.patch_account(json!({ "guardrails": guardrails })).await
}

fn writes(env: &TestEnv) -> Vec<String> {
    let reads = ["Get", "List", "AssumeRole"];
    env.actions().into_iter().filter(|action| !reads.iter().any(|read| action.starts_with(read))).collect()
}

#[tokio::test]
async fn an_adopted_role_is_made_as_declared_and_given_back_when_its_object_goes() -> Result<()> {
    let env = TestEnv::new("adopted").await?;
    allow_lifecycles(&env).await?;
    let arn = make_by_hand(&env).await?;
    env.aws.also_manage(&[&format!("role/{BY_HAND}")]).await?;
    let _operator = env.start().await?;
    env.create(&declared(&env, Lifecycle::Adopt)).await?;
    let role = env.settled("reader").await?;

    let target = &env.aws.target;
    let found = target.role(BY_HAND).await?.context("the role is gone")?;
    assert_eq!(found.arn, arn);
    assert_eq!(found.boundary.as_ref(), Some(&env.aws.boundary_arn));
    assert_eq!(found.tags["terraform"], "yes", "tags of its owner stay");
    assert_eq!(found.tags["crossaccount.dev/namespace"], env.namespace);
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

    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(env.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let left = target.role(BY_HAND).await?.context("an adopted role was deleted")?;
    assert_eq!(
        left.tags.into_keys().collect::<Vec<_>>(),
        ["crossaccount.dev/released-from", "terraform"],
        "it is its owner's again"
    );
    let denial = target.inline_policies(BY_HAND).await?.remove("crossaccount-deny");
    let denied = &denial.context("older sessions are not denied")?["Statement"][0]["Condition"]["StringEquals"];
    assert_eq!(denied["aws:userid"], format!("{}:{}.reader", left.id, env.namespace));
    Ok(())
}

#[tokio::test]
async fn an_observed_role_is_assumed_as_it_is_and_never_written() -> Result<()> {
    let env = TestEnv::new("observed").await?;
    allow_lifecycles(&env).await?;
    make_by_hand(&env).await?;
    let target = &env.aws.target;
    let before = (target.role(BY_HAND).await?, target.inline_policies(BY_HAND).await?);
    let _operator = env.start().await?;
    let mut role = declared(&env, Lifecycle::Observe);
    role.spec.role.max_session_duration_seconds = 7200;
    role.spec.role.tags.insert("cost-center".into(), "42".into());
    env.create(&role).await?;
    env.shows("reader", "True", "Observed").await?;

    let status = env.roles.get("reader").await?.status.unwrap_or_default();
    let planned = status.planned_changes.join("\n");
    for told in [
        "trust policy:",
        "inline policy lab: delete",
        "inline policy read-reports: add",
        &format!("managed policy {MANAGED}: attach"),
        &format!("permissions boundary: none -> {}", env.aws.boundary_arn),
        "max session: 3600 s -> 7200 s",
        "tag cost-center: add \"42\"",
    ] {
        assert!(planned.contains(told), "{told} is not in\n{planned}");
    }
    assert!(!planned.contains("terraform"), "{planned}");
    assert!(env.secrets.get_opt("reader").await?.is_some());

    env.patch_account(json!({"allowedNamespaces": {"names": []}})).await?;
    env.shows("reader", "False", "NotAllowed").await?;
    eventually("the Secret is gone", async || {
        ensure!(env.secrets.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(env.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    assert_eq!(writes(&env), Vec::<String>::new());
    assert_eq!((target.role(BY_HAND).await?, target.inline_policies(BY_HAND).await?), before);
    Ok(())
}

#[tokio::test]
async fn a_revocation_asked_for_an_observed_role_causes_one_look_and_no_write() -> Result<()> {
    let env = TestEnv::new("watched").await?;
    allow_lifecycles(&env).await?;
    make_by_hand(&env).await?;
    let operator = env.settings.clone().flag("--drift-interval=24h").start().await?;
    env.create(&declared(&env, Lifecycle::Observe)).await?;
    env.shows("reader", "True", "Observed").await?;
    env.proxy.reset_counts();
    let request = json!({annotation::REVOKE_REQUESTED_AT: Timestamp::now()});
    env.patch("reader", json!({"metadata": {"annotations": request}})).await?;
    for _ in 0..4 {
        env.wake(&operator, "reader").await?;
    }
    let looks = env.proxy.count("GetRole");
    assert!(looks <= 1, "{looks} looks");
    assert_eq!(writes(&env), Vec::<String>::new());
    Ok(())
}

#[tokio::test]
async fn an_observed_role_that_allows_no_longer_session_is_told_with_both_numbers() -> Result<()> {
    let env = TestEnv::new("shorter").await?;
    allow_lifecycles(&env).await?;
    make_by_hand(&env).await?;
    let _operator = env.start().await?;
    let mut role = declared(&env, Lifecycle::Observe);
    role.spec.session.duration_seconds = 7200;
    env.create(&role).await?;
    let message = env.shows("reader", "False", "DurationExceedsRole").await?;
    assert!(message.contains("7200") && message.contains("3600"), "{message}");
    assert_eq!(
        env.proxy
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
    let env = TestEnv::new("absent").await?;
    let _operator = env.start().await?;
    env.create(&declared(&env, Lifecycle::Adopt)).await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("guardrails.lifecycles"), "{message}");
    allow_lifecycles(&env).await?;
    let message = env.shows("reader", "False", "RoleNotFound").await?;
    assert!(message.contains(BY_HAND), "{message}");
    env.patch("reader", json!({"spec": {"role": {"lifecycle": "Observe"}}})).await?;
    env.shows("reader", "False", "RoleNotFound").await?;
    make_by_hand(&env).await?;
    env.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    env.shows("reader", "True", "Observed").await?;
    Ok(())
}

#[tokio::test]
async fn a_foreign_role_is_not_taken_whatever_the_case_of_its_name() -> Result<()> {
    let env = TestEnv::new("case").await?;
    allow_lifecycles(&env).await?;
    make_by_hand(&env).await?;
    let _operator = env.start().await?;
    let mut role = declared(&env, Lifecycle::Create);
    role.spec.role.name = Some("Made-BY-Hand".into());
    env.create(&role).await?;
    let message = env.shows("reader", "False", "RoleNotOwned").await?;
    assert!(message.contains("lifecycle: Adopt"), "{message}");
    assert_eq!(writes(&env), ["CreateRole"], "which IAM refused: it has such a role");

    let owner = |key: &str, value: &str| Tag::builder().key(format!("crossaccount.dev/{key}")).value(value).build();
    let tags =
        [owner("cluster", "blue")?, owner("namespace", "payroll")?, owner("name", "writer")?, owner("uid", "u")?];
    env.aws.target.iam().tag_role().role_name(BY_HAND).set_tags(Some(tags.into())).send().await?;
    env.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    eventually("the message names the owner", async || {
        let message = env.shows("reader", "False", "RoleNotOwned").await?;
        ensure!(message.contains("payroll/writer of cluster blue"), "{message}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn the_manager_role_cannot_be_claimed_by_an_object() -> Result<()> {
    let env = TestEnv::new("manager").await?;
    allow_lifecycles(&env).await?;
    let _operator = env.start().await?;
    let mut role = declared(&env, Lifecycle::Observe);
    role.spec.role.name = Some("CrossAccount-Manager".into());
    env.create(&role).await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains(&env.aws.manager_arn), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_role_that_is_kept_on_deletion_denies_what_the_operator_began_and_nothing_else() -> Result<()> {
    let env = TestEnv::new("retained").await?;
    let errand = env.errand().await?;
    let _operator = env.start().await?;
    let mut role = env.on_errand("reader", &errand);
    role.spec.role.deletion_policy = Some(crossaccount::api::DeletionPolicy::Retain);
    role.spec.trust.principals = vec![env.aws.source.id().to_owned()];
    env.patch_account(json!({"guardrails": {"principals": ["*"], "deletionPolicies": ["Retain"]}})).await?;
    env.create(&role).await?;
    env.settled("reader").await?;
    let target = &env.aws.target;
    let copy = env.copied("reader").await?;
    let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": copy.arn}));
    let deployer = env.aws.source.create_user("deployer", &may_assume).await?;
    let others = env.aws.source.assume(&deployer, &copy.arn, None).await?;
    target.assume(&copy, &errand, None).await?;

    env.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(env.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let refused: Value =
        json!(format!("{:?}", target.assume(&copy, &errand, None).await.err().context("the copy works")?));
    assert!(refused.to_string().contains("AccessDenied"), "{refused}");
    target.assume(&others, &errand, None).await?;
    Ok(())
}

#[tokio::test]
async fn retained_roles_stay_and_an_abandoned_object_goes_although_aws_cannot_be_cleaned() -> Result<()> {
    let env = TestEnv::new("leaving").await?;
    env.patch_account(json!({"guardrails": {"deletionPolicies": ["Delete", "Retain"]}})).await?;
    let _operator = env.start().await?;
    env.ready_role("retained").await?;
    env.ready_role("abandoned").await?;
    env.patch("retained", json!({"spec": {"role": {"deletionPolicy": "Retain"}}})).await?;
    env.settled("retained").await?;
    env.roles.delete("retained", &DeleteParams::default()).await?;
    let gone = async |name: &str| {
        eventually("the object is gone", async || {
            let role = env.roles.get_opt(name).await?;
            ensure!(role.is_none(), "{:?}", role.and_then(|role| role.status));
            Ok(())
        })
        .await
    };
    gone("retained").await?;
    assert!(env.aws.target.role(&env.iam_name("retained")).await?.is_some());

    env.proxy.on("DeleteRole").error(403, "AccessDenied", "not authorized to perform: iam:DeleteRole");
    env.roles.delete("abandoned", &DeleteParams::default()).await?;
    let message = env.shows("abandoned", "False", "ManagerDenied").await?;
    assert!(message.contains(annotation::ABANDON), "{message}");
    env.patch("abandoned", json!({"metadata": {"annotations": {annotation::ABANDON: "true"}}})).await?;
    gone("abandoned").await
}
