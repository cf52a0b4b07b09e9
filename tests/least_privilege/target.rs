//! The manager of an account that owns resources.

use anyhow::Result;
use aws_sdk_iam::{Client, types::Tag};
use serde_json::{Value, json};

use super::stage::{Trial, manager};
use lab::{
    aws::{MANAGER, ROLE_PATH, policy},
    env::{MANAGED, TestEnv},
};

/// A role under the path, with the boundary.
const ROLE: &str = "reader";
/// A role that is none of the operator's business.
const FOREIGN: &str = "payroll";
/// The manager of another cluster.
const OTHER_MANAGER: &str = "crossaccount-manager-green";

struct Stage {
    env: TestEnv,
    iam: Client,
    trust: String,
    read: String,
    /// A policy that allows everything, in the account.
    everything: String,
}

impl Stage {
    async fn new(name: &str) -> Result<Self> {
        let env = TestEnv::bare(name).await?;
        let target = &env.aws.target;
        let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
        let read = policy(&json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}));
        let create =
            target.iam().create_role().role_name(ROLE).path(ROLE_PATH).permissions_boundary(&env.aws.boundary_arn);
        create.assume_role_policy_document(trust.to_string()).send().await?;
        for other in [FOREIGN, OTHER_MANAGER] {
            target.create_role(other, &trust, &read).await?;
        }
        let everything = target.create_policy("everything", &policy(&everything())).await?;
        let iam = manager(&env, &env.aws.manager_arn).await?;
        Ok(Self { env, iam, trust: trust.to_string(), read: read.to_string(), everything })
    }

    fn create(&self, name: &str) -> aws_sdk_iam::operation::create_role::builders::CreateRoleFluentBuilder {
        let create = self.iam.create_role().role_name(name).path(ROLE_PATH);
        create.permissions_boundary(&self.env.aws.boundary_arn).assume_role_policy_document(&self.trust)
    }
}

fn everything() -> Value {
    json!({"Effect": "Allow", "Action": "*", "Resource": "*"})
}

fn tag() -> Result<Tag> {
    Ok(Tag::builder().key("team").value("blue").build()?)
}

#[tokio::test]
async fn the_manager_manages_roles_under_its_path_and_within_the_boundary() -> Result<()> {
    let stage = Stage::new("may-manage").await?;
    let (Stage { iam, read, trust, env, .. }, mut trial) = (&stage, Trial::default());
    let boundary = &env.aws.boundary_arn;
    let role = "made";
    trial.allows("a role with the boundary, with tags", stage.create(role).tags(tag()?).send()).await;
    let bound = iam.put_role_permissions_boundary().role_name(role).permissions_boundary(boundary);
    trial.allows("the boundary", bound.send()).await;
    let put = iam.put_role_policy().role_name(role).policy_name("read").policy_document(read);
    trial.allows("an inline policy", put.send()).await;
    trial.allows("a managed policy", iam.attach_role_policy().role_name(role).policy_arn(MANAGED).send()).await;
    let trusting = iam.update_assume_role_policy().role_name(role).policy_document(trust);
    trial.allows("the trust policy", trusting.send()).await;
    trial.allows("a description", iam.update_role().role_name(role).description("reads").send()).await;
    trial.allows("a tag", iam.tag_role().role_name(role).tags(tag()?).send()).await;
    trial.allows("a tag less", iam.untag_role().role_name(role).tag_keys("team").send()).await;
    trial.allows("what is attached", iam.list_attached_role_policies().role_name(role).send()).await;
    trial.allows("what is inline", iam.list_role_policies().role_name(role).send()).await;
    trial.allows("the inline policy", iam.get_role_policy().role_name(role).policy_name("read").send()).await;

    let admin = env.aws.target.iam();
    admin.create_instance_profile().instance_profile_name("hosts").path("/ops/").send().await?;
    admin.add_role_to_instance_profile().instance_profile_name("hosts").role_name(role).send().await?;
    trial.allows("its instance profiles", iam.list_instance_profiles_for_role().role_name(role).send()).await;
    let leave = iam.remove_role_from_instance_profile().instance_profile_name("hosts").role_name(role);
    trial.allows("no instance profile", leave.send()).await;

    trial.allows("no inline policy", iam.delete_role_policy().role_name(role).policy_name("read").send()).await;
    trial.allows("no managed policy", iam.detach_role_policy().role_name(role).policy_arn(MANAGED).send()).await;
    trial.allows("no role", iam.delete_role().role_name(role).send()).await;
    trial.allows("all roles with their policies", iam.get_account_authorization_details().send()).await;
    trial.allows("all roles", iam.list_roles().send()).await;
    trial.ends()
}

#[tokio::test]
async fn the_manager_learns_that_a_role_is_absent_or_somebody_elses_and_can_always_deny_its_own() -> Result<()> {
    let Stage { env, iam, .. } = Stage::new("may-look").await?;
    let mut trial = Trial::default();
    let absent = iam.get_role().role_name("absent").send().await.unwrap_err();
    assert!(absent.into_service_error().is_no_such_entity_exception(), "a role that is absent is not said to be");
    trial.allows("a role outside the path", iam.get_role().role_name(FOREIGN).send()).await;
    trial.allows("its inline policies", iam.list_role_policies().role_name(FOREIGN).send()).await;

    env.aws.target.iam().delete_role_permissions_boundary().role_name(ROLE).send().await?;
    let deny = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
    let put = iam.put_role_policy().role_name(ROLE).policy_name("crossaccount-deny").policy_document(deny.to_string());
    trial.allows("a denial on a role that lost its boundary", put.send()).await;
    let bound = iam.put_role_permissions_boundary().role_name(ROLE).permissions_boundary(&env.aws.boundary_arn);
    trial.allows("the boundary on it", bound.send()).await;
    trial.ends()
}

#[tokio::test]
async fn the_manager_makes_no_role_outside_its_path_and_none_outside_the_boundary() -> Result<()> {
    let stage = Stage::new("no-way-out").await?;
    let (Stage { iam, everything, trust, read, .. }, mut trial) = (&stage, Trial::default());
    for (what, role) in [
        ("a role at the root", stage.create("free").path("/")),
        ("a role under a path that begins alike", stage.create("free").path("/crossaccount-free/")),
        ("a role with another boundary", stage.create("free").permissions_boundary(everything)),
        ("a role with a boundary of AWS", stage.create("free").permissions_boundary(MANAGED)),
        ("a role without a boundary", stage.create("free").set_permissions_boundary(None)),
    ] {
        trial.forbids(what, "CreateRole", role.send()).await;
    }
    let other = iam.put_role_permissions_boundary().role_name(ROLE).permissions_boundary(everything);
    trial.forbids("another boundary", "PutRolePermissionsBoundary", other.send()).await;
    let unbound = iam.delete_role_permissions_boundary().role_name(ROLE);
    trial.denies("no boundary", "DeleteRolePermissionsBoundary", unbound.send()).await;

    let put = iam.put_role_policy().role_name(FOREIGN).policy_name("more").policy_document(read);
    trial.forbids("an inline policy of a role outside the path", "PutRolePolicy", put.send()).await;
    let attach = iam.attach_role_policy().role_name(FOREIGN).policy_arn(everything);
    trial.forbids("a managed policy of it", "AttachRolePolicy", attach.send()).await;
    let trusting = iam.update_assume_role_policy().role_name(FOREIGN).policy_document(trust);
    trial.forbids("its trust policy", "UpdateAssumeRolePolicy", trusting.send()).await;
    trial.forbids("its tags", "TagRole", iam.tag_role().role_name(FOREIGN).tags(tag()?).send()).await;
    let delete = iam.delete_role_policy().role_name(FOREIGN).policy_name("lab");
    trial.forbids("no inline policy of it", "DeleteRolePolicy", delete.send()).await;
    trial.forbids("no such role", "DeleteRole", iam.delete_role().role_name(FOREIGN).send()).await;
    trial.ends()
}

#[tokio::test]
async fn the_manager_makes_neither_users_nor_groups_nor_keys_nor_policies() -> Result<()> {
    let stage = Stage::new("no-people").await?;
    let (Stage { iam, read, env, .. }, mut trial) = (&stage, Trial::default());
    let admin = env.aws.target.iam();
    admin.create_user().user_name("anna").send().await?;
    admin.create_group().group_name("staff").send().await?;
    trial.forbids("a user", "CreateUser", iam.create_user().user_name("backdoor").send()).await;
    trial.forbids("a key", "CreateAccessKey", iam.create_access_key().user_name("anna").send()).await;
    let put = iam.put_user_policy().user_name("anna").policy_name("more").policy_document(read);
    trial.forbids("a policy of a user", "PutUserPolicy", put.send()).await;
    let join = iam.add_user_to_group().user_name("anna").group_name("staff");
    trial.forbids("a member of a group", "AddUserToGroup", join.send()).await;
    trial.forbids("a group", "CreateGroup", iam.create_group().group_name("backdoor").send()).await;
    let put = iam.put_group_policy().group_name("staff").policy_name("more").policy_document(read);
    trial.forbids("a policy of a group", "PutGroupPolicy", put.send()).await;
    trial
        .forbids("a policy", "CreatePolicy", iam.create_policy().policy_name("more").policy_document(read).send())
        .await;
    trial.forbids("the users", "ListUsers", iam.list_users().send()).await;
    trial.ends()
}

/// Also where somebody carelessly adds a policy that allows everything.
#[tokio::test]
async fn the_manager_is_denied_the_boundary_the_managers_and_the_passing_of_roles_whatever_allows_them() -> Result<()> {
    let stage = Stage::new("careless").await?;
    let (Stage { iam, read, trust, env, .. }, mut trial) = (&stage, Trial::default());
    let (target, boundary) = (&env.aws.target, &env.aws.boundary_arn);
    target.put_role_policy(MANAGER, "careless", &policy(&everything())).await?;
    let admin = target.iam();
    admin.create_policy_version().policy_arn(boundary).policy_document(read).send().await?;
    admin.create_instance_profile().instance_profile_name("hosts").send().await?;

    let edit = iam.create_policy_version().policy_arn(boundary).policy_document(read).set_as_default(true);
    trial.denies("another version of the boundary", "CreatePolicyVersion", edit.send()).await;
    let choose = iam.set_default_policy_version().policy_arn(boundary).version_id("v2");
    trial.denies("another default version", "SetDefaultPolicyVersion", choose.send()).await;
    let drop = iam.delete_policy_version().policy_arn(boundary).version_id("v2");
    trial.denies("a version less", "DeletePolicyVersion", drop.send()).await;
    trial.denies("no boundary policy", "DeletePolicy", iam.delete_policy().policy_arn(boundary).send()).await;

    for role in [MANAGER, OTHER_MANAGER] {
        let put = iam.put_role_policy().role_name(role).policy_name("more").policy_document(read);
        trial.denies(&format!("an inline policy of {role}"), "PutRolePolicy", put.send()).await;
        let attach = iam.attach_role_policy().role_name(role).policy_arn(MANAGED);
        trial.denies(&format!("a managed policy of {role}"), "AttachRolePolicy", attach.send()).await;
        let delete = iam.delete_role_policy().role_name(role).policy_name("lab");
        trial.denies(&format!("no inline policy of {role}"), "DeleteRolePolicy", delete.send()).await;
        let trusting = iam.update_assume_role_policy().role_name(role).policy_document(trust);
        trial.denies(&format!("the trust policy of {role}"), "UpdateAssumeRolePolicy", trusting.send()).await;
        trial.denies(&format!("no {role}"), "DeleteRole", iam.delete_role().role_name(role).send()).await;
    }
    trial.denies("a new manager", "CreateRole", stage.create("crossaccount-manager-blue").send()).await;
    let pass = iam.add_role_to_instance_profile().instance_profile_name("hosts").role_name(ROLE);
    trial.denies("a role for an instance", "PassRole", pass.send()).await;
    trial.ends()
}
