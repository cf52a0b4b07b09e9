//! What status says of access is no proof of it: status may be lost, old, restored from a backup, or forged.

use anyhow::{Result, ensure};
use crossaccount::api::annotation;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};

use lab::{
    Injected,
    aws::{Identity, policy},
    deployment::Deployment,
    operator::Operator,
    wait::eventually,
};

async fn patch_status(deployment: &Deployment, status: Value) -> Result<()> {
    let patch = Patch::Merge(json!({ "status": status }));
    deployment.env.roles.patch_status("reader", &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Whose credentials are in the Secret of `reader`.
async fn published(deployment: &Deployment) -> Result<String> {
    let set = deployment.env.copied("reader").await?;
    let caller = deployment.sts(&set).get_caller_identity().send().await?;
    Ok(caller.arn.unwrap_or_default())
}

/// Makes status name another role, asks for new credentials, and looks whose are published.
async fn forged_status_gets_nothing(deployment: &Deployment, arn: &str, id: &str) -> Result<()> {
    let before = deployment.env.settled("reader").await?;
    let issued = before.status.and_then(|status| status.credentials).and_then(|set| set.issued_at);
    deployment.env.a_second_after(issued.as_ref()).await?;
    let (data, _) = deployment.env.secret("reader").await?;
    patch_status(deployment, json!({"role": {"arn": arn, "id": id}})).await?;
    let annotations = json!({annotation::RENEW_REQUESTED_AT: Timestamp::now()});
    deployment.env.patch("reader", json!({"metadata": {"annotations": annotations}})).await?;
    eventually("new credentials are published", async || {
        ensure!(deployment.env.secret("reader").await?.0 != data, "still the earlier ones");
        Ok(())
    })
    .await?;
    let own = format!(":assumed-role/{}/", deployment.env.iam_name("reader"));
    let caller = published(deployment).await?;
    ensure!(caller.contains(&own), "the credentials of {caller} are published");
    let status = deployment.env.settled("reader").await?.status.and_then(|status| status.role).unwrap_or_default();
    ensure!(status.arn == Some(deployment.env.role_arn("reader")), "status names {:?}", status.arn);
    Ok(())
}

#[tokio::test]
async fn status_cannot_redirect_the_operator_to_a_role_that_trusts_it() -> Result<()> {
    let deployment = Deployment::new("forged").await?;
    let target = &deployment.env.aws.target;
    let operator = &deployment.env.aws.operator.arn;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": operator}}));
    let all = policy(&json!({"Effect": "Allow", "Action": "*", "Resource": "*"}));
    let arn = target.create_role("payroll", &trust, &all).await?;
    deployment.env.aws.also_assume("payroll", std::slice::from_ref(&arn)).await?;
    let victim = target.role("payroll").await?.map(|role| role.id).unwrap_or_default();
    let _operator = deployment.env.start().await?;
    deployment.ready_and_in_use("reader").await?;
    forged_status_gets_nothing(&deployment, &arn, &victim).await
}

#[tokio::test]
async fn status_cannot_redirect_the_operator_to_the_manager_of_the_account() -> Result<()> {
    let deployment = Deployment::new("forged-manager").await?;
    let target = &deployment.env.aws.target;
    // A platform team that does without the external id.
    let operator = &deployment.env.aws.operator.arn;
    let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": operator}}));
    let update = target.iam().update_assume_role_policy().role_name("crossaccount-manager");
    update.policy_document(trust.to_string()).send().await?;
    let manager = target.role("crossaccount-manager").await?.map(|role| role.id).unwrap_or_default();
    let _operator = deployment.env.start().await?;
    deployment.ready_and_in_use("reader").await?;
    forged_status_gets_nothing(&deployment, &deployment.env.aws.manager_arn, &manager).await
}

/// Waits until the operator is at the point where a call hangs for ever.
async fn reached(point: &Injected) -> Result<()> {
    eventually("the operator is there", async || {
        ensure!(point.hits() > 0, "it is not");
        Ok(())
    })
    .await
}

/// A role that is whole in AWS, and of which an operator that was killed told nobody. Gives the deployer's session.
async fn made_and_never_told(deployment: &Deployment) -> Result<Identity> {
    let hang = deployment.env.proxy.on("AssumeRole").role(&deployment.env.iam_name("reader")).hang();
    let operator = deployment.env.start().await?;
    deployment.env.create(&deployment.open_role("reader")).await?;
    reached(&hang).await?;
    // The session is asked for beside the policies.
    eventually("the role is whole", async || {
        let policies = deployment.env.aws.target.inline_policies(&deployment.env.iam_name("reader")).await?;
        ensure!(policies.contains_key("errand"), "it has {:?}", policies.keys());
        Ok(())
    })
    .await?;
    operator.kill().await?;
    hang.release();
    let session = deployment.assume(&deployment.deployer, "reader").await?;
    deployment.runs_errand(&session).await?;
    Ok(session)
}

#[tokio::test]
async fn a_role_of_which_status_was_never_told_is_closed_when_permission_is_withdrawn() -> Result<()> {
    let deployment = Deployment::new("untold").await?;
    let session = made_and_never_told(&deployment).await?;
    deployment.withdraw().await?;
    let _operator = deployment.env.start().await?;
    deployment.env.shows("reader", "False", "NotAllowed").await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await
}

#[tokio::test]
async fn a_role_of_which_status_was_never_told_is_closed_when_a_guardrail_is_tightened() -> Result<()> {
    let deployment = Deployment::new("untold-wide").await?;
    let session = made_and_never_told(&deployment).await?;
    // The role that stands goes beyond the guardrails, and the declaration does not; nobody may write to it meanwhile.
    let harmless = json!({"role": {"inlinePolicies": {"errand": null}}, "trust": {"principals": []}, "suspend": true});
    deployment.env.patch("reader", json!({ "spec": harmless })).await?;
    deployment.env.patch_account(json!({"guardrails": {"principals": [], "actions": ["s3:*"]}})).await?;
    let _operator = deployment.env.start().await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await
}

#[tokio::test]
async fn a_role_whose_status_was_lost_is_closed_when_permission_is_withdrawn() -> Result<()> {
    let deployment = Deployment::new("lost").await?;
    let operator = deployment.env.start().await?;
    let session = deployment.ready_and_in_use("reader").await?;
    operator.stop().await?;
    patch_status(&deployment, Value::Null).await?;
    deployment.withdraw().await?;
    let _operator = deployment.env.start().await?;
    deployment.env.shows("reader", "False", "NotAllowed").await?;
    deployment.is_shut_out("reader", &session).await?;
    ensure!(deployment.env.secrets.get_opt("reader").await?.is_none(), "the Secret is there");
    deployment.env.is_closed("reader").await
}

/// Labels the namespace. Where the account goes by that, permission comes and goes without an edit of the account, after which
/// it would be checked anew.
async fn label(deployment: &Deployment, value: &str) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(deployment.env.kube.clone());
    let patch = Patch::Merge(json!({"metadata": {"labels": {"aws": value}}}));
    namespaces.patch(&deployment.env.namespace, &PatchParams::default(), &patch).await?;
    Ok(())
}

/// Has the account go by that label.
async fn allow_labelled(deployment: &Deployment) -> Result<()> {
    label(deployment, "yes").await?;
    let labelled = json!({"names": null, "selector": {"matchLabels": {"aws": "yes"}}});
    deployment.env.patch_account(json!({ "allowedNamespaces": labelled })).await
}

/// Has `reader` lose its permission after its role was in use.
async fn withdrawn_from(deployment: &Deployment) -> Result<Operator> {
    allow_labelled(deployment).await?;
    let operator = deployment.env.start().await?;
    let first = deployment.ready_and_in_use("reader").await?;
    label(deployment, "no").await?;
    deployment.is_shut_out("reader", &first).await?;
    deployment.env.shows("reader", "False", "NotAllowed").await?;
    Ok(operator)
}

/// Waits until the deployer can use the role again. Gives its session.
async fn opens_again(deployment: &Deployment) -> Result<Identity> {
    eventually("the role is open", async || {
        let session = deployment.assume(&deployment.deployer, "reader").await?;
        deployment.runs_errand(&session).await?;
        Ok(session)
    })
    .await
}

#[tokio::test]
async fn an_earlier_withdrawal_does_not_prove_that_the_role_is_closed_now() -> Result<()> {
    let deployment = Deployment::new("again").await?;
    let operator = withdrawn_from(&deployment).await?;

    // The role is open again, and the operator is killed before it says so.
    let hang = deployment.env.proxy.on("AssumeRole").role(&deployment.env.iam_name("reader")).hang();
    label(&deployment, "yes").await?;
    reached(&hang).await?;
    // The session is asked for beside the policies.
    eventually("the role is whole", async || {
        let policies = deployment.env.aws.target.inline_policies(&deployment.env.iam_name("reader")).await?;
        ensure!(policies.contains_key("errand"), "it has {:?}", policies.keys());
        Ok(())
    })
    .await?;
    operator.kill().await?;
    hang.release();
    // Sessions that are begun in the very second of the return are still denied.
    let session = opens_again(&deployment).await?;

    label(&deployment, "no").await?;
    let _operator = deployment.env.start().await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await
}

#[tokio::test]
async fn a_role_that_was_opened_by_a_write_without_an_answer_is_closed_again() -> Result<()> {
    let deployment = Deployment::new("unanswered").await?;
    let _operator = withdrawn_from(&deployment).await?;

    // The last write that opens the role takes effect and seems to fail; before it is tried again, permission is gone.
    deployment.env.proxy.on("PutRolePolicy").role(&deployment.env.iam_name("reader")).drop_response();
    label(&deployment, "yes").await?;
    let session = opens_again(&deployment).await?;
    label(&deployment, "no").await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.proxy.clear_faults();
    deployment.env.is_closed("reader").await
}

#[tokio::test]
async fn a_role_that_somebody_opened_after_its_withdrawal_is_closed_after_a_restart() -> Result<()> {
    let deployment = Deployment::new("reopened").await?;
    let operator = deployment.env.start().await?;
    let first = deployment.ready_and_in_use("reader").await?;
    let (target, name) = (&deployment.env.aws.target, deployment.env.iam_name("reader"));
    let open = target.role(&name).await?.map(|role| role.trust).unwrap_or_default();
    deployment.withdraw().await?;
    deployment.is_shut_out("reader", &first).await?;
    deployment.env.shows("reader", "False", "NotAllowed").await?;
    operator.stop().await?;

    for denial in target.inline_policies(&name).await?.into_keys().filter(|name| name.starts_with("crossaccount-deny"))
    {
        target.iam().delete_role_policy().role_name(&name).policy_name(denial).send().await?;
    }
    target.iam().update_assume_role_policy().role_name(&name).policy_document(open.to_string()).send().await?;
    let session = deployment.assume(&deployment.deployer, "reader").await?;
    deployment.runs_errand(&session).await?;

    let _operator = deployment.env.start().await?;
    deployment.is_shut_out("reader", &session).await?;
    deployment.env.is_closed("reader").await
}
