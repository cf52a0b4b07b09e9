//! The calls to IAM on a role. Those on other principals are in `grantee`.

use std::collections::BTreeMap;

use aws_sdk_iam::Client;

use super::call::CallRecorder;
use super::iam_answers::{policy_arn, read_policy, read_role, sdk_tags};
use crate::domain::policy::PolicyDocument;
use crate::domain::{
    AwsFailure, DesiredRole, FailureKind, IamRole, IamRoleState, PolicyArn, RoleName, RoleSettings, RoleTags,
};

/// IAM of one account, as its manager.
///
/// All writes to one role are sent one after the other: IAM answers parallel ones with `ConcurrentModification`
/// (terraform-provider-aws issue 34371).
#[derive(Clone)]
pub struct IamClient {
    pub(super) client: Client,
    pub(super) caller: CallRecorder,
}

impl IamClient {
    /// `GetRole`; none if there is no such role.
    pub async fn get_role(&self, role: &RoleName) -> Result<Option<IamRole>, AwsFailure> {
        self.role_named(role.as_str()).await
    }

    /// A role with all its policies; none if there is no such role.
    pub async fn role_state(&self, name: &RoleName) -> Result<Option<IamRoleState>, AwsFailure> {
        let Some(role) = self.get_role(name).await? else { return Ok(None) };
        let (attached, inline) = tokio::try_join!(self.attached_policies(name), self.inline_policies(name))?;
        Ok(Some(IamRoleState { role, attached: attached.into_iter().collect(), inline }))
    }

    /// All inline policies of a role.
    async fn inline_policies(&self, role: &RoleName) -> Result<BTreeMap<String, Option<PolicyDocument>>, AwsFailure> {
        let mut inline = BTreeMap::new();
        for policy in self.inline_policy_names(role).await? {
            let document = self.inline_policy(role, &policy).await?;
            inline.insert(policy, document);
        }
        Ok(inline)
    }

    /// `ListAttachedRolePolicies`, all pages.
    pub async fn attached_policies(&self, role: &RoleName) -> Result<Vec<PolicyArn>, AwsFailure> {
        let mut policies = Vec::new();
        let mut marker = None;
        loop {
            let sent = self.client.list_attached_role_policies().role_name(role.as_str()).set_marker(marker).send();
            let page = self.caller.call("ListAttachedRolePolicies", sent).await?;
            for policy in page.attached_policies.unwrap_or_default() {
                policies.push(policy_arn("ListAttachedRolePolicies", policy)?);
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(policies);
            }
        }
    }

    /// `ListRolePolicies`, all pages.
    pub async fn inline_policy_names(&self, role: &RoleName) -> Result<Vec<String>, AwsFailure> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let sent = self.client.list_role_policies().role_name(role.as_str()).set_marker(marker).send();
            let page = self.caller.call("ListRolePolicies", sent).await?;
            names.extend(page.policy_names);
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    /// `GetRolePolicy`; the document is none where it is no policy document.
    pub async fn inline_policy(&self, role: &RoleName, policy: &str) -> Result<Option<PolicyDocument>, AwsFailure> {
        let text = self.role_policy_text(role.as_str(), policy).await?;
        Ok(read_policy(&text))
    }

    /// `ListInstanceProfilesForRole`, all pages.
    pub async fn instance_profiles(&self, role: &RoleName) -> Result<Vec<String>, AwsFailure> {
        let mut names = Vec::new();
        let mut marker = None;
        loop {
            let sent = self.client.list_instance_profiles_for_role().role_name(role.as_str()).set_marker(marker).send();
            let page = self.caller.call("ListInstanceProfilesForRole", sent).await?;
            names.extend(page.instance_profiles.into_iter().map(|profile| profile.instance_profile_name));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    /// `CreateRole` with trust, boundary, tags, description and longest session in the one call; not yet its policies.
    pub async fn create_role(&self, role: &DesiredRole) -> Result<IamRole, AwsFailure> {
        let DesiredRole {
            path,
            name,
            trust,
            settings,
            boundary,
            tags,
            managed: _,
            inline: _,
            account: _,
            partition: _,
        } = role;
        let sent = self
            .client
            .create_role()
            .path(path.as_str())
            .role_name(name.as_str())
            .assume_role_policy_document(trust.to_json())
            .set_description(settings.description.clone())
            .max_session_duration(settings.max_session_seconds)
            .set_permissions_boundary(boundary.as_ref().map(PolicyArn::to_string))
            .set_tags(Some(sdk_tags("CreateRole", tags)?))
            .send();
        let answer = self.caller.call("CreateRole", sent).await?;
        read_role("CreateRole", answer.role)
    }

    /// `UpdateRole`.
    pub async fn update_role(&self, role: &RoleName, settings: &RoleSettings) -> Result<(), AwsFailure> {
        let RoleSettings { description, max_session_seconds } = settings;
        let sent = self
            .client
            .update_role()
            .role_name(role.as_str())
            .description(description.clone().unwrap_or_default())
            .max_session_duration(*max_session_seconds)
            .send();
        self.caller.call("UpdateRole", sent).await.map(drop)
    }

    /// `UpdateAssumeRolePolicy`.
    pub async fn update_trust(&self, role: &RoleName, trust: &PolicyDocument) -> Result<(), AwsFailure> {
        let sent =
            self.client.update_assume_role_policy().role_name(role.as_str()).policy_document(trust.to_json()).send();
        self.caller.call("UpdateAssumeRolePolicy", sent).await.map(drop)
    }

    /// `PutRolePermissionsBoundary`.
    pub async fn put_boundary(&self, role: &RoleName, boundary: &PolicyArn) -> Result<(), AwsFailure> {
        let call = self.client.put_role_permissions_boundary().role_name(role.as_str());
        let sent = call.permissions_boundary(boundary.as_str()).send();
        self.caller.call("PutRolePermissionsBoundary", sent).await.map(drop)
    }

    /// `DeleteRolePermissionsBoundary`.
    pub async fn delete_boundary(&self, role: &RoleName) -> Result<(), AwsFailure> {
        let sent = self.client.delete_role_permissions_boundary().role_name(role.as_str()).send();
        self.caller.call("DeleteRolePermissionsBoundary", sent).await.map(drop)
    }

    /// `TagRole`.
    pub async fn tag(&self, role: &RoleName, tags: &RoleTags) -> Result<(), AwsFailure> {
        let tags = sdk_tags("TagRole", tags)?;
        let sent = self.client.tag_role().role_name(role.as_str()).set_tags(Some(tags)).send();
        self.caller.call("TagRole", sent).await.map(drop)
    }

    /// `UntagRole`.
    pub async fn untag(&self, role: &RoleName, keys: &[String]) -> Result<(), AwsFailure> {
        let sent = self.client.untag_role().role_name(role.as_str()).set_tag_keys(Some(keys.to_vec())).send();
        self.caller.call("UntagRole", sent).await.map(drop)
    }

    /// `PutRolePolicy`.
    pub async fn put_inline(&self, role: &RoleName, policy: &str, document: &PolicyDocument) -> Result<(), AwsFailure> {
        self.put_role_policy(role.as_str(), policy, document).await
    }

    /// `DeleteRolePolicy`.
    pub async fn delete_inline(&self, role: &RoleName, policy: &str) -> Result<(), AwsFailure> {
        self.delete_role_policy(role.as_str(), policy).await
    }

    /// `AttachRolePolicy`.
    pub async fn attach(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), AwsFailure> {
        let sent = self.client.attach_role_policy().role_name(role.as_str()).policy_arn(policy.as_str()).send();
        self.caller.call("AttachRolePolicy", sent).await.map(drop)
    }

    /// `DetachRolePolicy`.
    pub async fn detach(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), AwsFailure> {
        let sent = self.client.detach_role_policy().role_name(role.as_str()).policy_arn(policy.as_str()).send();
        self.caller.call("DetachRolePolicy", sent).await.map(drop)
    }

    /// `RemoveRoleFromInstanceProfile`.
    pub async fn leave_instance_profile(&self, role: &RoleName, profile: &str) -> Result<(), AwsFailure> {
        let call = self.client.remove_role_from_instance_profile().role_name(role.as_str());
        let sent = call.instance_profile_name(profile).send();
        self.caller.call("RemoveRoleFromInstanceProfile", sent).await.map(drop)
    }

    /// `DeleteRole`.
    pub async fn delete_role(&self, role: &RoleName) -> Result<(), AwsFailure> {
        let sent = self.client.delete_role().role_name(role.as_str()).send();
        self.caller.call("DeleteRole", sent).await.map(drop)
    }

    pub(super) async fn role_named(&self, role: &str) -> Result<Option<IamRole>, AwsFailure> {
        let sent = self.client.get_role().role_name(role).send();
        match self.caller.call("GetRole", sent).await {
            Ok(answer) => read_role("GetRole", answer.role).map(Some),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(super) async fn role_policy_text(&self, role: &str, policy: &str) -> Result<String, AwsFailure> {
        let sent = self.client.get_role_policy().role_name(role).policy_name(policy).send();
        self.caller.call("GetRolePolicy", sent).await.map(|answer| answer.policy_document)
    }

    pub(super) async fn put_role_policy(
        &self,
        role: &str,
        policy: &str,
        document: &PolicyDocument,
    ) -> Result<(), AwsFailure> {
        let call = self.client.put_role_policy().role_name(role).policy_name(policy);
        self.caller.call("PutRolePolicy", call.policy_document(document.to_json()).send()).await.map(drop)
    }

    pub(super) async fn delete_role_policy(&self, role: &str, policy: &str) -> Result<(), AwsFailure> {
        let sent = self.client.delete_role_policy().role_name(role).policy_name(policy).send();
        self.caller.call("DeleteRolePolicy", sent).await.map(drop)
    }
}
