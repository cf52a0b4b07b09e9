//! The calls on a principal that is given permission: who it is, and one inline policy of it.

use super::iam::IamClient;
use super::iam_answers::read_policy;
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

/// The calls on users, groups and roles that are given permission.
impl IamClient {
    /// `GetUser`, `GetGroup` or `GetRole`: the ARN with its path; none if there is no such principal.
    pub async fn principal_arn(&self, grantee: &Grantee) -> Result<Option<String>, AwsFailure> {
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
            GranteeKind::Role => return Ok(self.role_named(name).await?.map(|role| role.arn.to_string())),
        };
        if_there(arn).map(Option::flatten)
    }

    /// `GetUserPolicy`, `GetGroupPolicy` or `GetRolePolicy`.
    pub async fn policy(&self, grantee: &Grantee, policy: &str) -> Result<InlinePolicy, AwsFailure> {
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
            GranteeKind::Role => self.role_policy_text(name, policy).await,
        };
        Ok(match if_there(document)? {
            None => InlinePolicy::Absent,
            Some(text) => read_policy(&text).map_or(InlinePolicy::Unreadable, InlinePolicy::Present),
        })
    }

    /// `PutUserPolicy`, `PutGroupPolicy` or `PutRolePolicy`.
    pub async fn put_policy(
        &self,
        grantee: &Grantee,
        policy: &str,
        document: &PolicyDocument,
    ) -> Result<(), AwsFailure> {
        let Self { client, caller } = self;
        let (name, text) = (grantee.name(), document.to_json());
        match grantee.kind() {
            GranteeKind::User => {
                let call = client.put_user_policy().user_name(name).policy_name(policy).policy_document(text);
                caller.call("PutUserPolicy", call.send()).await.map(drop)
            }
            GranteeKind::Group => {
                let call = client.put_group_policy().group_name(name).policy_name(policy).policy_document(text);
                caller.call("PutGroupPolicy", call.send()).await.map(drop)
            }
            GranteeKind::Role => self.put_role_policy(name, policy, document).await,
        }
    }

    /// `DeleteUserPolicy`, `DeleteGroupPolicy` or `DeleteRolePolicy`. What is gone already is no failure.
    pub async fn delete_policy(&self, grantee: &Grantee, policy: &str) -> Result<(), AwsFailure> {
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
            GranteeKind::Role => self.delete_role_policy(name, policy).await,
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
