//! Guardrails that are tightened when roles exist already.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, CrossAccountRole};
use kube::Api;
use serde_json::{Value, json};

use lab::{
    aws::policy,
    env::{MANAGED, TestEnv, declare::document},
    wait::eventually,
};

/// The Secret is gone, older sessions are denied, and nobody but the operator is trusted.
async fn is_cut_off(env: &TestEnv, name: &str) -> Result<()> {
    eventually("access is cut", async || {
        ensure!(env.secrets.get_opt(name).await?.is_none(), "the Secret is there");
        let role = env.iam_name(name);
        let inline = env.aws.target.inline_policies(&role).await?;
        ensure!(inline.contains_key("crossaccount-deny"), "{inline:?}");
        let found = env.aws.target.role(&role).await?.context("the role is gone")?;
        let source = env.aws.source.id();
        ensure!(!found.trust.to_string().contains(&format!("{source}:root")), "{}", found.trust);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn each_tightened_guardrail_cuts_off_the_roles_that_go_beyond_it() -> Result<()> {
    let env = TestEnv::new("tightened").await?;
    env.patch_account(json!({"guardrails": {"principals": ["*"], "maxSessionDurationSeconds": 7200}})).await?;
    let _operator = env.start().await?;
    let mut role = env.role("reader");
    role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
    role.spec.role.max_session_duration_seconds = 7200;
    role.spec.trust.principals = vec![env.aws.source.id().to_owned()];
    env.create(&role).await?;
    env.settled("reader").await?;

    for (tightened, loosened, told) in [
        (json!({"actions": ["ec2:*"]}), json!({"actions": null}), "s3:GetObject"),
        (json!({"managedPolicies": []}), json!({"managedPolicies": null}), MANAGED),
        (json!({"principals": []}), json!({"principals": ["*"]}), "guardrails.principals"),
        (json!({"maxSessionDurationSeconds": 3600}), json!({"maxSessionDurationSeconds": 7200}), "7200"),
        (json!({"lifecycles": ["Observe"]}), json!({"lifecycles": ["Create"]}), "guardrails.lifecycles"),
    ] {
        env.patch_account(json!({ "guardrails": tightened })).await?;
        let message = env.shows("reader", "False", "NotAllowed").await?;
        assert!(message.contains(told), "{message}");
        is_cut_off(&env, "reader").await?;
        env.patch_account(json!({ "guardrails": loosened })).await?;
        env.settled("reader").await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_declaration_made_invalid_does_not_keep_what_is_no_longer_allowed() -> Result<()> {
    let env = TestEnv::new("dodging").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    // Without a Statement the policy is refused, and with it the whole declaration of the role.
    env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"read-reports": {"Statement": null}}}}})).await?;
    let message = env.shows("reader", "True", "Degraded").await?;
    assert!(message.contains("read-reports"), "{message}");

    env.patch_account(json!({"guardrails": {"actions": ["ec2:*"]}})).await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("read-reports") && message.contains("s3:GetObject"), "{message}");
    is_cut_off(&env, "reader").await
}

#[tokio::test]
async fn another_boundary_reaches_a_role_whose_declaration_is_invalid() -> Result<()> {
    let env = TestEnv::new("rebound").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let stricter = env.aws.target.create_policy("stricter", &nothing).await?;
    env.aws.also_bound_by(&stricter).await?;
    env.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"read-reports": {"Statement": null}}}}})).await?;
    env.shows("reader", "True", "Degraded").await?;
    env.patch_account(json!({"guardrails": {"permissionsBoundary": stricter}})).await?;
    eventually("the role has the new boundary", async || {
        let found = env.aws.target.role(&env.iam_name("reader")).await?.context("no role")?;
        ensure!(found.boundary.as_ref() == Some(&stricter), "{:?}", found.boundary);
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_guardrail_changed_while_the_operator_was_down_is_enforced_when_it_comes_back() -> Result<()> {
    let env = TestEnv::new("absence").await?;
    let operator = env.start().await?;
    env.ready_role("bounded").await?;
    env.create(&env.role("withdrawn")).await?;
    env.settled("withdrawn").await?;
    operator.kill().await?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let stricter = env.aws.target.create_policy("stricter", &nothing).await?;
    env.aws.also_bound_by(&stricter).await?;
    let only_its = json!({"permissionsBoundary": stricter, "managedPolicies": [MANAGED], "actions": ["s3:*"]});
    env.patch_account(json!({ "guardrails": only_its })).await?;
    let mut wider = env.role("withdrawn").spec.role.inline_policies;
    wider.insert("ec2".into(), document(&policy(&json!({"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}))));
    let wider: Value = serde_json::to_value(&wider)?;
    env.patch("withdrawn", json!({"spec": {"role": {"inlinePolicies": wider}}})).await?;

    let _operator = env.start().await?;
    eventually("the role has the new boundary", async || {
        let found = env.aws.target.role(&env.iam_name("bounded")).await?.context("no role")?;
        ensure!(found.boundary.as_ref() == Some(&stricter), "{:?}", found.boundary);
        Ok(())
    })
    .await?;
    env.shows("withdrawn", "False", "NotAllowed").await?;
    is_cut_off(&env, "withdrawn").await
}

#[tokio::test]
async fn an_edit_of_the_account_that_changes_nothing_for_a_role_alarms_nobody() -> Result<()> {
    let env = TestEnv::new("edited").await?;
    let _operator = env.start().await?;
    let before = env.ready_role("reader").await?;
    env.proxy.reset_counts();
    env.patch_account(json!({"guardrails": {"managedPolicies": ["arn:aws:iam::aws:policy/*"]}})).await?;
    let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
    eventually("the account was checked and its roles were looked at", async || {
        let account = accounts.get(&env.namespace).await?;
        let observed = account.status.and_then(|status| status.observed_generation);
        ensure!(observed == account.metadata.generation, "it was not checked yet");
        Ok(())
    })
    .await?;
    env.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    env.patch("reader", json!({"spec": {"secret": {"labels": {"seen": "yes"}}}})).await?;
    eventually("the role was reconciled after that", async || {
        let labels = env.secrets.get("reader").await?.metadata.labels.unwrap_or_default();
        ensure!(labels.contains_key("seen"), "{labels:?}");
        Ok(())
    })
    .await?;
    let after = env.settled("reader").await?;
    let times = |role: CrossAccountRole| {
        let conditions = role.status.unwrap_or_default().conditions;
        conditions.into_iter().map(|c| (c.type_, c.last_transition_time)).collect::<Vec<_>>()
    };
    assert_eq!(times(after), times(before));
    assert_eq!(env.proxy.count("CreateRole") + env.proxy.count("UpdateAssumeRolePolicy"), 0);
    Ok(())
}

#[tokio::test]
async fn a_role_that_was_made_and_is_declared_observed_is_not_out_of_reach() -> Result<()> {
    let env = TestEnv::new("observing").await?;
    env.patch_account(json!({"guardrails": {"lifecycles": ["Create", "Observe"], "principals": ["*"]}})).await?;
    let _operator = env.settings.clone().flag("--drift-interval=2s").start().await?;
    let mut role = env.role("reader");
    role.spec.trust.principals = vec![env.aws.source.id().to_owned()];
    env.create(&role).await?;
    env.settled("reader").await?;
    // What is declared now would be allowed; what the role has is not.
    let allowed = policy(&json!({"Effect": "Allow", "Action": "ec2:DescribeInstances", "Resource": "*"}));
    env.patch(
        "reader",
        json!({"spec": {
            "role": {"lifecycle": "Observe", "inlinePolicies": {"read-reports": allowed}},
            "trust": {"principals": []},
        }}),
    )
    .await?;
    env.shows("reader", "True", "Observed").await?;
    env.patch_account(json!({"guardrails": {"actions": ["ec2:*"]}})).await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("s3:GetObject"), "{message}");
    is_cut_off(&env, "reader").await
}

#[tokio::test]
async fn neither_suspension_nor_an_outage_shelters_a_role_whose_declaration_is_invalid() -> Result<()> {
    let env = TestEnv::new("sheltering").await?;
    let _operator = env.start().await?;
    env.ready_role("reader").await?;
    let invalid = json!({"spec": {"suspend": true, "role": {"inlinePolicies": {"read-reports": {"Statement": null}}}}});
    env.patch("reader", invalid).await?;
    env.shows("reader", "True", "Suspended").await?;
    let outage =
        env.proxy.on("GetRole").role(&env.iam_name("reader")).times(3).error(503, "ServiceUnavailable", "later");
    env.patch_account(json!({"guardrails": {"actions": ["ec2:*"]}})).await?;
    let message = env.shows("reader", "False", "NotAllowed").await?;
    assert!(message.contains("s3:GetObject"), "{message}");
    assert_eq!(outage.hits(), 3);
    is_cut_off(&env, "reader").await
}
