//! The calls to AWS that this operator makes, and no others.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::domain::policy::PolicyDocument;
use crate::domain::{
    AwsFailure, CallerIdentity, Credentials, DesiredRole, ExternalId, IamRole, PolicyArn, RoleArn, RoleName,
    RoleSettings, RoleTags, SessionName, SessionRequest,
};

/// IAM in one account. All writes to one role are sent one after the other: IAM answers parallel ones with
/// `ConcurrentModification` (terraform-provider-aws issue 34371).
#[async_trait]
pub trait Iam: Send + Sync {
    /// `GetRole`; none if there is no such role.
    async fn get_role(&self, role: &RoleName) -> Result<Option<IamRole>, AwsFailure>;
    /// `ListAttachedRolePolicies`, all pages.
    async fn attached_policies(&self, role: &RoleName) -> Result<Vec<PolicyArn>, AwsFailure>;
    /// `ListRolePolicies`, all pages.
    async fn inline_policy_names(&self, role: &RoleName) -> Result<Vec<String>, AwsFailure>;
    /// `GetRolePolicy`; the document is none where it is no policy document.
    async fn inline_policy(&self, role: &RoleName, policy: &str) -> Result<Option<PolicyDocument>, AwsFailure>;
    /// `ListInstanceProfilesForRole`, all pages.
    async fn instance_profiles(&self, role: &RoleName) -> Result<Vec<String>, AwsFailure>;

    /// `CreateRole` with trust, boundary, tags, description and longest session in the one call; not yet its policies.
    async fn create_role(&self, role: &DesiredRole) -> Result<IamRole, AwsFailure>;
    /// `UpdateRole`.
    async fn update_role(&self, role: &RoleName, settings: &RoleSettings) -> Result<(), AwsFailure>;
    /// `UpdateAssumeRolePolicy`.
    async fn update_trust(&self, role: &RoleName, trust: &PolicyDocument) -> Result<(), AwsFailure>;
    /// `PutRolePermissionsBoundary`.
    async fn put_boundary(&self, role: &RoleName, boundary: &PolicyArn) -> Result<(), AwsFailure>;
    /// `DeleteRolePermissionsBoundary`.
    async fn delete_boundary(&self, role: &RoleName) -> Result<(), AwsFailure>;
    /// `TagRole`.
    async fn tag(&self, role: &RoleName, tags: &RoleTags) -> Result<(), AwsFailure>;
    /// `UntagRole`.
    async fn untag(&self, role: &RoleName, keys: &[String]) -> Result<(), AwsFailure>;
    /// `PutRolePolicy`.
    async fn put_inline(&self, role: &RoleName, policy: &str, document: &PolicyDocument) -> Result<(), AwsFailure>;
    /// `DeleteRolePolicy`.
    async fn delete_inline(&self, role: &RoleName, policy: &str) -> Result<(), AwsFailure>;
    /// `AttachRolePolicy`.
    async fn attach(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), AwsFailure>;
    /// `DetachRolePolicy`.
    async fn detach(&self, role: &RoleName, policy: &PolicyArn) -> Result<(), AwsFailure>;
    /// `RemoveRoleFromInstanceProfile`.
    async fn leave_instance_profile(&self, role: &RoleName, profile: &str) -> Result<(), AwsFailure>;
    /// `DeleteRole`.
    async fn delete_role(&self, role: &RoleName) -> Result<(), AwsFailure>;
}

/// One call of `AssumeRole`.
#[derive(Clone, Debug)]
pub struct AssumeRole<'a> {
    /// Role to assume.
    pub role: &'a RoleArn,
    /// Session name.
    pub session_name: &'a SessionName,
    /// External id; none to prove that the role refuses without it.
    pub external_id: Option<&'a str>,
    /// Lifetime, tags and session policies.
    pub request: &'a SessionRequest,
}

/// What `AssumeRole` gave.
#[derive(Clone, Debug)]
pub struct IssuedSession {
    /// The credentials.
    pub credentials: Credentials,
    /// Our clock when the answer came.
    pub issued_at: Timestamp,
    /// Share of the packed size that session policies and tags use, in percent.
    pub packed_policy_size_percent: Option<u32>,
}

/// STS as one identity.
#[async_trait]
pub trait Sts: Send + Sync {
    /// `AssumeRole`.
    async fn assume_role(&self, call: AssumeRole<'_>) -> Result<IssuedSession, AwsFailure>;
    /// `GetCallerIdentity`, which needs no permission.
    async fn caller_identity(&self) -> Result<CallerIdentity, AwsFailure>;
}

impl SessionRequest {
    /// A session for managing an account: the role's default hour, which also is the limit of a chained session.
    #[must_use]
    pub fn for_hop(tags: &BTreeMap<String, String>, transitive_tag_keys: &[String]) -> Self {
        Self {
            duration_seconds: 3600,
            tags: tags.clone(),
            transitive_tag_keys: transitive_tag_keys.to_vec(),
            source_identity: None,
            policy: None,
            policy_arns: Vec::new(),
        }
    }
}

impl<'a> AssumeRole<'a> {
    /// The same call without the external id.
    #[must_use]
    pub fn without_external_id(self) -> Self {
        Self { external_id: None, ..self }
    }

    /// The usual call into a role of ours.
    #[must_use]
    pub fn into_role(
        role: &'a RoleArn,
        session_name: &'a SessionName,
        external_id: &'a ExternalId,
        request: &'a SessionRequest,
    ) -> Self {
        Self { role, session_name, external_id: Some(external_id.as_str()), request }
    }
}
