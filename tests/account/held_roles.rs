//! What stands in AWS obeys the account's guardrails, whatever keeps the object from being reconciled.

use anyhow::{Result, ensure};
use crossaccount::api::{AccountRef, SourceGrant};
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use lab::{
    aws::{Identity, policy},
    deployment::Deployment,
    env::TestEnv,
    operator::Operator,
    wait::eventually,
};

/// Guardrails under which nobody else may be trusted and the errand may not be run.
fn tightened() -> Value {
    json!({"guardrails": {"principals": [], "actions": ["s3:*"]}})
}

/// A declaration that is within them.
fn harmless() -> Value {
    json!({"role": {"inlinePolicies": {"errand": null}}, "trust": {"principals": []}})
}

/// Brings `reader` into conflict with an older object over the name of a Secret, in one edit with `more`.
async fn dispute_the_secret(env: &TestEnv, mut more: Value) -> Result<()> {
    more["secret"] = json!({"name": "older"});
    env.patch("reader", json!({ "spec": more })).await?;
    env.shows("reader", "False", "Conflict").await?;
    Ok(())
}

/// An object whose Secret a younger one may want.
async fn older(deployment: &Deployment) -> Result<()> {
    let older = deployment.env.create(&deployment.env.role("older")).await?;
    deployment.env.settled("older").await?;
    deployment.env.a_second_after(older.metadata.creation_timestamp.as_ref()).await
}

async fn older_and_reader(deployment: &Deployment) -> Result<Identity> {
    older(deployment).await?;
    deployment.ready_and_in_use("reader").await
}

async fn is_closed_by_a_guardrail(deployment: &Deployment, session: &Identity) -> Result<()> {
    deployment.is_shut_out("reader", session).await?;
    deployment.env.is_closed("reader").await?;
    let message = deployment.env.shows("reader", "False", "NotAllowed").await?;
    ensure!(message.contains("guardrails"), "{message}");
    Ok(())
}

#[tokio::test]
async fn a_conflict_shelters_no_declaration_beyond_the_guardrails() -> Result<()> {
    let deployment = Deployment::new("disputed").await?;
    let _operator = deployment.env.start().await?;
    let session = older_and_reader(&deployment).await?;
    dispute_the_secret(&deployment.env, json!({})).await?;
    deployment.works(&deployment.deployer, "reader").await?; // a conflict alone takes nothing away

    deployment.env.patch_account(tightened()).await?;
    is_closed_by_a_guardrail(&deployment, &session).await
}

#[tokio::test]
async fn a_conflict_shelters_no_role_beyond_the_guardrails_behind_a_declaration_within_them() -> Result<()> {
    let deployment = Deployment::new("disguised").await?;
    let _operator = deployment.env.start().await?;
    let session = older_and_reader(&deployment).await?;
    dispute_the_secret(&deployment.env, harmless()).await?;
    deployment.works(&deployment.deployer, "reader").await?; // nothing is written meanwhile

    deployment.env.patch_account(tightened()).await?;
    is_closed_by_a_guardrail(&deployment, &session).await
}

#[tokio::test]
async fn a_suspension_shelters_no_role_beyond_the_guardrails_behind_a_declaration_within_them() -> Result<()> {
    let deployment = Deployment::new("dormant-wide").await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    let mut edit = harmless();
    edit["suspend"] = json!(true);
    deployment.env.patch("reader", json!({ "spec": edit })).await?;
    deployment.env.shows("reader", "True", "Suspended").await?;

    deployment.env.patch_account(tightened()).await?;
    is_closed_by_a_guardrail(&deployment, &session).await?;
    ensure!(deployment.env.secrets.get_opt("reader").await?.is_none(), "the Secret is there");
    Ok(())
}

#[tokio::test]
async fn an_account_that_is_not_ready_shelters_no_role_beyond_its_guardrails() -> Result<()> {
    let deployment = Deployment::new("unready-wide").await?;
    let _operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    // The check of the account fails, and the way into it works.
    let manager = deployment.env.aws.target.id();
    deployment.env.proxy.on("GetCallerIdentity").account(manager).error(503, "ServiceUnavailable", "try later");
    deployment.env.patch_account(json!({"guardrails": {"managedPolicies": []}})).await?;
    eventually("the account is not Ready", async || {
        let conditions =
            deployment.env.accounts.get(&deployment.env.namespace).await?.status.unwrap_or_default().conditions;
        ensure!(conditions.iter().any(|c| c.type_ == "Ready" && c.status == "False"), "{conditions:?}");
        Ok(())
    })
    .await?;
    deployment.env.patch("reader", json!({ "spec": harmless() })).await?;
    let message = deployment.env.shows("reader", "True", "Degraded").await?;
    ensure!(message.contains("is not Ready"), "{message}");
    deployment.works(&deployment.deployer, "reader").await?; // nothing is written meanwhile

    deployment.env.patch_account(tightened()).await?;
    is_closed_by_a_guardrail(&deployment, &session).await
}

/// A deployer with no permission but a grant, which `reader` gives.
async fn granted(name: &str) -> Result<(Deployment, Operator)> {
    let deployment = Deployment::new(name).await?;
    let source = &deployment.env.aws.source;
    let grants = json!({"Effect": "Allow", "Action": ["iam:GetUser", "iam:*UserPolicy"], "Resource": "*"});
    source.put_user_policy("crossaccount-operator", "grants", &policy(&grants)).await?;
    let nothing = policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
    source.put_user_policy("deployer", "lab", &nothing).await?;
    let account = deployment.env.accounts.create(&PostParams::default(), &deployment.env.source_account()).await?;

    let operator = deployment.env.start().await?;
    older(&deployment).await?;
    let mut role = deployment.open_role("reader");
    let account_ref = AccountRef { name: account.metadata.name.unwrap_or_default() };
    role.spec.source_grants =
        vec![SourceGrant { account_ref, user: Some("deployer".to_owned()), ..SourceGrant::default() }];
    deployment.env.create(&role).await?;
    deployment.env.settled("reader").await?;
    deployment.works(&deployment.deployer, "reader").await?;
    Ok((deployment, operator))
}

/// Ends the permission of the test's namespace in the source account.
async fn withdraw_the_source(deployment: &Deployment) -> Result<()> {
    let nobody = Patch::Merge(json!({"spec": {"allowedNamespaces": {"names": []}}}));
    let name = format!("{}-source", deployment.env.namespace);
    deployment.env.accounts.patch(&name, &PatchParams::default(), &nobody).await?;
    Ok(())
}

async fn grant_is_taken_back(deployment: &Deployment) -> Result<()> {
    eventually("the grant is taken back", async || {
        deployment.is_kept_out_now("reader").await?;
        let left = deployment.env.aws.source.user_policies("deployer").await?;
        ensure!(left.keys().eq(["lab"]), "{left:?}");
        Ok(())
    })
    .await
}

#[tokio::test]
async fn a_suspension_keeps_no_grant_that_the_source_account_no_longer_allows() -> Result<()> {
    let (deployment, _operator) = granted("dormant-grant").await?;
    deployment.env.patch("reader", json!({"spec": {"suspend": true}})).await?;
    deployment.env.shows("reader", "True", "Suspended").await?;
    deployment.works(&deployment.deployer, "reader").await?;

    withdraw_the_source(&deployment).await?;
    grant_is_taken_back(&deployment).await
}

#[tokio::test]
async fn a_conflict_keeps_no_grant_that_the_source_account_no_longer_allows() -> Result<()> {
    let (deployment, _operator) = granted("disputed-grant").await?;
    dispute_the_secret(&deployment.env, json!({})).await?;
    deployment.works(&deployment.deployer, "reader").await?;

    withdraw_the_source(&deployment).await?;
    grant_is_taken_back(&deployment).await
}
