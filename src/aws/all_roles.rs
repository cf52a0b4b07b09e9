//! The bulk read of an account: all its roles with their policies, in few calls. For an account with many roles it is cheaper
//! than a read of each.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_iam::types::{EntityType, PolicyDetail, Role, RoleDetail};

use super::iam::IamClient;
use super::iam_answers::{policy_arn, read_policy, read_role};
use crate::domain::policy::PolicyDocument;
use crate::domain::{AwsFailure, IamRole, IamRoleState};

const DETAILS: &str = "GetAccountAuthorizationDetails";

/// The most that IAM gives at once; it may give less (IAM API reference, `GetAccountAuthorizationDetails`).
const PAGE: i32 = 1000;

impl IamClient {
    /// `GetAccountAuthorizationDetails` and `ListRoles`, all pages of both. The former lacks the description and the longest
    /// session of a role, the latter its tags, boundary and policies.
    ///
    /// IAM collects it over several calls. A role that is missing may have been created meanwhile: absence proves nothing, and a
    /// read of that one role does.
    pub async fn all_roles(&self) -> Result<Vec<IamRoleState>, AwsFailure> {
        // Listed first: a role that is created in between then appears in the details, and is read by itself.
        let mut listed = self.listed_roles().await?;
        let mut found = Vec::new();
        for mut detail in self.details().await? {
            let inline = policies(detail.role_policy_list.take());
            let listed = detail.role_id.as_ref().and_then(|id| listed.remove(id));
            found.extend(match listed {
                Some(listed) => state_of(merged(listed, &mut detail), detail, inline),
                None => self.created_meanwhile(detail, inline).await?,
            });
        }
        Ok(found)
    }

    async fn details(&self) -> Result<Vec<RoleDetail>, AwsFailure> {
        let (mut all, mut marker) = (Vec::new(), None);
        loop {
            let call = self.client.get_account_authorization_details().filter(EntityType::Role).max_items(PAGE);
            let page = self.caller.call(DETAILS, call.set_marker(marker).send()).await?;
            all.extend(page.role_detail_list.unwrap_or_default());
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(all);
            }
        }
    }

    /// All roles by their unique ids.
    async fn listed_roles(&self) -> Result<HashMap<String, Role>, AwsFailure> {
        let (mut roles, mut marker) = (HashMap::new(), None);
        loop {
            let sent = self.client.list_roles().max_items(PAGE).set_marker(marker).send();
            let page = self.caller.call("ListRoles", sent).await?;
            roles.extend(page.roles.into_iter().map(|role| (role.role_id.clone(), role)));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(roles);
            }
        }
    }

    async fn created_meanwhile(&self, detail: RoleDetail, inline: Inline) -> Result<Option<IamRoleState>, AwsFailure> {
        let name = detail.role_name.clone().unwrap_or_default();
        let role = self.role_named(&name).await?;
        Ok(role.and_then(|role| with_policies(role, detail, inline)))
    }
}

type Inline = BTreeMap<String, Option<PolicyDocument>>;

/// The listed role with everything that only the details have, so that it is read like an answer of `GetRole`.
fn merged(mut listed: Role, detail: &mut RoleDetail) -> Role {
    listed.assume_role_policy_document = detail.assume_role_policy_document.take();
    listed.permissions_boundary = detail.permissions_boundary.take();
    listed.tags = detail.tags.take();
    listed.role_last_used = detail.role_last_used.take();
    listed
}

/// None for a role that cannot be read: one role must not hide all others.
fn state_of(role: Role, detail: RoleDetail, inline: Inline) -> Option<IamRoleState> {
    match read_role(DETAILS, Some(role)) {
        Ok(role) => with_policies(role, detail, inline),
        Err(failure) => {
            tracing::debug!(%failure, "a role is left out of the bulk read");
            None
        }
    }
}

fn with_policies(role: IamRole, detail: RoleDetail, inline: Inline) -> Option<IamRoleState> {
    let attached = detail.attached_managed_policies.unwrap_or_default();
    match attached.into_iter().map(|policy| policy_arn(DETAILS, policy)).collect() {
        Ok(attached) => Some(IamRoleState { role, attached, inline }),
        Err(failure) => {
            tracing::debug!(%failure, "a role is left out of the bulk read");
            None
        }
    }
}

fn policies(list: Option<Vec<PolicyDetail>>) -> Inline {
    let named = |policy: PolicyDetail| {
        let document = policy.policy_document.as_deref().and_then(read_policy);
        Some((policy.policy_name?, document))
    };
    list.unwrap_or_default().into_iter().filter_map(named).collect()
}
