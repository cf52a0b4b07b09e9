//! Reads of an account what a setup makes there.

use crate::aws::{IamClient, InlinePolicy};
use crate::cli::aws_account::explained;
use crate::decide::bootstrap::{Finding, Found, FoundIdentity, FoundPolicy, Identity, Setup};
use crate::domain::policy::PolicyDocument;
use crate::domain::{AwsFailure, CallerIdentity, Grantee, GranteeKind, PolicyArn, RoleName};

/// Reads with one caller's permissions, and goes on after what it may not read.
pub(super) struct Reader {
    iam: IamClient,
    caller: CallerIdentity,
    /// What could not be read.
    pub not_read: Vec<Finding>,
}

impl Reader {
    pub fn new(iam: IamClient, caller: CallerIdentity) -> Self {
        Self { iam, caller, not_read: Vec::new() }
    }

    pub async fn read(&mut self, setup: &Setup) -> Found {
        let mut found = Found::default();
        if let Some(boundary) = &setup.boundary {
            found.boundary = self.boundary(&setup.place.arn(&format!("policy/{}", boundary.name))).await;
        }
        let name = setup.identity.name();
        found.identity = match &setup.identity {
            Identity::Role { .. } => self.role(name).await,
            Identity::User { .. } => self.user(name).await,
        };
        if let Some(path) = &setup.bounded_path {
            found.unbounded_roles = self.unbounded_roles(path).await;
        }
        found
    }

    async fn boundary(&mut self, arn: &str) -> Option<Option<PolicyDocument>> {
        let arn = PolicyArn::parse(arn).ok()?;
        let read = self.iam.managed_policy(&arn).await;
        self.or_note(read, arn.as_str())
    }

    async fn role(&mut self, name: &str) -> Option<Option<FoundIdentity>> {
        let what = format!("role {name}");
        let name = RoleName::parse(name).ok()?;
        let read = self.iam.get_role(&name).await;
        let Some(role) = self.or_note(read, &what)? else { return Some(None) };
        let policies = self.role_policies(&name, &what).await;
        let arn = role.arn.to_string();
        Some(Some(FoundIdentity { arn, trust: role.trust, policies, groups: Vec::new() }))
    }

    /// None if one of them could not be read.
    async fn role_policies(&mut self, name: &RoleName, what: &str) -> Option<Vec<FoundPolicy>> {
        let names = self.iam.inline_policy_names(name).await;
        let attached = self.iam.attached_policies(name).await;
        let (names, attached) = (self.or_note(names, what), self.or_note(attached, what));
        let mut policies = Vec::new();
        for policy in names? {
            let label = format!("inline policy {policy} of {what}");
            let read = self.iam.inline_policy(name, &policy).await;
            let document = self.readable(read, &label)?;
            policies.push(FoundPolicy { what: label, document });
        }
        policies.extend(self.managed_policies(attached?, what).await?);
        Some(policies)
    }

    async fn user(&mut self, name: &str) -> Option<Option<FoundIdentity>> {
        let what = format!("user {name}");
        let user = Grantee::new(self.caller.account.clone(), GranteeKind::User, name)?;
        let read = self.iam.principal_arn(&user).await;
        let Some(arn) = self.or_note(read, &what)? else { return Some(None) };
        let policies = self.user_policies(&user, &what).await;
        let groups = self.iam.groups_of_user(name).await;
        let groups = self.or_note(groups, &what).unwrap_or_default();
        Some(Some(FoundIdentity { arn, trust: None, policies, groups }))
    }

    /// None if one of them could not be read.
    async fn user_policies(&mut self, user: &Grantee, what: &str) -> Option<Vec<FoundPolicy>> {
        let names = self.iam.user_policy_names(user.name()).await;
        let attached = self.iam.user_attached_policies(user.name()).await;
        let (names, attached) = (self.or_note(names, what), self.or_note(attached, what));
        let mut policies = Vec::new();
        for policy in names? {
            let label = format!("inline policy {policy} of {what}");
            let read = self.iam.policy(user, &policy).await.map(|found| match found {
                InlinePolicy::Present(document) => Some(document),
                InlinePolicy::Absent | InlinePolicy::Unreadable => None,
            });
            let document = self.readable(read, &label)?;
            policies.push(FoundPolicy { what: label, document });
        }
        policies.extend(self.managed_policies(attached?, what).await?);
        Some(policies)
    }

    async fn managed_policies(&mut self, arns: Vec<PolicyArn>, owner: &str) -> Option<Vec<FoundPolicy>> {
        let mut policies = Vec::new();
        for arn in arns {
            let label = format!("managed policy {arn}, attached to {owner},");
            let read = self.iam.managed_policy(&arn).await;
            let document = self.readable(read, &label)?;
            policies.push(FoundPolicy { what: label, document });
        }
        Some(policies)
    }

    async fn unbounded_roles(&mut self, path: &str) -> Vec<String> {
        let read = self.iam.all_roles().await;
        let roles = self.or_note(read, "the roles of the account").unwrap_or_default();
        let unbounded = roles.into_iter().map(|state| state.role);
        let unbounded = unbounded.filter(|role| role.arn.path.as_str().starts_with(path) && role.boundary.is_none());
        unbounded.map(|role| role.arn.to_string()).collect()
    }

    fn readable(&mut self, read: Result<Option<PolicyDocument>, AwsFailure>, what: &str) -> Option<PolicyDocument> {
        let document = self.or_note(read, what)?;
        if document.is_none() {
            self.not_read.push(Finding::not_read(format!("{what} is not a policy document, or was deleted meanwhile")));
        }
        document
    }

    /// The answer, or a line about the permission that the caller lacks.
    fn or_note<T>(&mut self, answer: Result<T, AwsFailure>, what: &str) -> Option<T> {
        let failure = match answer {
            Ok(answer) => return Some(answer),
            Err(failure) => failure,
        };
        self.not_read.push(Finding::not_read(explained(&self.caller, what, &failure)));
        None
    }
}
