//! The two accounts of the story, as a platform team would have prepared them.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Account, Identity, policy};
use crate::emulator::{accounts, emulator};

/// The user or the role that the operator is in account A.
const OPERATOR: &str = "crossaccount-operator";
/// The role through which it manages IAM in account B.
const MANAGER: &str = "crossaccount-manager";
/// What that role asks from those who assume it.
pub const MANAGER_EXTERNAL_ID: &str = "7d1f0a";
/// The permissions boundary in account B.
const BOUNDARY: &str = "crossaccount-boundary";
/// The path of the roles that it may manage.
pub const ROLE_PATH: &str = "/crossaccount/";

/// What the operator's own identity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Base {
    /// An IAM user with an access key: its sessions may last as long as the role allows.
    User,
    /// A session of a role, as on EKS: all that it assumes is role chaining, one hour at most.
    RoleSession,
}

/// The account where the operator is at home and the account whose resources are wanted.
#[derive(Debug, Clone)]
pub struct AwsWorld {
    /// Account A: the operator's base identity and the callers of the roles.
    pub source: Account,
    /// Account B: the roles and the resources.
    pub target: Account,
    /// The operator's base identity, in account A.
    pub operator: Identity,
    /// The role in account B through which the operator manages IAM there.
    pub manager_arn: String,
    /// The permissions boundary in account B.
    pub boundary_arn: String,
}

impl AwsWorld {
    /// Two new accounts in the shared emulator.
    pub async fn new(base: Base) -> Result<Self> {
        let [source, target] = accounts();
        Self::of_accounts(emulator().await?.endpoint(), &source, &target, base).await
    }

    /// These two accounts, prepared.
    pub async fn of_accounts(endpoint: &str, source: &str, target: &str, base: Base) -> Result<Self> {
        let source = Account::open(endpoint, source).await?;
        let target = Account::open(endpoint, target).await?;
        let operator = operator(&source, base).await?;
        let Managed { manager_arn, boundary_arn } = Managed::prepare(&target, &operator).await?;
        Ok(Self { source, target, operator, manager_arn, boundary_arn })
    }
}

/// What the operator uses in an account whose roles it manages.
#[derive(Debug)]
pub struct Managed {
    /// The role through which it manages IAM there.
    pub manager_arn: String,
    /// The permissions boundary of the roles.
    pub boundary_arn: String,
}

impl Managed {
    /// Prepares an account for an operator.
    pub async fn prepare(account: &Account, operator: &Identity) -> Result<Self> {
        let trust = policy(&json!({
            "Effect": "Allow",
            "Principal": { "AWS": operator.arn },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": MANAGER_EXTERNAL_ID } },
        }));
        let manager_arn = account
            .create_role(MANAGER, &trust, &manager_policy(&[account.arn("role/*")], &account.arn("instance-profile/*")))
            .await?;
        let boundary_arn = account.create_policy(BOUNDARY, &boundary_policy()).await?;
        Ok(Self { manager_arn, boundary_arn })
    }
}

async fn operator(account: &Account, base: Base) -> Result<Identity> {
    let may_assume = policy(&json!({
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Resource": "*",
    }));
    match base {
        Base::User => account.create_user(OPERATOR, &may_assume).await,
        Base::RoleSession => {
            let host = policy(&json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" }));
            let host = account.create_user("host", &host).await?;
            let trust = policy(&json!({
                "Effect": "Allow",
                "Principal": { "AWS": host.arn },
                "Action": "sts:AssumeRole",
            }));
            let role = account.create_role(OPERATOR, &trust, &may_assume).await?;
            account.assume(&host, &role, None).await
        }
    }
}

/// What the operator needs in an account whose roles it manages: on these roles, and on these instance profiles.
///
/// On AWS the roles end in `role/crossaccount/*`; the emulator leaves the path out of what it compares with.
pub fn manager_policy(roles: &[String], profiles: &str) -> Value {
    policy(&json!([
        {
            "Sid": "Roles",
            "Effect": "Allow",
            "Action": [
                "iam:CreateRole", "iam:GetRole", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole",
                "iam:TagRole", "iam:UntagRole", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary",
                "iam:PutRolePolicy", "iam:GetRolePolicy", "iam:DeleteRolePolicy", "iam:ListRolePolicies",
                "iam:AttachRolePolicy", "iam:DetachRolePolicy", "iam:ListAttachedRolePolicies",
                "iam:ListInstanceProfilesForRole",
            ],
            "Resource": roles,
        },
        {
            "Sid": "InstanceProfiles",
            "Effect": "Allow",
            "Action": "iam:RemoveRoleFromInstanceProfile",
            // AWS compares with the instance profile, the emulator with the role.
            "Resource": roles.iter().map(String::as_str).chain([profiles]).collect::<Vec<_>>(),
        },
        {
            "Sid": "Drift",
            "Effect": "Allow",
            "Action": ["iam:GetAccountAuthorizationDetails", "iam:ListRoles"],
            "Resource": "*",
        },
    ]))
}

/// The most that a role of the operator can ever do: no IAM, no accounts.
pub fn boundary_policy() -> Value {
    policy(&json!([
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": ["iam:*", "organizations:*", "account:*"], "Resource": "*" },
    ]))
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use anyhow::Context as _;
    use aws_sdk_iam::types::Tag;

    use super::*;
    use crate::repository;

    /// Else the tests could pass by a permission that nobody is asked to give.
    #[test]
    fn the_manager_may_do_what_the_page_on_security_asks_for_and_nothing_else() -> Result<()> {
        let page = fs::read_to_string(repository().join("docs/security.md"))?;
        let section = page.split("## What the manager role needs").nth(1).context("no such section")?;
        let section =
            section.split("###").next().unwrap_or_default().split("Allow CreateRole").next().unwrap_or_default();
        let words = section.split('`').skip(1).step_by(2).map(|word| word.trim_start_matches("iam:"));
        let asked: BTreeSet<&str> =
            words.filter(|word| word.chars().all(char::is_alphabetic) && *word != "rolePath").collect();

        let policy = manager_policy(
            &["arn:aws:iam::222222222222:role/*".to_owned()],
            "arn:aws:iam::222222222222:instance-profile/*",
        );
        let actions = |statement: &Value| match &statement["Action"] {
            Value::Array(actions) => actions.clone(),
            one => vec![one.clone()],
        };
        let statements = policy["Statement"].as_array().context("no statements")?;
        let given: Vec<Value> = statements.iter().flat_map(actions).collect();
        let given = given.iter().filter_map(|action| action.as_str()?.strip_prefix("iam:"));
        assert_eq!(given.collect::<BTreeSet<_>>(), asked, "left: the manager of the lab, right: docs/security.md");
        Ok(())
    }

    #[tokio::test]
    async fn the_operators_identity_becomes_the_manager_only_with_the_external_id() -> Result<()> {
        for base in [Base::User, Base::RoleSession] {
            let world = AwsWorld::new(base).await?;
            let manager = world.source.assume(&world.operator, &world.manager_arn, Some(MANAGER_EXTERNAL_ID)).await?;
            let caller = world.source.sts(manager.credentials).get_caller_identity().send().await?;
            assert_eq!(caller.account(), Some(world.target.id()));

            let refused = world.source.assume(&world.operator, &world.manager_arn, None).await.unwrap_err();
            assert!(format!("{refused:#}").contains("AccessDenied"), "{refused:#}");
        }
        Ok(())
    }

    #[tokio::test]
    async fn a_role_made_by_the_manager_is_read_back_whole() -> Result<()> {
        let world = AwsWorld::new(Base::User).await?;
        let manager = world.source.assume(&world.operator, &world.manager_arn, Some(MANAGER_EXTERNAL_ID)).await?;
        let iam = aws_sdk_iam::Client::new(&world.target.config(manager.credentials));
        let trust = policy(&json!({
            "Effect": "Allow",
            "Principal": { "AWS": world.operator.arn },
            "Action": "sts:AssumeRole",
        }));
        assert_eq!(world.target.role("reports").await?, None);

        iam.create_role()
            .role_name("reports")
            .path(ROLE_PATH)
            .permissions_boundary(&world.boundary_arn)
            .assume_role_policy_document(trust.to_string())
            .tags(Tag::builder().key("team").value("finance").build()?)
            .send()
            .await?;
        let read =
            policy(&json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*" }));
        let put = iam.put_role_policy().role_name("reports").policy_name("read");
        put.policy_document(read.to_string()).send().await?;

        let role = world.target.role("reports").await?.unwrap();
        assert_eq!(role.path, ROLE_PATH);
        assert_eq!(role.boundary, Some(world.boundary_arn));
        assert_eq!(role.trust, trust);
        assert_eq!(role.tags, [("team".to_owned(), "finance".to_owned())].into());
        assert_eq!(world.target.role_names(ROLE_PATH).await?, ["reports".to_owned()].into());
        assert_eq!(world.target.inline_policies("reports").await?, [("read".to_owned(), read)].into());
        assert_eq!(world.target.attached_policies("reports").await?, [].into());
        Ok(())
    }
}
