//! The bulk read of an account: all its roles with their policies, and the inline policies of its users and groups, in few
//! calls. For an account with many roles it is cheaper than a read of each.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_iam::types::{EntityType, GroupDetail, PolicyDetail, Role, RoleDetail, UserDetail};

use super::iam::IamClient;
use super::iam_answers::{policy_arn, read_policy, read_role};
use crate::domain::policy::PolicyDocument;
use crate::domain::{AccountDetails, AwsFailure, GranteeKind, GranteePolicies, IamRole, IamRoleState};

const DETAILS: &str = "GetAccountAuthorizationDetails";

/// The most that IAM gives at once; it may give less (IAM API reference, `GetAccountAuthorizationDetails`).
const PAGE: i32 = 1000;

#[derive(Default)]
struct Details {
    roles: Vec<RoleDetail>,
    users: Vec<UserDetail>,
    groups: Vec<GroupDetail>,
    calls: u32,
}

impl IamClient {
    /// `GetAccountAuthorizationDetails` and `ListRoles`, all pages of both. The former lacks the description and the longest
    /// session of a role, the latter its tags, boundary and policies.
    pub async fn account_details(&self) -> Result<AccountDetails, AwsFailure> {
        // Listed first: a role that is created in between then appears in the details, and is read by itself.
        let (mut listed, list_calls) = self.listed_roles().await?;
        let Details { roles, users, groups, calls } = self.details().await?;
        let mut found = AccountDetails { calls: calls + list_calls, ..AccountDetails::default() };
        for mut detail in roles {
            let inline = policies(detail.role_policy_list.take());
            found.grantees.extend(grantee(
                GranteeKind::Role,
                detail.role_name.as_deref(),
                detail.arn.as_deref(),
                &inline,
            ));
            let listed = detail.role_id.as_ref().and_then(|id| listed.remove(id));
            let state = if let Some(listed) = listed {
                state_of(merged(listed, &mut detail), detail, inline)
            } else {
                found.calls += 1;
                self.created_meanwhile(detail, inline).await?
            };
            found.roles.extend(state);
        }
        for user in users {
            let inline = policies(user.user_policy_list);
            found.grantees.extend(grantee(GranteeKind::User, user.user_name.as_deref(), user.arn.as_deref(), &inline));
        }
        for group in groups {
            let inline = policies(group.group_policy_list);
            found.grantees.extend(grantee(
                GranteeKind::Group,
                group.group_name.as_deref(),
                group.arn.as_deref(),
                &inline,
            ));
        }
        Ok(found)
    }

    async fn details(&self) -> Result<Details, AwsFailure> {
        let mut all = Details::default();
        let mut marker = None;
        loop {
            let wanted = vec![EntityType::Role, EntityType::User, EntityType::Group];
            let call = self.client.get_account_authorization_details().set_filter(Some(wanted)).max_items(PAGE);
            let page = self.caller.call(DETAILS, call.set_marker(marker).send()).await?;
            all.calls += 1;
            all.roles.extend(page.role_detail_list.unwrap_or_default());
            all.users.extend(page.user_detail_list.unwrap_or_default());
            all.groups.extend(page.group_detail_list.unwrap_or_default());
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(all);
            }
        }
    }

    /// All roles by their unique ids, and the number of calls.
    async fn listed_roles(&self) -> Result<(HashMap<String, Role>, u32), AwsFailure> {
        let (mut roles, mut calls, mut marker) = (HashMap::new(), 0, None);
        loop {
            let sent = self.client.list_roles().max_items(PAGE).set_marker(marker).send();
            let page = self.caller.call("ListRoles", sent).await?;
            calls += 1;
            roles.extend(page.roles.into_iter().map(|role| (role.role_id.clone(), role)));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok((roles, calls));
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

fn grantee(kind: GranteeKind, name: Option<&str>, arn: Option<&str>, inline: &Inline) -> Option<GranteePolicies> {
    Some(GranteePolicies { kind, name: name?.to_owned(), arn: arn?.to_owned(), inline: inline.clone() })
}
