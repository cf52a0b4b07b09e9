//! Principals that are given permission on their own side.

use std::fmt;

use super::arn::is_name_byte;
use super::{AccountId, INLINE_QUOTA_OF_ROLE};

/// What kind of principal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, strum::Display, strum::EnumIter)]
#[strum(serialize_all = "lowercase")]
pub enum GranteeKind {
    /// An IAM user.
    User,
    /// An IAM group: its users have what it has.
    Group,
    /// An IAM role.
    Role,
}

impl GranteeKind {
    /// Longest name (IAM API reference, `CreateUser`, `CreateGroup`, `CreateRole`).
    const fn longest_name(self) -> usize {
        match self {
            Self::User | Self::Role => 64,
            Self::Group => 128,
        }
    }

    /// All inline policies of such a principal together, in characters without white space (IAM user guide, "IAM and STS
    /// quotas"). AWS does not raise it.
    #[must_use]
    pub const fn inline_quota(self) -> usize {
        match self {
            Self::User => 2_048,
            Self::Group => 5_120,
            Self::Role => INLINE_QUOTA_OF_ROLE,
        }
    }
}

/// A user, group or role of an account, by its name without the path.
#[derive(Clone, Debug)]
pub struct Grantee {
    account: AccountId,
    kind: GranteeKind,
    name: String,
}

/// Tells principals apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GranteeKey(AccountId, GranteeKind, String);

impl Grantee {
    /// Accepts IAM's alphabet and length of names.
    #[must_use]
    pub fn new(account: AccountId, kind: GranteeKind, name: &str) -> Option<Self> {
        let fine = (1..=kind.longest_name()).contains(&name.len()) && name.bytes().all(is_name_byte);
        fine.then(|| Self { account, kind, name: name.to_owned() })
    }

    /// Its account.
    #[must_use]
    pub fn account(&self) -> &AccountId {
        &self.account
    }

    /// What kind of principal it is.
    #[must_use]
    pub fn kind(&self) -> GranteeKind {
        self.kind
    }

    /// Its name as written.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same for the same principal: IAM compares names without case (IAM user guide, "IAM and STS quotas", names).
    #[must_use]
    pub fn key(&self) -> GranteeKey {
        GranteeKey(self.account.clone(), self.kind, self.name.to_ascii_lowercase())
    }
}

impl fmt::Display for Grantee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, kind, name } = self;
        write!(f, "{kind} {name} of account {account}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grantee(kind: GranteeKind, name: &str) -> Option<Grantee> {
        Grantee::new(AccountId::parse("111111111111").expect("an account"), kind, name)
    }

    #[test]
    fn a_principal_is_the_same_in_any_case_of_its_name_and_another_of_another_kind() {
        let key = |kind, name| grantee(kind, name).expect("a grantee").key();
        assert_eq!(key(GranteeKind::User, "Deployer"), key(GranteeKind::User, "deployer"));
        assert_ne!(key(GranteeKind::User, "deployer"), key(GranteeKind::Group, "deployer"));
    }

    #[test]
    fn a_name_that_iam_does_not_take_is_refused() {
        for (kind, name) in [
            (GranteeKind::User, String::new()),
            (GranteeKind::User, "a/b".into()),
            (GranteeKind::User, "u".repeat(65)),
            (GranteeKind::Group, "g".repeat(129)),
        ] {
            assert!(grantee(kind, &name).is_none(), "{name}");
        }
        assert!(grantee(GranteeKind::Group, &"g".repeat(128)).is_some());
    }
}
