//! The two accounts of the story, as a platform team would have prepared them.

use anyhow::Result;
use crossaccount::decide::bootstrap::{Target, boundary_policy, manager_policy, manager_trust, operator_policy};
use serde_json::json;

use super::{
    Account, Identity,
    documents::{BOUNDARY, MANAGER, OPERATOR, ROLE_PATH, assumption_of, management_of, operator, target},
    policy,
};
use crate::emulator::{accounts, emulator};

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
    base: Base,
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
        let operator = base_identity(&source, &[&source, &target], base).await?;
        let Managed { manager_arn, boundary_arn } = Managed::prepare(&target, &operator).await?;
        Ok(Self { source, target, operator, base, manager_arn, boundary_arn })
    }

    /// Lets the manager make roles without a boundary and take boundaries off, as accounts with `allowUnbounded` need it.
    pub async fn allow_unbounded(&self) -> Result<()> {
        let unbounded = Target { allow_unbounded: true, ..target(&self.target, &self.operator.arn) };
        self.target.put_role_policy(MANAGER, "lab", &manager_policy(&unbounded)).await
    }

    /// Lets the manager put this boundary on its roles, too: for the time in which one boundary replaces another.
    pub async fn also_bound_by(&self, boundary: &str) -> Result<()> {
        let boundary = boundary.rsplit('/').next().unwrap_or_default().to_owned();
        let rebound = Target { boundary, ..target(&self.target, &self.operator.arn) };
        self.target.put_role_policy(MANAGER, "also-bound", &manager_policy(&rebound)).await
    }

    /// Lets the manager change roles outside its path, and the operator assume them: `role/reports` for one at the path `/`.
    pub async fn also_manage(&self, roles: &[&str]) -> Result<()> {
        let roles: Vec<String> = roles.iter().map(|role| self.target.arn(role)).collect();
        self.target.put_role_policy(MANAGER, "also-manage", &management_of(&roles)).await?;
        self.also_assume("also-manage", &roles).await
    }

    /// Lets the operator assume roles that its policy does not list, by their ARNs. The name is that of the policy.
    pub async fn also_assume(&self, name: &str, roles: &[String]) -> Result<()> {
        let policy = assumption_of(roles);
        match self.base {
            Base::User => self.source.put_user_policy(OPERATOR, name, &policy).await,
            Base::RoleSession => self.source.put_role_policy(OPERATOR, name, &policy).await,
        }
    }

    /// Prepares one more account, whose roles the operator manages.
    pub async fn also_work_in(&self, account: &Account) -> Result<Managed> {
        let roles = [account.arn(&format!("role/{MANAGER}")), account.arn(&format!("role{ROLE_PATH}*"))];
        self.also_assume(account.id(), &roles).await?;
        Managed::prepare(account, &self.operator).await
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
    async fn prepare(account: &Account, operator: &Identity) -> Result<Self> {
        let target = target(account, &operator.arn);
        let boundary_arn = account.create_policy(BOUNDARY, &boundary_policy(&target.place)).await?;
        let manager_arn =
            account.create_role(MANAGER, &manager_trust(&target.manager), &manager_policy(&target)).await?;
        Ok(Self { manager_arn, boundary_arn })
    }
}

async fn base_identity(account: &Account, works_in: &[&Account], base: Base) -> Result<Identity> {
    let may_assume = operator_policy(&operator(account, works_in));
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

#[cfg(test)]
mod tests {
    use aws_sdk_iam::types::Tag;

    use super::{
        super::{MANAGER_EXTERNAL_ID, keys},
        *,
    };
    use crate::{
        aws_proxy::AwsProxy,
        emulator::{aws_config, emulator},
    };

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
        let proxy = AwsProxy::start(emulator().await?.address())?;
        let config = |credentials| aws_config(&proxy.endpoint(), credentials);
        let operator = aws_sdk_sts::Client::new(&config(world.operator.credentials.clone()));
        let manager = operator.assume_role().role_arn(&world.manager_arn).role_session_name("lab");
        let manager = manager.external_id(MANAGER_EXTERNAL_ID).send().await?.credentials.unwrap();
        let manager = keys(manager.access_key_id, manager.secret_access_key, Some(manager.session_token));
        let iam = aws_sdk_iam::Client::new(&config(manager));
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
        assert_eq!(role.trust["Statement"][0], trust["Statement"], "before what the proxy keeps there for itself");
        assert_eq!(role.tags, [("team".to_owned(), "finance".to_owned())].into());
        assert_eq!(world.target.role_names(ROLE_PATH).await?, ["reports".to_owned()].into());
        assert_eq!(world.target.inline_policies("reports").await?, [("read".to_owned(), read)].into());
        assert_eq!(world.target.attached_policies("reports").await?, [].into());
        Ok(())
    }
}
