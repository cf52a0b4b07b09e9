//! AWS on a bad day: answers that do not come, come late or come in half, and errors that pass.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use serde_json::{Value, json};

use lab::{
    Injected,
    aws::{Identity, policy},
    aws_proxy::{AwsError, Fault, RecordedCall},
    env::{MANAGED, TestEnv, declare::document},
};

use super::befell;
use crate::credentials::times::{due, good_all_the_while, lasts, renewed};

const OBJECT: &str = "reader";

/// An object with policies of both kinds.
fn declared(env: &TestEnv, name: &str) -> CrossAccountRole {
    let mut role = env.role(name);
    role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    role
}

/// What of a role does not depend on its name.
async fn shape(env: &TestEnv, name: &str) -> Result<(Option<String>, BTreeMap<String, Value>, BTreeSet<String>)> {
    let (role, inline) = env.standing(name).await?;
    Ok((role.boundary, inline, env.aws.target.attached_policies(&env.iam_name(name)).await?))
}

#[tokio::test]
async fn roles_are_made_whole_whatever_becomes_of_the_connections() -> Result<()> {
    let env = TestEnv::new("cut").await?;
    let _operator = env.start().await?;
    env.ready_role("sound").await?;
    let sound = shape(&env, "sound").await?;
    let faults = [("reset", Fault::Reset), ("half", Fault::Truncated), ("lost", Fault::DropResponse)];
    let mut cases = Vec::new();
    for action in ["CreateRole", "PutRolePolicy", "AttachRolePolicy", "AssumeRole"] {
        for (what, fault) in &faults {
            let name = format!("{}-{what}", action.to_lowercase());
            let rule = env.proxy.on(action).role(&env.iam_name(&name)).times(2).inject(fault.clone());
            env.create(&declared(&env, &name)).await?;
            cases.push((name, rule));
        }
    }
    for (name, rule) in cases {
        env.settled(&name).await.with_context(|| name.clone())?;
        ensure!(rule.hits() > 0, "{name}: nothing happened");
        ensure!(shape(&env, &name).await? == sound, "{name} is {:?}", shape(&env, &name).await?);
    }
    Ok(())
}

#[tokio::test]
async fn a_call_that_hangs_or_is_answered_too_late_delays_its_own_role_and_no_other() -> Result<()> {
    let env = TestEnv::new("late").await?;
    let _operator = env.start().await?;
    let on = |action: &str, name: &str| env.proxy.on(action).role(&env.iam_name(name)).times(1);
    let hung = [on("CreateRole", "hung-role").hang(), on("PutRolePolicy", "hung-policy").hang()];
    let late = on("AssumeRole", "late").latency(Duration::from_secs(30));
    for name in ["hung-role", "hung-policy", "late", "sound"] {
        env.create(&declared(&env, name)).await?;
    }
    env.settled("sound").await?;
    let sound = shape(&env, "sound").await?;
    for name in ["hung-role", "hung-policy", "late"] {
        env.settled(name).await.with_context(|| name.to_owned())?;
        ensure!(shape(&env, name).await? == sound, "{name} is {:?}", shape(&env, name).await?);
    }
    ensure!(hung.iter().chain([&late]).all(|rule| rule.hits() == 1), "not every fault came");
    Ok(())
}

#[tokio::test]
async fn half_a_bulk_read_is_taken_for_none() -> Result<()> {
    let mut env = TestEnv::new("half-bulk").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    env.compared_again(OBJECT, 1).await?;
    let cut = env.proxy.on("GetAccountAuthorizationDetails").times(6).truncate();
    env.proxy.reset_counts();
    befell(&cut, 6).await?;
    env.compared_again(OBJECT, 2).await?;
    let reads = ["Get", "List", "AssumeRole"];
    let written = env.proxy.calls_that(|call| !reads.iter().any(|read| call.action.starts_with(read)));
    ensure!(written.is_empty(), "{written:#?}");
    Ok(())
}

/// Writes that others are in the way of, at first.
#[tokio::test]
async fn errors_of_a_busy_iam_pass_by_themselves() -> Result<()> {
    let env = TestEnv::new("busy").await?;
    env.patch_account(json!({"guardrails": {"maxSessionDurationSeconds": 7200, "principalTagKeys": ["cost"]}})).await?;
    let _operator = env.start().await?;
    env.create(&declared(&env, OBJECT)).await?;
    env.settled(OBJECT).await?;
    let writes = ["UpdateRole", "PutRolePolicy", "DeleteRolePolicy", "AttachRolePolicy", "DetachRolePolicy", "TagRole"];
    let message =
        "The request was rejected because multiple requests to change this object were submitted simultaneously";
    let busy = writes.map(|action| env.proxy.on(action).times(1).error(409, "ConcurrentModification", message));
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    let change = json!({
        "maxSessionDurationSeconds": 7200,
        "tags": {"cost": "42"},
        "inlinePolicies": {"read-reports": null, "list": document(&list)},
        "managedPolicyArns": ["arn:aws:iam::aws:policy/ReadOnlyAccess"],
    });
    env.patch(OBJECT, json!({"spec": {"role": change}})).await?;
    env.settled(OBJECT).await?;
    ensure!(busy.iter().all(|rule| rule.hits() == 1), "not every write was in the way of another");
    let (role, inline) = env.standing(OBJECT).await?;
    ensure!(role.max_session_duration == Some(7200) && inline.keys().eq(["list"]), "{role:?} {inline:?}");
    ensure!(role.tags.get("cost").map(String::as_str) == Some("42"), "{:?}", role.tags);

    let conflict = "Cannot delete entity, must detach all policies first.";
    let conflict = env.proxy.on("DeleteRole").times(2).error(409, "DeleteConflict", conflict);
    env.roles.delete(OBJECT, &kube::api::DeleteParams::default()).await?;
    env.is_gone_with_its_role(OBJECT).await?;
    ensure!(conflict.hits() == 2, "the deletion did not fail");
    Ok(())
}

#[tokio::test]
async fn a_limit_of_iam_is_told_and_keeps_no_credentials_from_being_renewed() -> Result<()> {
    let env = TestEnv::new("limit").await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let message = "Maximum policy size of 10240 bytes exceeded for role";
    let limit = env.proxy.on("PutRolePolicy").error(409, "LimitExceeded", message);
    let list = policy(&json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}));
    env.patch(OBJECT, json!({"spec": {"role": {"inlinePolicies": {"list": document(&list)}}}})).await?;
    let told = env.shows(OBJECT, "True", "Degraded").await?;
    ensure!(told.contains(message), "{told}");
    due(&env, OBJECT).await?;
    good_all_the_while(&env, OBJECT, lasts(&env, OBJECT)).await?;
    limit.release();
    env.patch(OBJECT, json!({"spec": {"role": {"description": "with room"}}})).await?;
    env.settled(OBJECT).await.map(drop)
}

/// STS fails in the region for a shorter time than credentials are renewed before their end.
async fn survives_an_outage_of_sts(name: &str, told: &str, fault: Fault) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let _operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    let outage = ["AssumeRole", "GetCallerIdentity"].map(|action| env.proxy.on(action).inject(fault.clone()));
    due(&env, OBJECT).await?;
    good_all_the_while(&env, OBJECT, async {
        befell(&outage[0], 2).await?;
        let message = env.shows(OBJECT, "True", "Degraded").await?;
        ensure!(message.contains(told) && message.contains("they expire at"), "{message}");
        outage.iter().for_each(Injected::release);
        renewed(&env, OBJECT).await
    })
    .await
    .map(drop)
}

#[tokio::test]
async fn credentials_outlast_an_outage_of_sts() -> Result<()> {
    let error = AwsError::new(503, "ServiceUnavailable", "Service Unavailable");
    survives_an_outage_of_sts("sts-503", "ServiceUnavailable", Fault::Answer(error)).await
}

#[tokio::test]
async fn credentials_outlast_a_network_that_resets_every_connection_to_sts() -> Result<()> {
    survives_an_outage_of_sts("sts-reset", "AssumeRole", Fault::Reset).await
}

/// Deletes the operator's user and makes it again under the same name, as Terraform does. Gives its new keys.
async fn make_the_operator_again(env: &TestEnv) -> Result<Identity> {
    let source = &env.aws.source;
    let name = "crossaccount-operator";
    // By the proxy, which shows the user's id in trust policies from now on, as AWS does.
    let people = env.proxy.beside()?;
    let as_administrator = |of: &lab::aws::Account| {
        aws_sdk_iam::Client::new(&lab::emulator::aws_config(&people.endpoint(), of.administrator().clone()))
    };
    let iam = as_administrator(source);
    for key in iam.list_access_keys().user_name(name).send().await?.access_key_metadata {
        iam.delete_access_key().user_name(name).set_access_key_id(key.access_key_id).send().await?;
    }
    iam.delete_user_policy().user_name(name).policy_name("lab").send().await?;
    iam.delete_user().user_name(name).send().await?;
    let may_assume =
        policy(&json!({"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": "*"}));
    let again = source.create_user(name, &may_assume).await?;
    let trust = policy(&json!({
        "Effect": "Allow",
        "Principal": {"AWS": again.arn},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": lab::aws::MANAGER_EXTERNAL_ID}},
    }));
    let update = as_administrator(&env.aws.target).update_assume_role_policy().role_name("crossaccount-manager");
    update.policy_document(trust.to_string()).send().await?;
    Ok(again)
}

#[tokio::test]
async fn an_operator_whose_user_was_made_again_lets_itself_into_its_roles_again() -> Result<()> {
    let env = TestEnv::new("user-again").await?;
    let operator = env.start().await?;
    env.ready_role(OBJECT).await?;
    operator.stop().await?;
    let again = make_the_operator_again(&env).await?;
    due(&env, OBJECT).await?;
    let _operator = env.settings.clone().credentials(&again.credentials).start().await?;
    good_all_the_while(&env, OBJECT, renewed(&env, OBJECT)).await?;
    let name = env.iam_name(OBJECT);
    let repairs = |call: &RecordedCall| call.action == "UpdateAssumeRolePolicy" && call.role.as_ref() == Some(&name);
    ensure!(env.proxy.calls_that(repairs).len() == 1, "the trust policy was not written once");
    env.copied(OBJECT).await.map(drop)
}
