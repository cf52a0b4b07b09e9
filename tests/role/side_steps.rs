//! Tags and descriptions hold up nothing, and tags of others are nobody's but theirs.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};
use aws_sdk_iam::types::Tag;
use serde_json::{Value, json};

use lab::{aws::policy, env::TestEnv, tester::Tester, wait::eventually};

/// What a service control policy keeps the manager of the account from.
async fn forbid(env: &TestEnv, action: &str) -> Result<()> {
    let forbidden = policy(&json!({"Effect": "Deny", "Action": action, "Resource": "*"}));
    env.aws.target.put_role_policy("crossaccount-manager", "forbidden", &forbidden).await
}

/// A patch that replaces the policy `read-reports` by one that allows the errand.
fn replaced_policies(env: &TestEnv, tester: &Tester<'_>) -> Result<Value> {
    let before = env.role("reader").spec.role.inline_policies;
    let mut policies = serde_json::to_value(tester.role("reader").spec.role.inline_policies)?;
    for name in before.keys() {
        policies[name] = Value::Null;
    }
    Ok(policies)
}

/// The new permission is there and the old one gone.
async fn has_only_the_errand(env: &TestEnv, tester: &Tester<'_>) -> Result<()> {
    eventually("the role has the new policy and only that", async || {
        let (_, inline) = env.standing("reader").await?;
        ensure!(inline.keys().collect::<Vec<_>>() == ["errand"], "{:?}: {}", inline.keys(), env.told("reader").await?);
        Ok(())
    })
    .await?;
    tester.has_a_working_set("reader").await?;
    Ok(())
}

#[tokio::test]
async fn a_tag_of_the_organization_stays_and_holds_up_no_permission() -> Result<()> {
    let env = TestEnv::new("tagger").await?;
    let tester = Tester::new(&env).await?;
    forbid(&env, "iam:UntagRole").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    env.aws.target.tag_role(&env.iam_name("reader"), "org:cost-center", "42").await?;
    let policies = replaced_policies(&env, &tester)?;
    env.patch("reader", json!({"spec": {"role": {"inlinePolicies": policies, "managedPolicyArns": []}}})).await?;
    has_only_the_errand(&env, &tester).await?;
    env.settled("reader").await?;
    let (role, _) = env.standing("reader").await?;
    assert_eq!(role.tags.get("org:cost-center").map(String::as_str), Some("42"));
    assert_eq!(env.proxy.count("UntagRole"), 0, "nobody asked for a tag to be taken off");
    Ok(())
}

#[tokio::test]
async fn a_tag_of_somebody_else_is_not_taken_off_where_it_could_be() -> Result<()> {
    let env = TestEnv::new("tagged").await?;
    let _operator = env.start().await?;
    let mut declared = env.role("reader");
    declared.spec.role.tags.insert("cost-center".into(), "42".into());
    env.patch_account(json!({"guardrails": {"principalTagKeys": ["cost-center", "team"]}})).await?;
    env.create(&declared).await?;
    env.settled("reader").await?;
    let iam = env.aws.target.iam();
    let foreign = Tag::builder().key("backup").value("daily").build()?;
    iam.tag_role().role_name(env.iam_name("reader")).tags(foreign).send().await?;
    env.patch("reader", json!({"spec": {"role": {"tags": {"cost-center": null, "team": "reports"}}}})).await?;
    eventually("the declared tags are as declared", async || {
        let (role, _) = env.standing("reader").await?;
        ensure!(role.tags.get("team").map(String::as_str) == Some("reports"), "{:?}", role.tags);
        Ok(())
    })
    .await?;
    env.settled("reader").await?;
    has_tags(&env, &[("backup", "daily"), ("team", "reports")]).await
}

/// The role has these tags beside the operator's own.
async fn has_tags(env: &TestEnv, wanted: &[(&str, &str)]) -> Result<()> {
    eventually("the tags are as declared", async || {
        let (role, _) = env.standing("reader").await?;
        let tags = role.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let tags: Vec<_> = tags.filter(|(key, _)| !key.starts_with("crossaccount.dev/")).collect();
        ensure!(tags == wanted, "{tags:?}: {}", env.told("reader").await?);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_tag_that_could_not_be_taken_off_goes_once_it_can() -> Result<()> {
    let mut env = TestEnv::new("untagged").await?;
    env.settings = env.settings.flag("--drift-interval=1s");
    env.patch_account(json!({"guardrails": {"principalTagKeys": ["cost-center", "team"]}})).await?;
    let _operator = env.start().await?;
    let mut declared = env.role("reader");
    declared.spec.role.tags = [("cost-center".to_owned(), "42".to_owned())].into();
    env.create(&declared).await?;
    env.settled("reader").await?;
    forbid(&env, "iam:UntagRole").await?;
    env.patch("reader", json!({"spec": {"role": {"tags": {"cost-center": null, "team": "reports"}}}})).await?;
    has_tags(&env, &[("cost-center", "42"), ("team", "reports")]).await?;
    eventually("the status names what is missing", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains("iam:UntagRole"), "{told}");
        Ok(())
    })
    .await?;

    let manager = env.aws.target.iam().delete_role_policy().role_name("crossaccount-manager");
    manager.policy_name("forbidden").send().await?;
    has_tags(&env, &[("team", "reports")]).await
}

#[tokio::test]
async fn all_tags_that_a_role_has_room_for_can_be_replaced_at_once() -> Result<()> {
    let tags = |stem: &str| (0..45).map(|n| (format!("{stem}{n:02}"), "v".to_owned())).collect::<BTreeMap<_, _>>();
    let (before, after) = (tags("a"), tags("b"));
    let env = TestEnv::new("all-tags").await?;
    let allowed =
        |tags: &BTreeMap<String, String>| json!({"guardrails": {"principalTagKeys": tags.keys().collect::<Vec<_>>()}});
    env.patch_account(allowed(&before)).await?;
    let _operator = env.start().await?;
    let mut declared = env.role("reader");
    declared.spec.role.tags = before.clone();
    env.create(&declared).await?;
    env.settled("reader").await?;
    env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    env.shows("reader", "True", "Suspended").await?;

    let mut patch = json!(after);
    for key in before.keys() {
        patch[key] = Value::Null;
    }
    env.patch("reader", json!({"spec": {"role": {"tags": patch}}})).await?;
    env.patch_account(allowed(&after)).await?;
    env.patch("reader", json!({"spec": {"suspend": false}})).await?;
    let wanted: Vec<(&str, &str)> = after.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    has_tags(&env, &wanted).await
}

/// Declares a new permission together with something beside that the account does not let the manager write.
async fn nothing_beside_holds_up(name: &str, action: &str, beside: (&str, Value)) -> Result<()> {
    let env = TestEnv::new(name).await?;
    let tester = Tester::new(&env).await?;
    env.patch_account(json!({"guardrails": {"principalTagKeys": ["team"]}})).await?;
    let _operator = env.start().await?;
    env.create(&env.role("reader")).await?;
    env.settled("reader").await?;
    forbid(&env, action).await?;
    let mut declared = json!({"inlinePolicies": replaced_policies(&env, &tester)?});
    declared[beside.0] = beside.1;
    env.patch("reader", json!({"spec": {"role": declared}})).await?;
    has_only_the_errand(&env, &tester).await?;
    eventually("the status names what is missing", async || {
        let told = env.told("reader").await?;
        ensure!(told.contains(action), "{told}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_description_that_cannot_be_written_holds_up_no_permission() -> Result<()> {
    nothing_beside_holds_up("described", "iam:UpdateRole", ("description", json!("Reads the reports"))).await
}

#[tokio::test]
async fn a_tag_that_cannot_be_written_holds_up_no_permission() -> Result<()> {
    nothing_beside_holds_up("untaggable", "iam:TagRole", ("tags", json!({"team": "reports"}))).await
}
