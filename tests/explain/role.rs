//! Rows about a role and its sessions.

use anyhow::Result;
use crossaccount::api::{ConditionType, CrossAccountRole, Lifecycle};
use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use serde_json::json;

use super::{
    page::{Row, shown},
    stage::{
        MANAGER, ask_for_new, change_trust, credentials_are_good, long_ready, lose_secret, manager_loses,
        mend_operator, mend_role, mend_trust, operator_may, role_says, terse,
    },
};
use lab::{
    aws::policy,
    aws_proxy::Touch,
    env::declare::document,
    env::{MANAGED, TestEnv},
};

const ROLE: &str = "CrossAccountRole reader";

async fn credentials(env: &TestEnv, reason: &str) -> Result<Condition> {
    role_says(env, ConditionType::CredentialsReady, reason).await
}

async fn the_role(env: &TestEnv, reason: &str) -> Result<Condition> {
    role_says(env, ConditionType::RoleReady, reason).await
}

fn lines(env: &TestEnv, conditions: &[&Condition]) -> Vec<String> {
    conditions.iter().flat_map(|condition| shown(env, ROLE, condition)).collect()
}

pub async fn the_trust_policy_does_not_name_the_operator() -> Result<Row> {
    let env = long_ready("trust", |_| {}).await?;
    terse(&env);
    manager_loses(&env, "iam:UpdateAssumeRolePolicy").await?;
    // Somebody whom the account does not let tenants trust would be a reason to close the role.
    let somebody = env.aws.target.id().to_owned();
    let allowed = json!({"principals": [format!("arn:aws:iam::{somebody}:root")]});
    env.patch_account(json!({"guardrails": allowed})).await?;
    change_trust(&env, &env.iam_name("reader"), |trust| trust["Statement"][0]["Principal"]["AWS"] = somebody.into())
        .await?;
    let _operator = env.start().await?;
    ask_for_new(&env).await?;
    let (said, of_the_role) = (credentials(&env, "TrustDenied").await?, the_role(&env, "ManagerDenied").await?);
    mend_role(&env.aws.target, MANAGER, &of_the_role).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "The trust policy does not name the operator",
        seen: lines(&env, &[&said, &of_the_role]),
        side: "the role's account, 222222222222",
        remedy: "The operator writes the trust policy itself, unless it may not, as here, or only observes the role. Add the \
                 statement, or let the manager write it.",
    })
}

pub async fn an_observed_role_does_not_trust_the_operator() -> Result<Row> {
    let env = TestEnv::new("observed").await?;
    terse(&env);
    env.patch_account(json!({"guardrails": {"lifecycles": ["Observe"]}})).await?;
    let target = &env.aws.target;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
    let read = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}));
    let observed = target.create_role(&env.iam_name("reader"), &trust, &read).await?;
    env.aws.also_assume("observed", &[observed]).await?;
    env.proxy.on("GetRole").touch(Touch::Older(SignedDuration::from_hours(24)));
    let mut role = env.role("reader");
    role.spec.role.lifecycle = Lifecycle::Observe;
    env.create(&role).await?;
    let _operator = env.start().await?;
    let said = credentials(&env, "TrustDenied").await?;
    mend_trust(&env, &env.iam_name("reader"), &said).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "A role that is only observed does not trust the operator",
        seen: lines(&env, &[&said]),
        side: "the role's account, 222222222222",
        remedy: "The owner of the role adds the statement: with `lifecycle: Observe` the operator never writes to it.",
    })
}

pub async fn the_operators_identity_may_not_assume_the_role() -> Result<Row> {
    let env = long_ready("identity", |_| {}).await?;
    terse(&env);
    let manager = env.aws.manager_arn.clone();
    operator_may(&env, &json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": manager})).await?;
    lose_secret(&env).await?;
    let _operator = env.start().await?;
    let said = credentials(&env, "IdentityDenied").await?;
    mend_operator(&env, &said).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "The operator's identity may not assume the role",
        seen: lines(&env, &[&said]),
        side: "the operator's account, 111111111111",
        remedy: "Add the statement. AWS did not say here which side refused: the operator read the trust policy and found \
                 itself in it.",
    })
}

pub async fn the_external_id_differs() -> Result<Row> {
    let env = long_ready("external-id", |_| {}).await?;
    terse(&env);
    manager_loses(&env, "iam:UpdateAssumeRolePolicy").await?;
    change_trust(&env, &env.iam_name("reader"), |trust| {
        trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"] = "an-older-one".into();
    })
    .await?;
    let _operator = env.start().await?;
    ask_for_new(&env).await?;
    let said = credentials(&env, "TrustDenied").await?;
    mend_trust(&env, &env.iam_name("reader"), &said).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "The trust policy asks for another external id",
        seen: lines(&env, &[&said]),
        side: "the role's account, 222222222222",
        remedy: "The external id is made by the operator from cluster, namespace, name and UID, and cannot be declared: change \
                 the trust policy. An object that was deleted and created again has another one.",
    })
}

pub async fn the_trust_policy_does_not_allow_tags() -> Result<Row> {
    let env = long_ready("trust-tags", tagged).await?;
    manager_loses(&env, "iam:UpdateAssumeRolePolicy").await?;
    change_trust(&env, &env.iam_name("reader"), |trust| {
        trust["Statement"] = json!([trust["Statement"][0]]);
    })
    .await?;
    let _operator = env.start().await?;
    ask_for_new(&env).await?;
    let said = credentials(&env, "TrustDenied").await?;
    mend_trust(&env, &env.iam_name("reader"), &said).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "The trust policy does not allow session tags or a source identity",
        seen: lines(&env, &[&said]),
        side: "the role's account, 222222222222",
        remedy: "Add the statement, or take tags and source identity out of `spec.session`.",
    })
}

pub async fn the_operators_identity_may_not_pass_tags() -> Result<Row> {
    let env = long_ready("identity-tags", tagged).await?;
    terse(&env);
    operator_may(&env, &json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"})).await?;
    lose_secret(&env).await?;
    let _operator = env.start().await?;
    let said = credentials(&env, "IdentityDenied").await?;
    mend_operator(&env, &said).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "The operator's identity may not pass session tags or a source identity",
        seen: lines(&env, &[&said]),
        side: "the operator's account, 111111111111",
        remedy: "Add the statement, or take tags and source identity out of `spec.session`.",
    })
}

fn tagged(role: &mut CrossAccountRole) {
    role.spec.session.tags = [("project".to_owned(), "reports".to_owned())].into();
    role.spec.session.source_identity = Some("reports".to_owned());
}

pub async fn a_service_control_policy_denies_it() -> Result<Row> {
    let env = long_ready("organization", |_| {}).await?;
    let aws = &env.aws;
    let role = aws.target.role(&env.iam_name("reader")).await?.map(|role| role.arn).unwrap_or_default();
    // The emulator has no organizations.
    let told = format!(
        "User: {} is not authorized to perform: sts:AssumeRole on resource: {role} with an explicit deny in a service control \
         policy",
        aws.operator.arn
    );
    env.proxy.on("AssumeRole").role(&env.iam_name("reader")).error(403, "AccessDenied", &told);
    lose_secret(&env).await?;
    let _operator = env.start().await?;
    Ok(Row {
        title: "A service control policy denies it",
        seen: lines(&env, &[&credentials(&env, "IdentityDenied").await?]),
        side: "the organization of the operator's account, 111111111111",
        remedy: "No added statement helps against a Deny. Ask the organization to remove the Deny, or to exempt the operator from it. \
                 For a resource control policy the message is similar and names the organization of the role's account.",
    })
}

pub async fn the_manager_lacks_a_permission() -> Result<Row> {
    let env = TestEnv::new("manager-lacks").await?;
    manager_loses(&env, "iam:AttachRolePolicy").await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    env.create(&role).await?;
    let said = the_role(&env, "ManagerDenied").await?;
    mend_role(&env.aws.target, MANAGER, &said).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "The manager of the account lacks a permission",
        seen: lines(&env, &[&said]),
        side: "the role's account, 222222222222",
        remedy: "Add the statement to the role at the end of `spec.access.chain`.",
    })
}

pub async fn the_session_is_longer_than_the_role_allows() -> Result<Row> {
    let env = long_ready("duration", |_| {}).await?;
    manager_loses(&env, "iam:UpdateRole").await?;
    let _operator = env.start().await?;
    env.patch("reader", json!({"spec": {"session": {"durationSeconds": 7200}}})).await?;
    let said = credentials(&env, "DurationExceedsRole").await?;
    let of_the_role = the_role(&env, "ManagerDenied").await?;
    mend_role(&env.aws.target, MANAGER, &of_the_role).await?;
    credentials_are_good(&env).await?;
    Ok(Row {
        title: "The session is longer than the role allows",
        seen: lines(&env, &[&said, &of_the_role]),
        side: "the author of the `CrossAccountRole`, or the owner of the role's account, 222222222222",
        remedy: "The operator raises the maximum of its own roles first. It cannot where the manager lacks the permission, as here, or where it \
                 only observes the role. Then add the statement, or shorten the session.",
    })
}

pub async fn the_session_policy_leaves_nothing() -> Result<Row> {
    let env = TestEnv::new("nothing-left").await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    let deny = policy(&json!({"Effect": "Deny", "Action": "s3:DeleteObject", "Resource": "*"}));
    role.spec.session.policy = Some(document(&deny));
    env.create(&role).await?;
    env.settled("reader").await?;
    let ready = role_says(&env, ConditionType::Ready, "Available").await?;
    Ok(Row {
        title: "The session policy leaves nothing",
        seen: lines(&env, &[&ready]),
        side: "the author of the `CrossAccountRole`",
        remedy: "The operator says this only where it is certain: the session policies allow nothing, or they or an inline policy \
                 deny everything. No call to AWS shows what role policies, permissions boundary and session policy allow \
                 together: `GetCallerIdentity` works for every session.",
    })
}

pub async fn another_account_answers_for_the_role() -> Result<Row> {
    let env = long_ready("impostor", |_| {}).await?;
    lose_secret(&env).await?;
    let other = Touch::Caller("arn:aws:iam::333333333333:user/somebody".to_owned());
    env.proxy.on("GetCallerIdentity").account(env.aws.target.id()).touch(other);
    let _operator = env.start().await?;
    Ok(Row {
        title: "Another account answers for the new credentials",
        seen: lines(&env, &[&credentials(&env, "WrongIdentity").await?]),
        side: "the team that runs the operator",
        remedy: "Check `AWS_ENDPOINT_URL`, and every proxy between the operator and AWS.",
    })
}
