//! The calls on a principal that is given permission: who it is, and one inline policy of it.

use async_trait::async_trait;

use super::iam::SdkIam;
use crate::domain::policy::PolicyDocument;
use crate::domain::{AwsFailure, FailureKind, Grantee, GranteeKind};

/// One inline policy as it was found.
#[derive(Clone, Debug)]
pub enum InlinePolicy {
    /// There is none, or the principal is gone.
    Absent,
    /// There is this.
    Present(PolicyDocument),
    /// There is one that is not of the shape of a policy.
    Unreadable,
}

/// IAM in the account of users, groups and roles that are given permission.
#[async_trait]
pub trait GranteeIam: Send + Sync {
    /// `GetUser`, `GetGroup` or `GetRole`: the ARN with its path; none if there is no such principal.
    async fn principal_arn(&self, grantee: &Grantee) -> Result<Option<String>, AwsFailure>;
    /// `GetUserPolicy`, `GetGroupPolicy` or `GetRolePolicy`.
    async fn policy(&self, grantee: &Grantee, policy: &str) -> Result<InlinePolicy, AwsFailure>;
    /// `PutUserPolicy`, `PutGroupPolicy` or `PutRolePolicy`.
    async fn put_policy(&self, grantee: &Grantee, policy: &str, document: &PolicyDocument) -> Result<(), AwsFailure>;
    /// `DeleteUserPolicy`, `DeleteGroupPolicy` or `DeleteRolePolicy`. What is gone already is no failure.
    async fn delete_policy(&self, grantee: &Grantee, policy: &str) -> Result<(), AwsFailure>;
}

#[async_trait]
impl GranteeIam for SdkIam {
    async fn principal_arn(&self, grantee: &Grantee) -> Result<Option<String>, AwsFailure> {
        let (client, caller, name) = (&self.client, &self.caller, grantee.name());
        let arn = match grantee.kind() {
            GranteeKind::User => {
                let answer = caller.call("GetUser", client.get_user().user_name(name).send()).await;
                answer.map(|answer| answer.user.map(|user| user.arn))
            }
            GranteeKind::Group => {
                // One of its users at most: they are not asked for.
                let answer = caller.call("GetGroup", client.get_group().group_name(name).max_items(1).send()).await;
                answer.map(|answer| answer.group.map(|group| group.arn))
            }
            GranteeKind::Role => {
                let answer = caller.call("GetRole", client.get_role().role_name(name).send()).await;
                answer.map(|answer| answer.role.map(|role| role.arn))
            }
        };
        if_there(arn).map(Option::flatten)
    }

    async fn policy(&self, grantee: &Grantee, policy: &str) -> Result<InlinePolicy, AwsFailure> {
        let Self { client, caller } = self;
        let name = grantee.name();
        let document = match grantee.kind() {
            GranteeKind::User => {
                let call = client.get_user_policy().user_name(name).policy_name(policy);
                caller.call("GetUserPolicy", call.send()).await.map(|answer| answer.policy_document)
            }
            GranteeKind::Group => {
                let call = client.get_group_policy().group_name(name).policy_name(policy);
                caller.call("GetGroupPolicy", call.send()).await.map(|answer| answer.policy_document)
            }
            GranteeKind::Role => {
                let call = client.get_role_policy().role_name(name).policy_name(policy);
                caller.call("GetRolePolicy", call.send()).await.map(|answer| answer.policy_document)
            }
        };
        Ok(match if_there(document)? {
            None => InlinePolicy::Absent,
            Some(text) => PolicyDocument::from_iam(&text).map_or(InlinePolicy::Unreadable, InlinePolicy::Present),
        })
    }

    async fn put_policy(&self, grantee: &Grantee, policy: &str, document: &PolicyDocument) -> Result<(), AwsFailure> {
        let Self { client, caller } = self;
        let (name, document) = (grantee.name(), document.to_json());
        match grantee.kind() {
            GranteeKind::User => {
                let call = client.put_user_policy().user_name(name).policy_name(policy).policy_document(document);
                caller.call("PutUserPolicy", call.send()).await.map(drop)
            }
            GranteeKind::Group => {
                let call = client.put_group_policy().group_name(name).policy_name(policy).policy_document(document);
                caller.call("PutGroupPolicy", call.send()).await.map(drop)
            }
            GranteeKind::Role => {
                let call = client.put_role_policy().role_name(name).policy_name(policy).policy_document(document);
                caller.call("PutRolePolicy", call.send()).await.map(drop)
            }
        }
    }

    async fn delete_policy(&self, grantee: &Grantee, policy: &str) -> Result<(), AwsFailure> {
        let Self { client, caller } = self;
        let name = grantee.name();
        let deleted = match grantee.kind() {
            GranteeKind::User => {
                let call = client.delete_user_policy().user_name(name).policy_name(policy);
                caller.call("DeleteUserPolicy", call.send()).await.map(drop)
            }
            GranteeKind::Group => {
                let call = client.delete_group_policy().group_name(name).policy_name(policy);
                caller.call("DeleteGroupPolicy", call.send()).await.map(drop)
            }
            GranteeKind::Role => {
                let call = client.delete_role_policy().role_name(name).policy_name(policy);
                caller.call("DeleteRolePolicy", call.send()).await.map(drop)
            }
        };
        if_there(deleted).map(drop)
    }
}

fn if_there<T>(answer: Result<T, AwsFailure>) -> Result<Option<T>, AwsFailure> {
    match answer {
        Ok(found) => Ok(Some(found)),
        Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
        Err(failure) => Err(failure),
    }
}
