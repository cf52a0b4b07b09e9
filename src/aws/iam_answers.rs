//! From IAM's types to ours and back.

use aws_sdk_iam::types::{AttachedPolicy, Role, Tag};
use jiff::Timestamp;

use crate::domain::policy::PolicyDocument;
use crate::domain::{AwsFailure, FailureKind, IamRole, PolicyArn, RoleArn, RoleSettings, RoleTags};

/// Tags as the SDK takes them.
pub(super) fn sdk_tags(operation: &'static str, tags: &RoleTags) -> Result<Vec<Tag>, AwsFailure> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    tags.iter().map(tag).collect::<Result<_, _>>().map_err(|e| unreadable(operation, &e.to_string()))
}

/// A policy as IAM returns it; none where the text is no policy document.
pub(super) fn read_policy(text: &str) -> Option<PolicyDocument> {
    PolicyDocument::from_iam(text).ok()
}

/// The ARN of a managed policy.
pub(super) fn policy_arn(operation: &'static str, policy: AttachedPolicy) -> Result<PolicyArn, AwsFailure> {
    let arn = policy.policy_arn.unwrap_or_default();
    PolicyArn::parse(&arn).map_err(|e| unreadable(operation, &e.to_string()))
}

/// `GetRole` may show the unique id in place of the ARN just after creation (Terraform waits for that to pass, too):
/// such an answer counts as not yet settled and is asked for again.
pub(super) fn read_role(operation: &'static str, role: Option<Role>) -> Result<IamRole, AwsFailure> {
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
        trust: role.assume_role_policy_document.as_deref().and_then(read_policy),
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

/// An answer that this version cannot use.
pub(super) fn unreadable(operation: &'static str, what: &str) -> AwsFailure {
    AwsFailure {
        service: "iam",
        operation,
        kind: FailureKind::Unavailable,
        code: "bad answer".to_owned(),
        message: format!("IAM gave {what}"),
    }
}
