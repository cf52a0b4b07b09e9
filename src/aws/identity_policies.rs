//! What a person checks who prepares an account: managed policies, and the policies of users. The operator itself calls none
//! of these.

use super::iam::IamClient;
use super::iam_answers::{policy_arn, read_policy, unreadable};
use crate::domain::policy::PolicyDocument;
use crate::domain::{AwsFailure, FailureKind, PolicyArn};

impl IamClient {
    /// `GetPolicy` and `GetPolicyVersion`: the default version of a managed policy; none if there is no such policy.
    pub async fn managed_policy(&self, arn: &PolicyArn) -> Result<Option<PolicyDocument>, AwsFailure> {
        let sent = self.client.get_policy().policy_arn(arn.as_str()).send();
        let policy = match self.caller.call("GetPolicy", sent).await {
            Ok(answer) => answer.policy,
            Err(failure) if failure.kind == FailureKind::NotFound => return Ok(None),
            Err(failure) => return Err(failure),
        };
        let version = policy.and_then(|policy| policy.default_version_id);
        let version = version.ok_or_else(|| unreadable("GetPolicy", "a policy without a default version"))?;
        let sent = self.client.get_policy_version().policy_arn(arn.as_str()).version_id(version).send();
        let answer = self.caller.call("GetPolicyVersion", sent).await?;
        let text = answer.policy_version.and_then(|version| version.document).unwrap_or_default();
        let read =
            read_policy(&text).ok_or_else(|| unreadable("GetPolicyVersion", "text that is not a policy document"));
        read.map(Some)
    }

    /// `ListUserPolicies`, all pages.
    pub async fn user_policy_names(&self, user: &str) -> Result<Vec<String>, AwsFailure> {
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let sent = self.client.list_user_policies().user_name(user).set_marker(marker).send();
            let page = self.caller.call("ListUserPolicies", sent).await?;
            names.extend(page.policy_names);
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }

    /// `ListAttachedUserPolicies`, all pages.
    pub async fn user_attached_policies(&self, user: &str) -> Result<Vec<PolicyArn>, AwsFailure> {
        const OPERATION: &str = "ListAttachedUserPolicies";
        let (mut arns, mut marker) = (Vec::new(), None);
        loop {
            let sent = self.client.list_attached_user_policies().user_name(user).set_marker(marker).send();
            let page = self.caller.call(OPERATION, sent).await?;
            for policy in page.attached_policies.unwrap_or_default() {
                arns.push(policy_arn(OPERATION, policy)?);
            }
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(arns);
            }
        }
    }

    /// `ListGroupsForUser`, all pages: the names.
    pub async fn groups_of_user(&self, user: &str) -> Result<Vec<String>, AwsFailure> {
        let (mut names, mut marker) = (Vec::new(), None);
        loop {
            let sent = self.client.list_groups_for_user().user_name(user).set_marker(marker).send();
            let page = self.caller.call("ListGroupsForUser", sent).await?;
            names.extend(page.groups.into_iter().map(|group| group.group_name));
            marker = page.marker.filter(|_| page.is_truncated);
            if marker.is_none() {
                return Ok(names);
            }
        }
    }
}
