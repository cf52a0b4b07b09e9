//! What is refused, what fails, and what is kept meanwhile.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, ConditionType, annotation};
use k8s_openapi::api::core::v1::{ResourceQuota, Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use crate::support::{aws::policy, life::Life, wait::eventually};

/// Waits until `Ready` of a role has this status and reason, and gives its message.
async fn ready(life: &Life, name: &str, status: &str, reason: &str) -> Result<String> {
    eventually(&format!("Ready is {status} {reason}"), async || {
        let conditions = life.roles.get(name).await?.status.unwrap_or_default().conditions;
        let ready = conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
        let ready = ready.context("there is no condition Ready")?;
        ensure!(
            ready.status == status && ready.reason == reason,
            "{} {}: {}",
            ready.status,
            ready.reason,
            ready.message
        );
        Ok(ready.message)
    })
    .await
}

async fn patch_account(life: &Life, patch: Value) -> Result<()> {
    let accounts: Api<AWSAccount> = Api::all(life.scenario.kube.clone());
    accounts.patch(&life.scenario.namespace, &PatchParams::default(), &Patch::Merge(patch)).await?;
    Ok(())
}

async fn create(life: &Life, name: &str) -> Result<()> {
    life.roles.create(&PostParams::default(), &life.scenario.role(name)).await?;
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_is_not_allowed_gets_nothing_and_causes_no_call() -> Result<()> {
    let life = Life::new("stranger").await?;
    patch_account(&life, json!({"spec": {"allowedNamespaces": {"names": ["another"]}}})).await?;
    let _operator = life.start().await?;
    create(&life, "reader").await?;
    let message = ready(&life, "reader", "False", "NotAllowed").await?;
    assert!(message.contains(&life.scenario.namespace), "{message}");
    let about_the_role = life.proxy.calls().into_iter().filter(|call| call.role == Some(life.iam_name("reader")));
    assert_eq!(about_the_role.count(), 0);
    assert!(life.secrets.get_opt("reader").await?.is_none());
    Ok(())
}

#[tokio::test]
async fn withdrawn_permission_takes_the_access_away_and_a_new_one_brings_it_back() -> Result<()> {
    let life = Life::new("withdrawn").await?;
    let _operator = life.start().await?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let other = life.scenario.aws.source.create_user("other", &nothing).await?.arn;
    patch_account(&life, json!({"spec": {"guardrails": {"principals": [other]}}})).await?;
    life.ready_role("reader").await?;
    life.patch("reader", json!({"spec": {"trust": {"principals": [other]}}})).await?;
    life.settled("reader").await?;
    let trusted = async || {
        let role = life.scenario.aws.target.role(&life.iam_name("reader")).await?.context("there is no such role")?;
        anyhow::Ok(role.trust.to_string().contains(&other))
    };
    assert!(trusted().await?, "the declared principal is trusted");

    // A field that is refused must not keep what is withdrawn.
    life.patch("reader", json!({"spec": {"suspend": true}})).await?;
    patch_account(&life, json!({"spec": {"allowedNamespaces": {"names": []}}})).await?;
    ready(&life, "reader", "False", "NotAllowed").await?;
    assert!(life.secrets.get_opt("reader").await?.is_none());
    let inline = life.scenario.aws.target.inline_policies(&life.iam_name("reader")).await?;
    let denial = &inline["crossaccount-deny-older-sessions"]["Statement"][0];
    assert_eq!(denial["Effect"], "Deny");
    assert!(denial["Condition"]["DateLessThan"]["aws:TokenIssueTime"].is_string(), "{denial}");

    assert!(!trusted().await?, "only the operator is trusted");

    life.patch("reader", json!({"spec": {"suspend": false}})).await?;
    patch_account(&life, json!({"spec": {"allowedNamespaces": {"names": [life.scenario.namespace]}}})).await?;
    life.settled("reader").await?;
    assert!(life.secrets.get_opt("reader").await?.is_some());
    Ok(())
}

#[tokio::test]
async fn a_role_whose_creation_was_not_answered_is_recognised_and_made_only_once() -> Result<()> {
    let life = Life::new("unanswered").await?;
    life.proxy.on("CreateRole").times(1).drop_response();
    let _operator = life.start().await?;
    let role = life.ready_role("reader").await?;
    assert_eq!(life.scenario.aws.target.role_names("/crossaccount/").await?.len(), 1);
    assert!(role.status.and_then(|status| status.role).context("no role")?.created);
    Ok(())
}

#[tokio::test]
async fn throttling_passes() -> Result<()> {
    let life = Life::new("throttled").await?;
    let name = life.iam_name("reader");
    // The adaptive limiter of the SDK takes its time after each of them, so two are enough.
    let throttle = life.proxy.on("AssumeRole").role(&name).times(2).throttle();
    let _operator = life.start().await?;
    life.ready_role("reader").await?;
    assert_eq!(throttle.hits(), 2);
    Ok(())
}

#[tokio::test]
async fn a_role_of_somebody_else_is_refused_in_any_case_of_letters_and_left_untouched() -> Result<()> {
    let life = Life::new("foreign").await?;
    let target = &life.scenario.aws.target;
    let name = life.iam_name("reader").to_uppercase();
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
    target.create_role(&name, &trust, &policy(&json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*"}))).await?;
    let before = target.role(&name).await?;
    let _operator = life.start().await?;
    create(&life, "reader").await?;
    let message = ready(&life, "reader", "False", "RoleNotOwned").await?;
    assert!(message.contains("was not made by this operator"), "{message}");
    assert_eq!(target.role(&name).await?, before);
    assert!(life.secrets.get_opt("reader").await?.is_none());

    life.roles.delete("reader", &DeleteParams::default()).await?;
    eventually("the object is gone", async || {
        ensure!(life.roles.get_opt("reader").await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    assert_eq!(target.role(&name).await?, before);
    Ok(())
}

#[tokio::test]
async fn a_secret_of_somebody_else_is_refused_and_left_untouched() -> Result<()> {
    let life = Life::new("foreign-secret").await?;
    let metadata = ObjectMeta { name: Some("reader".into()), ..ObjectMeta::default() };
    let foreign = Secret { metadata, string_data: Some([("a".into(), "b".into())].into()), ..Secret::default() };
    let before = life.secrets.create(&PostParams::default(), &foreign).await?;
    let _operator = life.start().await?;
    create(&life, "reader").await?;
    ready(&life, "reader", "False", "SecretNotOwned").await?;
    assert_eq!(life.secrets.get("reader").await?, before);
    Ok(())
}

#[tokio::test]
async fn a_broken_chain_names_its_hop_and_the_roles_wait_for_the_account() -> Result<()> {
    let life = Life::new("chain").await?;
    let hop = json!({"roleArn": life.scenario.aws.manager_arn, "externalId": "wrong"});
    patch_account(&life, json!({"spec": {"access": {"chain": [hop]}}})).await?;
    let _operator = life.start().await?;
    create(&life, "reader").await?;
    let message = ready(&life, "reader", "False", "AccountNotReady").await?;
    assert!(message.contains(&life.scenario.namespace), "{message}");
    let accounts: Api<AWSAccount> = Api::all(life.scenario.kube.clone());
    eventually("the account names the hop", async || {
        let conditions = accounts.get(&life.scenario.namespace).await?.status.unwrap_or_default().conditions;
        let ready = conditions.first().context("it has no condition")?;
        ensure!(ready.reason == "TrustDenied" && ready.message.contains("hop 1 of 1"), "{}", ready.message);
        Ok(())
    })
    .await?;

    let hop = json!({"roleArn": life.scenario.aws.manager_arn, "externalId": crate::support::aws::MANAGER_EXTERNAL_ID});
    patch_account(&life, json!({"spec": {"access": {"chain": [hop]}}})).await?;
    life.settled("reader").await?;
    Ok(())
}

#[tokio::test]
async fn without_an_identity_of_its_own_the_operator_is_not_ready_and_keeps_running() -> Result<()> {
    let mut life = Life::new("nobody").await?;
    life.settings = life.settings.no_credentials();
    let operator = life.start().await?;
    create(&life, "reader").await?;
    ready(&life, "reader", "False", "BaseIdentityUnavailable").await?;
    let (status, text) = operator.get("/readyz").await?;
    assert!(status == 503 && text.contains("aws-identity"), "{status}: {text}");
    assert_eq!(operator.get("/healthz").await?.0, 200);
    Ok(())
}

#[tokio::test]
async fn a_bad_policy_keeps_the_credentials_and_mending_it_is_enough() -> Result<()> {
    let life = Life::new("malformed").await?;
    let _operator = life.start().await?;
    let before = life.ready_role("reader").await?;
    let (data, _) = life.secret("reader").await?;

    life.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"bad": {"Version": "2012-10-17"}}}}})).await?;
    let message = ready(&life, "reader", "True", "Degraded").await?;
    assert!(message.contains("spec.role.inlinePolicies.bad"), "{message}");
    assert_eq!(life.secret("reader").await?.0, data);

    life.patch("reader", json!({"spec": {"role": {"inlinePolicies": {"bad": null}}}})).await?;
    let after = life.settled("reader").await?;
    assert_eq!(after.spec, before.spec);
    assert_eq!(life.secret("reader").await?.0, data);
    Ok(())
}

#[tokio::test]
async fn a_manager_without_a_permission_is_told_which() -> Result<()> {
    let life = Life::new("manager").await?;
    let denied = policy(&json!({"Effect": "Deny", "Action": "iam:AttachRolePolicy", "Resource": "*"}));
    life.scenario.aws.target.put_role_policy("crossaccount-manager", "deny", &denied).await?;
    let _operator = life.start().await?;
    let mut role = life.scenario.role("reader");
    role.spec.role.managed_policy_arns = vec![crate::support::life::MANAGED.to_owned()];
    life.roles.create(&PostParams::default(), &role).await?;
    let message = ready(&life, "reader", "False", "ManagerDenied").await?;
    assert!(message.contains("iam:AttachRolePolicy"), "{message}");
    Ok(())
}

#[tokio::test]
async fn retained_roles_stay_and_an_abandoned_object_goes_although_aws_cannot_be_cleaned() -> Result<()> {
    let life = Life::new("leaving").await?;
    let _operator = life.start().await?;
    life.ready_role("retained").await?;
    life.ready_role("abandoned").await?;
    life.patch("retained", json!({"spec": {"role": {"deletionPolicy": "Retain"}}})).await?;
    life.settled("retained").await?;
    life.roles.delete("retained", &DeleteParams::default()).await?;
    let gone = async |name: &str| {
        eventually("the object is gone", async || {
            let role = life.roles.get_opt(name).await?;
            ensure!(role.is_none(), "{:?}", role.and_then(|role| role.status));
            Ok(())
        })
        .await
    };
    gone("retained").await?;
    assert!(life.scenario.aws.target.role(&life.iam_name("retained")).await?.is_some());

    life.proxy.on("DeleteRole").error(403, "AccessDenied", "not authorized to perform: iam:DeleteRole");
    life.roles.delete("abandoned", &DeleteParams::default()).await?;
    let message = ready(&life, "abandoned", "False", "ManagerDenied").await?;
    assert!(message.contains(annotation::ABANDON), "{message}");
    life.patch("abandoned", json!({"metadata": {"annotations": {annotation::ABANDON: "true"}}})).await?;
    gone("abandoned").await
}

#[tokio::test]
async fn a_secret_that_the_cluster_does_not_take_is_told_with_its_answer() -> Result<()> {
    let life = Life::new("quota").await?;
    let quotas: Api<ResourceQuota> = Api::namespaced(life.scenario.kube.clone(), &life.scenario.namespace);
    let quota = json!({"metadata": {"name": "none"}, "spec": {"hard": {"count/secrets": "0"}}});
    quotas.create(&PostParams::default(), &serde_json::from_value(quota)?).await?;
    eventually("the quota is in force", async || {
        let status = quotas.get("none").await?.status.unwrap_or_default();
        ensure!(status.hard.is_some_and(|hard| hard.contains_key("count/secrets")), "it was not counted yet");
        Ok(())
    })
    .await?;
    let _operator = life.start().await?;
    create(&life, "reader").await?;
    let message = life.shows("reader", "False", "KubernetesDenied").await?;
    assert!(message.contains("Secret reader cannot be written") && message.contains("exceeded quota"), "{message}");

    quotas.delete("none", &DeleteParams::default()).await?;
    life.patch("reader", json!({"metadata": {"annotations": {"test/wake": "1"}}})).await?;
    life.settled("reader").await?;
    Ok(())
}
