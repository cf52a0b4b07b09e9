//! What is made in one account: at most one managed policy, and an identity with one inline policy.

use serde_json::Value;

use crate::domain::{GranteeKind, INLINE_QUOTA_OF_ROLE};

/// Longest managed policy, in characters without white space (IAM user guide, "IAM and STS quotas").
const MANAGED_QUOTA: usize = 6_144;

/// Longest trust policy, in characters without white space, unless AWS raised it (IAM user guide, "IAM and STS quotas").
const TRUST_QUOTA: usize = 2_048;

/// Where the ARNs of an account begin: its partition and its id, or what stands for them in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Partition, such as `aws`.
    pub partition: String,
    /// The 12 digits.
    pub account: String,
}

impl Place {
    /// The ARN of something in the account's IAM: `role/reader` is `arn:aws:iam::222222222222:role/reader`.
    #[must_use]
    pub fn arn(&self, resource: &str) -> String {
        let Self { partition, account } = self;
        format!("arn:{partition}:iam::{account}:{resource}")
    }
}

/// A policy with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Name in IAM.
    pub name: String,
    /// What it is for, for people who find it in the account.
    pub description: &'static str,
    /// The document.
    pub document: Value,
}

/// Who is made in the account.
#[derive(Clone, Debug, PartialEq)]
pub enum Identity {
    /// A role.
    Role {
        /// Name in IAM.
        name: String,
        /// What it is for, for people who find it in the account.
        description: &'static str,
        /// Who may assume it.
        trust: Value,
    },
    /// A user. Its access key is made by hand: a template would store the secret.
    User {
        /// Name in IAM.
        name: String,
    },
}

impl Identity {
    /// Name in IAM.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Role { name, .. } | Self::User { name } => name,
        }
    }

    /// A role or a user.
    #[must_use]
    pub fn kind(&self) -> GranteeKind {
        match self {
            Self::Role { .. } => GranteeKind::Role,
            Self::User { .. } => GranteeKind::User,
        }
    }
}

/// All that is made in one account.
#[derive(Clone, Debug, PartialEq)]
pub struct Setup {
    /// The account.
    pub place: Place,
    /// What the account is to the operator, in a few words.
    pub purpose: &'static str,
    /// The permissions boundary of the roles that the operator manages there, if it manages any.
    pub boundary: Option<Policy>,
    /// Whom the operator is in the account.
    pub identity: Identity,
    /// What the identity may do: its only policy, inline.
    pub policy: Policy,
    /// The path under which roles must have the boundary, where they must.
    pub bounded_path: Option<String>,
}

/// A document that IAM would refuse for its size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} has {size} characters, and IAM takes {limit}; {advice}")]
pub struct TooLarge {
    what: String,
    size: usize,
    limit: usize,
    advice: &'static str,
}

impl Setup {
    /// Every document with what it is, and the most characters that IAM takes for it.
    pub fn documents(&self) -> impl Iterator<Item = (String, &Value, usize)> {
        let Self { boundary, identity, policy, place: _, purpose: _, bounded_path: _ } = self;
        let (kind, name) = (identity.kind(), identity.name());
        let inline_quota = match identity {
            Identity::Role { .. } => INLINE_QUOTA_OF_ROLE,
            Identity::User { .. } => kind.inline_quota(),
        };
        let trust = match identity {
            Identity::Role { trust, .. } => Some((format!("trust policy of role {name}"), trust, TRUST_QUOTA)),
            Identity::User { .. } => None,
        };
        let boundary = boundary
            .iter()
            .map(|managed| (format!("managed policy {}", managed.name), &managed.document, MANAGED_QUOTA));
        let inline = (format!("inline policy {} of {kind} {name}", policy.name), &policy.document, inline_quota);
        boundary.chain(trust).chain([inline])
    }

    /// Refuses documents that IAM would refuse for their size.
    pub fn fits(&self) -> Result<(), TooLarge> {
        for (what, document, limit) in self.documents() {
            let size = size(document);
            if size > limit {
                let advice = "list fewer ARNs or accounts, and set up the others with a second identity or policy";
                return Err(TooLarge { what, size, limit, advice });
            }
        }
        Ok(())
    }
}

/// Size as IAM counts it: without white space.
fn size(document: &Value) -> usize {
    document.to_string().chars().filter(|letter| !letter.is_whitespace()).count()
}
