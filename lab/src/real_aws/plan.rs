//! What a run would call, for those who want to know before.

use super::{probes, story};

/// What the calls cost.
pub const COST: &str =
    "IAM and STS calls are free of charge (AWS pricing pages of IAM); CloudTrail records them like all others";

/// The first part of a run, and the last two.
pub(super) const CALLER: &str = "a user of the source account, whom the roles of the probes trust";
pub(super) const TARGET_IS_CLEAN: &str = "the target account is as it was";
pub(super) const SOURCE_IS_CLEAN: &str = "the source account is as it was";

/// One part of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// What it shows.
    pub title: String,
    /// The calls that it makes, as `service:Action`.
    pub calls: Vec<&'static str>,
}

/// The parts of a run in their order. Calls that wait for AWS to show a change are repeated.
pub fn parts() -> Vec<Part> {
    let part = |title: &str, calls: &[&'static str]| Part { title: title.to_owned(), calls: calls.to_vec() };
    let mut parts =
        vec![part(CALLER, &["iam:CreateUser", "iam:PutUserPolicy", "iam:CreateAccessKey", "sts:GetCallerIdentity"])];
    parts.extend(probes::all().iter().map(|probe| part(&probe.title(), probe.calls)));
    parts.push(part(story::CLAIM, &story::CALLS));
    parts.push(part(TARGET_IS_CLEAN, &CLEANING));
    parts.push(part(SOURCE_IS_CLEAN, &CLEANING));
    parts
}

/// The calls of [`clean`](super::clean).
const CLEANING: [&str; 14] = [
    "iam:ListRoles",
    "iam:ListRolePolicies",
    "iam:DeleteRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:DetachRolePolicy",
    "iam:DeleteRole",
    "iam:ListUsers",
    "iam:ListAccessKeys",
    "iam:DeleteAccessKey",
    "iam:ListUserPolicies",
    "iam:DeleteUserPolicy",
    "iam:DeleteUser",
    "iam:ListPolicies",
    "iam:DeletePolicy",
];
