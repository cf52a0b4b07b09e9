//! IAM through the SDK.

use async_trait::async_trait;
use aws_sdk_iam::Client;
use aws_sdk_iam::types::{Role, Tag};
use jiff::Timestamp;

use super::api::Iam;
use super::call::Caller;
use crate::domain::policy::PolicyDocument;
use crate::domain::{
    AwsFailure, DesiredRole, FailureKind, IamRole, PolicyArn, RoleArn, RoleName, RoleSettings, RoleTags,
};

/// IAM of one account, as its manager.
pub(super) struct SdkIam {
    pub client: Client,
    pub caller: Caller,
}

#[async_trait]
impl Iam for SdkIam {
    async fn get_role(&self, role: &RoleName) -> Result<Option<IamRole>, AwsFailure> {
        let sent = self.client.get_role().role_name(role.as_str()).send();
        match self.caller.call("GetRole", sent).await {
            Ok(answer) => read_role("GetRole", answer.role).map(Some),
            Err(failure) if failure.kind == FailureKind::NotFound => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn attached_policies(&self, role: &RoleName) -> Result<Vec<PolicyArn>, AwsFailure> {
        let mut policies = Vec::new();
        let mut marker = None;
        loop {
            let sent = self.client.list_attached_role_policies().role_name(role.as_str()).set_marker(marker).send();
            let page = self.caller.call("ListAttachedRolePolicies", sent).await?;
            for policy in page.attached_policies.unwrap_or_default() {
                let arn = policy.policy_arn.unwrap_or_default();
                policies
                    .push(PolicyArn::parse(&arn).map_err(|e| unreadable("ListAttachedRolePolicies", &e.to_string()))?);
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(policies);
            }
        }
    }

    async fn inline_policy_names(&self, role: &RoleName) -> Result<Vec<String>, AwsFailure> {
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

    async fn inline_policy(&self, role: &RoleName, policy: &str) -> Result<Option<PolicyDocument>, AwsFailure> {
        let sent = self.client.get_role_policy().role_name(role.as_str()).policy_name(policy).send();
        let answer = self.caller.call("GetRolePolicy", sent).await?;
        Ok(PolicyDocument::from_iam(&answer.policy_document).ok())
    }

    async fn instance_profiles(&self, role: &RoleName) -> Result<Vec<String>, AwsFailure> {
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

    async fn create_role(&self, role: &DesiredRole) -> Result<IamRole, AwsFailure> {
        let DesiredRole { path, name, trust, settings, boundary, tags, managed: _, inline: _ } = role;
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

    async fn update_role(&self, role: &RoleName, settings: &RoleSettings) -> Result<(), AwsFailure> {
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

    async fn update_trust(&self, role: &RoleName, trust: &PolicyDocument) -> Result<(), AwsFailure> {
        let sent =
            self.client.update_assume_role_policy().role_name(role.as_str()).policy_document(trust.to_json()).send();
        self.caller.call("UpdateAssumeRolePolicy", sent).await.map(drop)
    }

    async fn put_boundary(&self, role: &RoleName, boundary: &PolicyArn) -> Result<(), AwsFailure> {
        let call = self.client.put_role_permissions_boundary().role_name(role.as_str());
        let sent = call.permissions_boundary(boundary.as_str()).send();
        self.caller.call("PutRolePermissionsBoundary", sent).await.map(drop)
    }

    async fn delete_boundary(&self, role: &RoleName) -> Result<(), AwsFailure> {
        let sent = self.client.delete_role_permissions_boundary().role_name(role.as_str()).send();
        self.caller.call("DeleteRolePermissionsBoundary", sent).await.map(drop)
    }

    async fn tag(&self, role: &RoleName, tags: &RoleTags) -> Result<(), AwsFailure> {
        let tags = sdk_tags("TagRole", tags)?;
        let sent = self.client.tag_role().role_name(role.as_str()).set_tags(Some(tags)).send();
        self.caller.call("TagRole", sent).await.map(drop)
    }

    async fn untag(&self, role: &RoleName, keys: &[String]) -> Result<(), AwsFailure> {
        let sent = self.client.untag_role().role_name(role.as_str()).set_tag_keys(Some(keys.to_vec())).send();
        self.caller.call("UntagRole", sent).await.map(drop)
    }

    async fn put_inline(&self, role: &RoleName, policy: &str, document: &PolicyDocument) -> Result<(), AwsFailure> {
        let call = self.client.put_role_policy().role_name(role.as_str()).policy_name(policy);
        self.caller.call("PutRolePolicy", call.policy_document(document.to_json()).send()).await.map(drop)
    }

    async fn delete_inline(&self, role: &RoleName, policy: &str) -> Result<(), AwsFailure> {
        let sent = self.client.delete_role_policy().role_name(role.as_str()).policy_name(policy).send();
        self.caller.call("DeleteRolePolicy", sent).await.map(drop)
    }

    async fn attach(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), AwsFailure> {
        let sent = self.client.attach_role_policy().role_name(role.as_str()).policy_arn(policy.as_str()).send();
        self.caller.call("AttachRolePolicy", sent).await.map(drop)
    }

    async fn detach(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), AwsFailure> {
        let sent = self.client.detach_role_policy().role_name(role.as_str()).policy_arn(policy.as_str()).send();
        self.caller.call("DetachRolePolicy", sent).await.map(drop)
    }

    async fn leave_instance_profile(&self, role: &RoleName, profile: &str) -> Result<(), AwsFailure> {
        let call = self.client.remove_role_from_instance_profile().role_name(role.as_str());
        let sent = call.instance_profile_name(profile).send();
        self.caller.call("RemoveRoleFromInstanceProfile", sent).await.map(drop)
    }

    async fn delete_role(&self, role: &RoleName) -> Result<(), AwsFailure> {
        let sent = self.client.delete_role().role_name(role.as_str()).send();
        self.caller.call("DeleteRole", sent).await.map(drop)
    }
}

fn sdk_tags(operation: &'static str, tags: &RoleTags) -> Result<Vec<Tag>, AwsFailure> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect::<Result<_, _>>().map_err(|e| unreadable(operation, &e.to_string()))
}

/// `GetRole` may show the unique id in place of the ARN just after creation (Terraform waits for that to pass, too):
/// such an answer counts as not yet settled and is asked for again.
fn read_role(operation: &'static str, role: Option<Role>) -> Result<IamRole, AwsFailure> {
    let role = role.ok_or_else(|| unreadable(operation, "an answer without a role"))?;
    let arn = RoleArn::parse(&role.arn).map_err(|_| not_settled(operation, &role.arn))?;
    let boundary = role.permissions_boundary.and_then(|b| b.permissions_boundary_arn);
    let seconds = |time: aws_sdk_iam::primitives::DateTime| Timestamp::from_second(time.secs()).ok();
    Ok(IamRole {
        arn,
        id: role.role_id,
        created_at: seconds(role.create_date).unwrap_or(Timestamp::UNIX_EPOCH),
        settings: RoleSettings {
            description: role.description.filter(|text| !text.is_empty()),
            max_session_seconds: role.max_session_duration.unwrap_or(3600),
        },
        boundary: boundary.and_then(|arn| PolicyArn::parse(&arn).ok()),
        trust: role.assume_role_policy_document.and_then(|text| PolicyDocument::from_iam(&text).ok()),
        tags: role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect(),
        last_used: role.role_last_used.and_then(|used| used.last_used_date).and_then(seconds),
    })
}

fn not_settled(operation: &'static str, arn: &str) -> AwsFailure {
    AwsFailure {
        service: "iam",
        operation,
        kind: FailureKind::Busy,
        code: "not settled".to_owned(),
        message: format!("IAM shows {arn:?} where the role's ARN belongs; it is still creating the role"),
    }
}

fn unreadable(operation: &'static str, what: &str) -> AwsFailure {
    AwsFailure {
        service: "iam",
        operation,
        kind: FailureKind::Unavailable,
        code: "bad answer".to_owned(),
        message: format!("IAM gave {what}"),
    }
}
