//! Permission on the other side: users, groups and roles of another account that may assume a role.

mod crowd;
mod refusals;
mod requests;
mod room;
mod source_account;
pub mod stage;
mod status;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::SourceGrant;
use kube::api::DeleteParams;
use serde_json::json;

use self::stage::{
    POLICY, assumes, granting, grants_ready, is_denied, lab, may_assume, nothing, to_user, trusting, user,
};
use lab::{aws::policy, wait::eventually};

#[tokio::test]
async fn a_user_assumes_the_role_while_the_grant_is_declared_and_not_before_or_after() -> Result<()> {
    let env = lab("grant-user").await?;
    let deployer = user(&env, "deployer").await?;
    let _operator = env.start().await?;
    env.create(&trusting(granting(&env, "reader", Vec::new()), &[&deployer.arn])).await?;
    env.settled("reader").await?;
    assert_eq!(grants_ready(&env, "reader", "True", "Available").await?, "No source grants are declared.");
    is_denied(&env, &deployer, "reader").await?;

    env.patch("reader", json!({"spec": {"sourceGrants": [to_user(&env, "deployer")]}})).await?;
    grants_ready(&env, "reader", "True", "Available").await?;
    assumes(&env, &deployer, "reader").await?;
    let remembered = env.settled("reader").await?.status.context("no status")?.source_grants;
    assert_eq!(remembered.len(), 1);
    assert_eq!(remembered[0].principal_arn.as_deref(), Some(deployer.arn.as_str()));
    assert_eq!(remembered[0].role_arn, Some(env.role_arn("reader")));

    env.patch("reader", json!({"spec": {"sourceGrants": []}})).await?;
    env.settled("reader").await?;
    is_denied(&env, &deployer, "reader").await?;
    assert_eq!(may_assume(&env, "deployer").await?, None);
    assert!(env.settled("reader").await?.status.context("no status")?.source_grants.is_empty());
    Ok(())
}

#[tokio::test]
async fn the_users_of_a_group_and_the_sessions_of_a_role_assume_the_role_until_the_object_is_deleted() -> Result<()> {
    let env = lab("grant-others").await?;
    let source = &env.aws.source;
    let member = user(&env, "member").await?;
    source.iam().create_group().group_name("deployers").path("/ci/").send().await?;
    source.iam().add_user_to_group().group_name("deployers").user_name("member").send().await?;
    let other = user(&env, "other").await?;
    let may = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}));
    source.put_user_policy("other", "lab", &may).await?;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": other.arn}}));
    let runner = source.create_role("runner", &trust, &nothing()).await?;
    let runner = source.assume(&other, &runner, None).await?;

    let _operator = env.start().await?;
    let account_ref = to_user(&env, "x").account_ref;
    let group =
        SourceGrant { account_ref: account_ref.clone(), group: Some("deployers".into()), ..SourceGrant::default() };
    let role = SourceGrant { account_ref, role: Some("runner".into()), ..SourceGrant::default() };
    env.create(&trusting(granting(&env, "reader", vec![group, role]), &[&member.arn, &runner.arn])).await?;
    env.settled("reader").await?;
    grants_ready(&env, "reader", "True", "Available").await?;
    assumes(&env, &member, "reader").await?;
    assumes(&env, &runner, "reader").await?;

    env.roles.delete("reader", &DeleteParams::default()).await?;
    env.gone("reader").await?;
    let group = source.iam().list_group_policies().group_name("deployers").send().await?.policy_names;
    assert!(group.is_empty(), "{group:?}");
    assert!(!source.inline_policies("runner").await?.contains_key(POLICY));
    Ok(())
}

#[tokio::test]
async fn a_grant_that_moves_to_another_user_is_taken_from_the_first() -> Result<()> {
    let env = lab("grant-moves").await?;
    user(&env, "first").await?;
    user(&env, "second").await?;
    let _operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "first")])).await?;
    env.settled("reader").await?;
    let granted = Some([env.role_arn("reader")].into());
    assert_eq!(may_assume(&env, "first").await?, granted);

    env.patch("reader", json!({"spec": {"sourceGrants": [to_user(&env, "second")]}})).await?;
    env.settled("reader").await?;
    assert_eq!((may_assume(&env, "first").await?, may_assume(&env, "second").await?), (None, granted));
    Ok(())
}

#[tokio::test]
async fn the_line_follows_a_role_that_is_created_again_under_another_path() -> Result<()> {
    let mut env = lab("grant-path").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    user(&env, "deployer").await?;
    let _operator = env.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "deployer")])).await?;
    env.settled("reader").await?;

    env.aws.also_manage(&["role/elsewhere/*"]).await?;
    env.patch_any_account(&env.namespace, json!({"spec": {"guardrails": {"rolePath": "/elsewhere/"}}})).await?;
    let (name, target) = (env.iam_name("reader"), &env.aws.target);
    for policy in target.inline_policies(&name).await?.into_keys() {
        target.iam().delete_role_policy().role_name(&name).policy_name(policy).send().await?;
    }
    target.iam().delete_role().role_name(&name).send().await?;
    let moved = env.role_arn("reader").replace("/crossaccount/", "/elsewhere/");
    eventually("the line is the new role's", async || {
        let lines = may_assume(&env, "deployer").await?;
        ensure!(lines == Some([moved.clone()].into()), "{lines:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn what_somebody_changes_in_the_policy_is_repaired_and_told() -> Result<()> {
    let mut env = lab("grant-drift").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    let deployer = user(&env, "deployer").await?;
    let _operator = env.start().await?;
    env.create(&trusting(granting(&env, "reader", vec![to_user(&env, "deployer")]), &[&deployer.arn])).await?;
    env.settled("reader").await?;
    let source = &env.aws.source;
    let open = policy(&json!({"Effect": "Allow", "Action": "sts:*", "Resource": "*"}));
    source.put_user_policy("deployer", POLICY, &open).await?;
    eventually("the policy is as before", async || {
        let lines = may_assume(&env, "deployer").await?;
        ensure!(lines == Some([env.role_arn("reader")].into()), "{lines:?}");
        Ok(())
    })
    .await?;
    assumes(&env, &deployer, "reader").await?;
    eventually("an Event tells of the repair", async || {
        let events: kube::Api<k8s_openapi::api::events::v1::Event> =
            kube::Api::namespaced(env.kube.clone(), &env.namespace);
        let events = events.list(&kube::api::ListParams::default()).await?;
        let told = |event: &&k8s_openapi::api::events::v1::Event| event.reason.as_deref() == Some("DriftRepaired");
        let repair = events.iter().find(told).context("there is no such Event")?;
        ensure!(repair.note.as_ref().is_some_and(|note| note.contains(&deployer.arn)), "{:?}", repair.note);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_quiet_look_for_drift_only_reads_and_a_restart_makes_no_call() -> Result<()> {
    let mut env = lab("grant-quiet").await?;
    user(&env, "deployer").await?;
    let quick = env.settings.clone().flag("--drift-interval=1s");
    let operator = quick.start().await?;
    env.create(&granting(&env, "reader", vec![to_user(&env, "deployer")])).await?;
    env.settled("reader").await?;
    env.proxy.reset_counts();
    eventually("the grant was compared three times", async || {
        let looks = env.proxy.count("GetUserPolicy");
        ensure!(looks >= 3, "{looks} times so far");
        Ok(())
    })
    .await?;
    let writes = |action: &String| !["Get", "List"].iter().any(|read| action.starts_with(read));
    assert_eq!(env.actions().into_iter().filter(writes).collect::<Vec<_>>(), Vec::<String>::new());
    operator.stop().await?;

    env.proxy.reset_counts();
    env.settings = env.settings.flag("--drift-interval=24h");
    let _operator = env.start().await?;
    env.patch("reader", json!({"metadata": {"annotations": {"looked": "at"}}})).await?;
    env.create(&granting(&env, "second", Vec::new())).await?;
    env.settled("second").await?;
    let about_grants = |action: &String| action.contains("User");
    assert_eq!(env.actions().into_iter().filter(about_grants).collect::<Vec<_>>(), Vec::<String>::new());
    Ok(())
}
