//! Limits on sizes and numbers (IAM user guide, "IAM and STS quotas").

use super::{
    super::{
        call::Call,
        fault::AwsError,
        upstream::{Upstream, UpstreamError},
        xml,
    },
    Refusal, documents,
};

/// The quotas of an account, as they are before anybody asks for more. Sizes are in characters without white space.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Role trust policy length; can be raised to 8,192.
    pub trust_policy: usize,
    /// All inline policies of one role together.
    pub inline_per_role: usize,
    /// All inline policies of one user together.
    pub inline_per_user: usize,
    /// All inline policies of one group together.
    pub inline_per_group: usize,
    /// One managed policy.
    pub managed_policy: usize,
    /// Versions of one managed policy.
    pub policy_versions: usize,
    /// Managed policies attached to one role, user or group; can be raised to 25.
    pub attached_policies: usize,
    /// Access keys of one user.
    pub access_keys: usize,
    /// Tags of one role or user.
    pub tags: usize,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            trust_policy: 2048,
            inline_per_role: 10_240,
            inline_per_user: 2048,
            inline_per_group: 5120,
            managed_policy: 6144,
            policy_versions: 5,
            attached_policies: 10,
            access_keys: 2,
            tags: 50,
        }
    }
}

impl Quotas {
    /// Refuses a trust policy that is too long.
    pub(crate) fn trust(&self, document: &str) -> Result<(), AwsError> {
        within(documents::size(document), self.trust_policy, "ACLSizePerRole")
    }

    /// Refuses a call that would exceed a quota.
    pub(crate) async fn check(&self, call: &Call, account: &str, upstream: &Upstream) -> Result<(), Refusal> {
        let form = &call.form;
        let document = form.get("PolicyDocument").unwrap_or_default();
        let name = |parameter| form.get(parameter).unwrap_or_default();
        let count = Count { upstream, account };
        match call.action.as_str() {
            "PutRolePolicy" => self.inline(&count, "Role", name("RoleName"), call).await?,
            "PutUserPolicy" => self.inline(&count, "User", name("UserName"), call).await?,
            "PutGroupPolicy" => self.inline(&count, "Group", name("GroupName"), call).await?,
            "CreatePolicy" => within(documents::size(document), self.managed_policy, "PolicySize")?,
            "CreatePolicyVersion" => {
                within(documents::size(document), self.managed_policy, "PolicySize")?;
                let arn = [("Action", "ListPolicyVersions"), ("PolicyArn", name("PolicyArn"))];
                if count.members(&arn, "Versions").await?.len() >= self.policy_versions {
                    let message = format!(
                        "A managed policy can have up to {} versions. Before you create a new version, you must delete an existing version.",
                        self.policy_versions
                    );
                    return Err(AwsError::new(409, "LimitExceeded", message).into());
                }
            }
            "AttachRolePolicy" => self.attach(&count, "Role", name("RoleName"), name("PolicyArn")).await?,
            "AttachUserPolicy" => self.attach(&count, "User", name("UserName"), name("PolicyArn")).await?,
            "AttachGroupPolicy" => self.attach(&count, "Group", name("GroupName"), name("PolicyArn")).await?,
            "CreateAccessKey" if form.get("UserName").is_some() => {
                let keys = [("Action", "ListAccessKeys"), ("UserName", name("UserName"))];
                let keys = count.members(&keys, "AccessKeyMetadata").await?.len();
                within(keys + 1, self.access_keys, "AccessKeysPerUser")?;
            }
            "TagRole" => {
                let tags = count.members(&[("Action", "ListRoleTags"), ("RoleName", name("RoleName"))], "Tags").await?;
                let mut keys: Vec<_> =
                    tags.iter().filter_map(|tag| xml::element(tag, "Key")).map(str::to_lowercase).collect();
                keys.extend(form.tags().iter().map(|(key, _)| key.to_lowercase()));
                keys.sort_unstable();
                keys.dedup();
                within(keys.len(), self.tags, "TagsPerRole")?;
            }
            _ => {}
        }
        Ok(())
    }

    /// All inline policies of an identity count together; the one that is replaced does not.
    async fn inline(&self, count: &Count<'_>, kind: &str, name: &str, call: &Call) -> Result<(), Refusal> {
        let quota = match kind {
            "Role" => self.inline_per_role,
            "User" => self.inline_per_user,
            _ => self.inline_per_group,
        };
        let identity = format!("{kind}Name");
        let replaced = call.form.get("PolicyName").unwrap_or_default();
        let mut size = documents::size(call.form.get("PolicyDocument").unwrap_or_default());
        let list = format!("List{kind}Policies");
        for policy in count.members(&[("Action", &list), (&identity, name)], "PolicyNames").await? {
            if policy != replaced {
                let get = format!("Get{kind}Policy");
                let reply = count.ask(&[("Action", &get), (&identity, name), ("PolicyName", &policy)]).await?;
                let document = xml::element(&reply, "PolicyDocument").unwrap_or_default();
                size += documents::size(&documents::read(document).to_string());
            }
        }
        if size > quota {
            let message = format!("Maximum policy size of {quota} bytes exceeded for {} {name}", kind.to_lowercase());
            return Err(AwsError::new(409, "LimitExceeded", message).into());
        }
        Ok(())
    }

    async fn attach(&self, count: &Count<'_>, kind: &str, name: &str, policy: &str) -> Result<(), Refusal> {
        let list = format!("ListAttached{kind}Policies");
        let attached = count.members(&[("Action", &list), (&format!("{kind}Name"), name)], "AttachedPolicies").await?;
        let again = attached.iter().any(|member| xml::element(member, "PolicyArn") == Some(policy));
        let after = attached.len() + usize::from(!again);
        Ok(within(after, self.attached_policies, &format!("PoliciesPer{kind}"))?)
    }
}

fn within(count: usize, quota: usize, name: &str) -> Result<(), AwsError> {
    if count <= quota {
        return Ok(());
    }
    Err(AwsError::new(409, "LimitExceeded", format!("Cannot exceed quota for {name}: {quota}")))
}

/// Counts what is there.
struct Count<'a> {
    upstream: &'a Upstream,
    account: &'a str,
}

impl Count<'_> {
    async fn ask(&self, question: &[(&str, &str)]) -> Result<String, UpstreamError> {
        Ok(self.upstream.as_root(self.account, "iam", question).await?.text().to_owned())
    }

    async fn members(&self, question: &[(&str, &str)], list: &str) -> Result<Vec<String>, UpstreamError> {
        let answer = self.ask(question).await?;
        Ok(xml::members(xml::element(&answer, list).unwrap_or_default()).into_iter().map(str::to_owned).collect())
    }
}
