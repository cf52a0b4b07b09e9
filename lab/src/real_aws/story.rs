//! The story of this project: an `AWSAccount` and a `CrossAccountRole` become a verified Secret, its credentials work, and the
//! deletion leaves nothing.

mod cluster;

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sts::config::Credentials;
use crossaccount::api::{AWSAccount, CrossAccountRole, CrossAccountRoleSpec};
use crossaccount::api::{AWSAccountSpec, AccountAccess, AccountRef, AllowedNamespaces, Guardrails, Hop};
use crossaccount::decide::bootstrap::{Manager, Target, boundary_policy, manager_policy, manager_trust};
use serde_json::json;

use self::cluster::Cluster;
use super::{Place, probe::refused};
use crate::{
    aws::{Identity, MANAGER_EXTERNAL_ID, manager as lab_manager, policy, target as lab_target},
    control_plane::ControlPlane,
    env::declare::document,
    wait::eventually_within,
};

/// What the story shows.
pub const CLAIM: &str =
    "story: a CrossAccountRole becomes a verified Secret, its credentials work, and its end leaves nothing";

/// The calls of the story: those that prepare it, those of the operator, and those that look. A run of more than an hour would
/// also see the operator's comparison of the whole account.
pub const CALLS: [&str; 17] = [
    "iam:CreateUser",
    "iam:PutUserPolicy",
    "iam:CreateAccessKey",
    "iam:CreateRole",
    "iam:CreatePolicy",
    "iam:PutRolePolicy",
    "sts:AssumeRole",
    "sts:GetCallerIdentity",
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:DeleteRole",
    "iam:ListRoles",
];

/// The object and its Secret.
const OBJECT: &str = "reader";

/// What stands in AWS before the operator comes.
struct Ground {
    operator: Identity,
    manager: String,
    boundary: String,
    errand: String,
}

/// Tells the story. What it leaves in AWS after a failure, the caller removes.
pub async fn run(place: &Place, control_plane: &'static ControlPlane) -> Result<()> {
    let ground = prepare(place).await?;
    let cluster = Cluster::new(place, control_plane, &ground.operator).await?;
    cluster.apply(&account(place, &cluster, &ground), &role(place, &cluster, &ground)).await?;
    let operator = cluster.start_operator().await?;
    let told = async {
        let arn = cluster.ready(place.patience).await?;
        works(place, &arn, cluster.credentials().await?, &ground.errand).await?;
        cluster.delete(place.patience).await?;
        let name = arn.rsplit('/').next().unwrap_or_default();
        ensure!(place.target.role(name).await?.is_none(), "{arn} was left behind");
        let roles = place.target.role_names(&role_path(place)).await?;
        ensure!(roles.is_empty(), "roles were left behind: {roles:?}");
        anyhow::Ok(())
    };
    let told = told.await.with_context(|| format!("the operator's log ends:\n{}", operator.log().tail()));
    let stopped = operator.stop().await;
    told?;
    stopped.map(drop)
}

/// Below the path of the run, where the manager may work.
fn role_path(place: &Place) -> String {
    format!("{}roles/", place.names.path())
}

/// As a platform team would prepare two accounts.
async fn prepare(place: &Place) -> Result<Ground> {
    let Place { source, target, names, .. } = place;
    let may_assume = policy(&json!({
        "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], "Resource": place.roles(),
    }));
    let operator = source.create_user(&names.of("operator"), &may_assume).await?;
    let (manager, boundary) = (names.of("manager"), names.of("boundary"));
    let setup = Target {
        role_path: role_path(place),
        manager: Manager { name: manager.clone(), ..lab_manager(&operator.arn) },
        boundary: format!("{}{boundary}", names.path().trim_start_matches('/')),
        ..lab_target(target, &operator.arn)
    };
    let boundary = target.create_policy(&boundary, &boundary_policy(&setup.place)).await?;
    let (trust, manage) = (manager_trust(&setup.manager), manager_policy(&setup));
    let make = async || target.create_role(&manager, &trust, &manage).await;
    let manager = eventually_within(place.patience, "the manager can be made", make).await?;
    let delegating =
        policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.arn("root")}}));
    let nothing = policy(&json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
    let errand = source.create_role(&names.of("errand"), &delegating, &nothing).await?;
    let enter = async || source.assume(&operator, &manager, Some(MANAGER_EXTERNAL_ID)).await;
    eventually_within(place.patience, "the operator becomes the manager", enter).await?;
    Ok(Ground { operator, manager, boundary, errand })
}

fn account(place: &Place, cluster: &Cluster, ground: &Ground) -> AWSAccount {
    let external_id = Some(MANAGER_EXTERNAL_ID.to_owned());
    let hop = Hop { role_arn: ground.manager.clone(), external_id, ..Hop::default() };
    let allowed =
        AllowedNamespaces { names: Some(vec![cluster.namespace().to_owned()]), ..AllowedNamespaces::default() };
    let guardrails = Guardrails {
        role_path: role_path(place),
        permissions_boundary: Some(ground.boundary.clone()),
        ..Guardrails::default()
    };
    let spec = AWSAccountSpec {
        account_id: place.target.id().to_owned(),
        region: place.region.clone(),
        access: AccountAccess { chain: vec![hop] },
        allowed_namespaces: Some(allowed),
        guardrails,
        ..AWSAccountSpec::default()
    };
    let mut account = AWSAccount::new(cluster.namespace(), spec);
    account.metadata.labels = Some(cluster.labels());
    account
}

fn role(place: &Place, cluster: &Cluster, ground: &Ground) -> CrossAccountRole {
    let account_ref = AccountRef { name: cluster.namespace().to_owned() };
    let mut spec = CrossAccountRoleSpec { account_ref, ..CrossAccountRoleSpec::default() };
    let errand = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ground.errand}));
    spec.role.inline_policies.insert("errand".to_owned(), document(&errand));
    let managed = format!("arn:{}:iam::aws:policy/AmazonS3ReadOnlyAccess", place.target.partition());
    spec.role.managed_policy_arns = vec![managed];
    CrossAccountRole::new(OBJECT, spec)
}

/// The credentials are of the role, may do what it may, and nothing else.
async fn works(place: &Place, role_arn: &str, credentials: Credentials, errand: &str) -> Result<()> {
    let target = &place.target;
    let sts = target.sts(credentials.clone());
    let caller = sts.get_caller_identity().send().await?;
    let (name, arn) = (role_arn.rsplit('/').next().unwrap_or_default(), caller.arn().unwrap_or_default());
    ensure!(arn.contains(&format!(":assumed-role/{name}/")), "the credentials are of {arn}");
    ensure!(caller.account() == Some(target.id()), "the credentials are of account {:?}", caller.account());
    let run = sts.assume_role().role_arn(errand).role_session_name("errand");
    eventually_within(place.patience, "the credentials run the errand", async || Ok(run.clone().send().await?)).await?;
    let iam = aws_sdk_iam::Client::new(&target.config(credentials));
    refused(iam.list_roles().send().await, "AccessDenied")?;
    Ok(())
}
