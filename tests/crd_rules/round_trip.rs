//! Whether types and schemas agree: nothing is lost on the way to the API server and back.

use anyhow::Result;
use crossaccount::api::{
    AWSAccount, AWSAccountSpec, AWSAccountStatus, AccountRef, CredentialsStatus, CrossAccountRole,
    CrossAccountRoleSpec, CrossAccountRoleStatus, RoleStatus, ServiceUsage, SourceGrantStatus, UsageStatus,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{
    Api, Client, ResourceExt as _,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    case::api,
    client,
    object::{self, dynamic, named},
};

/// The spec as the API server would store it.
async fn stored(client: Client, object: &Value) -> Result<Value> {
    let object = dynamic(object);
    let parameters = PostParams { dry_run: true, ..PostParams::default() };
    let mut answer = api(client, &object).create(&parameters, &object).await?;
    Ok(answer.data["spec"].take())
}

fn through<T: Serialize + DeserializeOwned>(value: Value) -> Result<Value> {
    Ok(serde_json::to_value(serde_json::from_value::<T>(value)?)?)
}

#[tokio::test]
async fn the_api_server_fills_in_the_defaults_of_the_types() -> Result<()> {
    let account = object::account();
    assert_eq!(
        stored(client().await?, &account).await?,
        through::<AWSAccountSpec>(account["spec"].clone())?,
        "AWSAccount"
    );
    let role = object::role();
    assert_eq!(
        stored(client().await?, &role).await?,
        through::<CrossAccountRoleSpec>(role["spec"].clone())?,
        "CrossAccountRole"
    );
    Ok(())
}

#[tokio::test]
async fn no_declared_field_is_lost_in_the_schema_or_in_the_types() -> Result<()> {
    let account = object::full_account();
    let spec = stored(client().await?, &account).await?;
    assert_eq!((&spec, through::<AWSAccountSpec>(spec.clone())?), (&account["spec"], account["spec"].clone()));
    let role = object::full_role();
    let spec = stored(client().await?, &role).await?;
    assert_eq!((&spec, through::<CrossAccountRoleSpec>(spec.clone())?), (&role["spec"], role["spec"].clone()));
    Ok(())
}

#[tokio::test]
async fn no_field_of_a_status_is_lost_in_the_schema() -> Result<()> {
    let now = Time(Timestamp::from_second(1_800_000_000)?);
    let conditions = vec![Condition {
        last_transition_time: now.clone(),
        message: "All is well.".into(),
        observed_generation: Some(3),
        reason: "Available".into(),
        status: "True".into(),
        type_: "Ready".into(),
    }];

    let accounts: Api<AWSAccount> = Api::all(client().await?);
    let account: AWSAccount = serde_json::from_value(named(object::account(), "round-trip"))?;
    let status = AWSAccountStatus {
        observed_generation: Some(3),
        conditions: conditions.clone(),
        caller_arn: Some("arn:aws:sts::222222222222:assumed-role/manager/operator".into()),
        roles: Some(12),
        orphans: Some(2),
    };
    accounts.create(&PostParams::default(), &account).await?;
    let written = write_status(&accounts, &account.name_any(), &status).await;
    accounts.delete(&account.name_any(), &DeleteParams::default()).await?;
    assert_eq!(written?.status, Some(status));

    let roles: Api<CrossAccountRole> = Api::default_namespaced(client().await?);
    let spec = CrossAccountRoleSpec {
        account_ref: AccountRef { name: "analytics-prod".into() },
        suspend: true,
        ..CrossAccountRoleSpec::default()
    };
    let status = CrossAccountRoleStatus {
        observed_generation: Some(3),
        conditions,
        role: Some(RoleStatus {
            denied_before: None,
            changed_on_adoption: vec!["tag team: add \"x\"".to_owned()],
            declaration_hash: Some("abc".to_owned()),
            arn: Some("arn:aws:iam::222222222222:role/crossaccount/reports".into()),
            id: Some("AROAEXAMPLE".into()),
            created: true,
            inline_policies: vec!["read".to_owned()],
            tag_keys: vec!["team".to_owned()],
            last_used: Some(now.clone()),
        }),
        external_id: Some("7d1f0a".into()),
        credentials: Some(CredentialsStatus {
            secret_name: Some("reports-aws".into()),
            issued_at: Some(now.clone()),
            expires_at: Some(now.clone()),
            renew_at: Some(now.clone()),
            caller_arn: Some("arn:aws:sts::222222222222:assumed-role/reports/default.reports".into()),
            packed_policy_size_percent: Some(12),
        }),
        restarted_for: Some(now.clone()),
        source_grants: vec![SourceGrantStatus {
            account: "ci".into(),
            user: Some("deployer".into()),
            group: Some("deployers".into()),
            role: Some("deployment".into()),
            principal_arn: Some("arn:aws:iam::111111111111:user/ci/deployer".into()),
            policy: "crossaccount-production-eu".into(),
            role_arn: Some("arn:aws:iam::222222222222:role/crossaccount/reports".into()),
            since: Some(now.clone()),
        }],
        planned_changes: vec!["tag team: blue → green".into()],
        usage: Some(UsageStatus {
            requested_at: Some(now.clone()),
            reported_at: Some(now.clone()),
            role_id: Some("AROAEXAMPLE".into()),
            services: vec![ServiceUsage { service: "s3".into(), last_used: Some(now) }],
            problem: Some("AccessDenied".into()),
        }),
    };
    roles.create(&PostParams::default(), &CrossAccountRole::new("round-trip", spec)).await?;
    let written = write_status(&roles, "round-trip", &status).await;
    roles.delete("round-trip", &DeleteParams::default()).await?;
    assert_eq!(written?.status, Some(status));
    Ok(())
}

async fn write_status<K>(api: &Api<K>, name: &str, status: &impl Serialize) -> kube::Result<K>
where
    K: DeserializeOwned,
{
    let patch = Patch::Merge(json!({ "status": status }));
    api.patch_status(name, &PatchParams::default(), &patch).await
}
