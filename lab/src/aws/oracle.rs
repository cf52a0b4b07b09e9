//! What is really in an account, as the tests' judge of the operator.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use aws_sdk_iam::operation::get_role::GetRoleError;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use super::Account;

/// A role as `GetRole` gives it.
#[derive(Debug, Clone, PartialEq)]
pub struct RoleState {
    /// `arn:aws:iam::<account>:role<path><name>`
    pub arn: String,
    /// `AROA…`; a role made again under the same name has another.
    pub id: String,
    /// Begins and ends with `/`.
    pub path: String,
    /// Free text.
    pub description: Option<String>,
    /// Seconds.
    pub max_session_duration: Option<i32>,
    /// The trust policy, decoded.
    pub trust: Value,
    /// All tags.
    pub tags: BTreeMap<String, String>,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
}

impl Account {
    /// A role, if there is one of this name.
    pub async fn role(&self, name: &str) -> Result<Option<RoleState>> {
        let answer = match self.iam.get_role().role_name(name).send().await {
            Err(error) if error.as_service_error().is_some_and(GetRoleError::is_no_such_entity_exception) => {
                return Ok(None);
            }
            answer => answer?,
        };
        let role = answer.role.context("GetRole gave no role")?;
        let trust = role.assume_role_policy_document.context("the role has no trust policy")?;
        Ok(Some(RoleState {
            arn: role.arn,
            id: role.role_id,
            path: role.path,
            description: role.description,
            max_session_duration: role.max_session_duration,
            trust: document(&trust)?,
            tags: role.tags.unwrap_or_default().into_iter().map(|tag| (tag.key, tag.value)).collect(),
            boundary: role.permissions_boundary.and_then(|boundary| boundary.permissions_boundary_arn),
        }))
    }

    /// The names of all roles under a path.
    pub async fn role_names(&self, path: &str) -> Result<BTreeSet<String>> {
        let mut pages = self.iam.list_roles().path_prefix(path).into_paginator().items().send();
        let mut names = BTreeSet::new();
        while let Some(role) = pages.try_next().await? {
            names.insert(role.role_name);
        }
        Ok(names)
    }

    /// The inline policies of a role, decoded, by name.
    pub async fn inline_policies(&self, role: &str) -> Result<BTreeMap<String, Value>> {
        let mut policies = BTreeMap::new();
        for name in self.iam.list_role_policies().role_name(role).send().await?.policy_names {
            let policy = self.iam.get_role_policy().role_name(role).policy_name(&name).send().await?;
            policies.insert(name, document(&policy.policy_document)?);
        }
        Ok(policies)
    }

    /// The ARNs of the managed policies attached to a role.
    pub async fn attached_policies(&self, role: &str) -> Result<BTreeSet<String>> {
        let attached = self.iam.list_attached_role_policies().role_name(role).send().await?.attached_policies;
        Ok(attached.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn).collect())
    }

    /// The inline policies of a user, decoded, by name.
    pub async fn user_policies(&self, user: &str) -> Result<BTreeMap<String, Value>> {
        let mut policies = BTreeMap::new();
        for name in self.iam.list_user_policies().user_name(user).send().await?.policy_names {
            let policy = self.iam.get_user_policy().user_name(user).policy_name(&name).send().await?;
            policies.insert(name, document(&policy.policy_document)?);
        }
        Ok(policies)
    }

    /// The inline policies of a group, decoded, by name.
    pub async fn group_policies(&self, group: &str) -> Result<BTreeMap<String, Value>> {
        let mut policies = BTreeMap::new();
        for name in self.iam.list_group_policies().group_name(group).send().await?.policy_names {
            let policy = self.iam.get_group_policy().group_name(group).policy_name(&name).send().await?;
            policies.insert(name, document(&policy.policy_document)?);
        }
        Ok(policies)
    }
}

/// IAM gives policy documents percent-encoded (API reference, `GetRole`).
fn document(encoded: &str) -> Result<Value> {
    let decoded = percent_decode_str(encoded).decode_utf8()?;
    serde_json::from_str(&decoded).with_context(|| format!("not a policy document: {decoded}"))
}
