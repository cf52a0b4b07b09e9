//! What both comparisons of a role need: with the present object, and with AWS.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::AWSAccount;
use crate::decide::role::describe;
use crate::decide::target::policies::policy_arn;
use crate::decide::target::role_location::RoleLocation;
use crate::domain::{BaseIdentity, CallerIdentity, IamRoleState, PolicyArn};

/// Name of the user that stands for the operator where its principal is not known.
pub(super) const OPERATOR: &str = "the-operator";

/// A new role, and then what is on it.
pub(super) fn created(after: Option<&IamRoleState>) -> Vec<String> {
    let bare = after.map(|after| IamRoleState {
        role: after.role.clone(),
        attached: BTreeSet::default(),
        inline: BTreeMap::default(),
    });
    let mut lines = describe::changes(None, after);
    lines.extend(describe::changes(bare.as_ref(), after));
    lines
}

/// The operator, by its principal if that is known. What stands for it is the same before and after, so it is in no difference of
/// two declarations.
pub(super) fn operator(at: &RoleLocation, principal: Option<String>) -> BaseIdentity {
    let (partition, account) = (at.role_arn.partition, at.role_arn.account.clone());
    let arn = principal.unwrap_or_else(|| format!("arn:{}:iam::{account}:user/{OPERATOR}", partition.as_str()));
    let caller = CallerIdentity { account, arn: arn.clone(), user_id: String::new() };
    BaseIdentity { caller, principal_arn: arn, guessed: None }
}

/// The permissions boundary of the account.
pub(super) fn boundary(account: &AWSAccount) -> Option<PolicyArn> {
    let arn = account.spec.guardrails.permissions_boundary.as_deref()?;
    policy_arn("AWSAccount spec.guardrails.permissionsBoundary", arn).ok()
}
