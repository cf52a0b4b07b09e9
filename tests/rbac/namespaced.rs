//! The whole life of a role while the operator has rights in the namespace of the role only.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{CrossAccountRole, Reason, RolloutRestart, WorkloadKind, annotation};
use jiff::Timestamp;
use k8s_openapi::{api::events::v1::Event, apimachinery::pkg::apis::meta::v1::Time};
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use serde_json::json;

use super::release::Release;
use crate::{process::leading, workloads};
use lab::{env::TestEnv, kube_proxy::Outcome, operator::Operator, wait::eventually};

const ROLE: &str = "reader";
const WORKLOAD: &str = "reports";

/// The words of the Events about an object in a namespace.
async fn events(env: &TestEnv, namespace: &str, about: &str) -> Result<Vec<String>> {
    let events: Api<Event> = Api::namespaced(env.kube.clone(), namespace);
    let all = events.list(&ListParams::default()).await?.items.into_iter();
    let ours = all.filter(|event| event.regarding.as_ref().is_some_and(|of| of.name.as_deref() == Some(about)));
    Ok(ours.filter_map(|event| event.reason).collect())
}

async fn has_event(env: &TestEnv, namespace: &str, about: &str, reason: &str) -> Result<()> {
    eventually(&format!("an Event {reason} about {about} is in {namespace}"), async || {
        let found = events(env, namespace, about).await?;
        ensure!(found.iter().any(|one| one == reason), "the Events are {found:?}");
        Ok(())
    })
    .await
}

/// Asks for something by an annotation, and waits for new credentials.
async fn request(env: &TestEnv, annotation: &str, before: &CrossAccountRole) -> Result<CrossAccountRole> {
    env.a_second_after(Some(&Time(Timestamp::now()))).await?;
    let now = Timestamp::now().to_string();
    env.patch(ROLE, json!({"metadata": {"annotations": {annotation: now}}})).await?;
    env.issued_again(ROLE, before).await
}

/// Fails if the API server refused the operator anything.
fn nothing_was_refused(env: &TestEnv, operator: &Operator) -> Result<()> {
    let refused = env.kube_proxy.requests_that(|request| request.outcome == Outcome::Answered(403));
    ensure!(refused.is_empty(), "the API server refused {refused:?}");
    let log = operator.log().read();
    let line = log.lines().find(|line| line.contains("forbidden"));
    ensure!(line.is_none(), "the operator says {line:?}");
    Ok(())
}

#[tokio::test]
async fn a_role_lives_and_ends_although_the_operator_has_rights_in_its_namespace_only() -> Result<()> {
    let mut env = TestEnv::new("rights-namespaced").await?;
    let release = Release::install(&env, &[&env.namespace]).await?;
    env.settings = env
        .settings
        .clone()
        .env("KUBECONFIG", release.kubeconfig(&env).await?.to_string_lossy())
        .flag("--leader-elect=true")
        .flag(format!("--lease-namespace={}", release.namespace));
    let operator = env.start().await?;
    leading(&operator).await?;

    workloads::create(&env, WorkloadKind::Deployment, &env.namespace, WORKLOAD).await?;
    let mut role = env.role(ROLE);
    role.spec.rollout_restarts = vec![RolloutRestart { kind: WorkloadKind::Deployment, name: WORKLOAD.to_owned() }];
    env.create(&role).await?;
    let first = env.settled(ROLE).await?;
    env.secrets.get(ROLE).await.context("the first credentials")?;
    has_event(&env, &env.namespace, ROLE, "RoleCreated").await?;
    has_event(&env, &env.namespace, ROLE, "CredentialsIssued").await?;
    has_event(&env, "default", &env.namespace, Reason::Available.as_str()).await?;

    let revoked = request(&env, annotation::REVOKE_REQUESTED_AT, &first).await?;
    has_event(&env, &env.namespace, ROLE, "Revoked").await?;
    request(&env, annotation::RENEW_REQUESTED_AT, &revoked).await?;
    has_event(&env, &env.namespace, ROLE, "RolloutRestarted").await?;
    let (restarted_for, _) = workloads::deployment(&env, WORKLOAD).await?;
    ensure!(restarted_for.is_some(), "the workload was not restarted: {}", env.told(ROLE).await?);

    env.allow_nobody().await?;
    env.shows(ROLE, "False", Reason::NotAllowed.as_str()).await?;
    env.is_closed(ROLE).await?;
    eventually("the Secret is gone", async || {
        ensure!(env.secrets.get_opt(ROLE).await?.is_none(), "{}", env.told(ROLE).await?);
        Ok(())
    })
    .await?;
    env.patch_account(json!({"allowedNamespaces": {"names": [env.namespace]}})).await?;
    env.settled(ROLE).await?;

    env.roles.delete(ROLE, &DeleteParams::default()).await?;
    env.is_gone_with_its_role(ROLE).await?;
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    eventually("the account is gone", async || {
        ensure!(env.accounts.get_opt(&env.namespace).await?.is_none(), "its finalizer is still there");
        Ok(())
    })
    .await?;
    nothing_was_refused(&env, &operator)?;
    operator.stop().await?;
    Ok(())
}
