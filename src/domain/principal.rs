//! Principals that a trust policy may name beside the operator.

use std::fmt;

use super::arn::{Arn, is_name_byte};
use super::{AccountId, Partition};

/// An account, a user or a role. Everyone (`*`), services and federated identities are never declared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A whole account, by its id.
    Account(AccountId),
    /// An ARN of an account's root, of a user or of a role.
    Arn(String),
}

impl Principal {
    /// Accepts twelve digits, or `arn:<partition>:iam::<account>:` followed by `root`, `user/<name>` or `role/<name>`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(account) = AccountId::parse(text) {
            return Some(Self::Account(account));
        }
        let Arn { partition, account, resource, .. } = Arn::of_iam(text)?;
        Partition::parse(partition)?;
        AccountId::parse(account)?;
        let named =
            |name: &str| !name.is_empty() && text.len() <= 2048 && name.bytes().all(|b| b == b'/' || is_name_byte(b));
        let fine = resource == "root"
            || resource.strip_prefix("user/").is_some_and(named)
            || resource.strip_prefix("role/").is_some_and(named);
        fine.then(|| Self::Arn(text.to_owned()))
    }

    /// Whether a user or role of this ARN is, or belongs to, this principal.
    #[must_use]
    pub fn includes(&self, arn: &str) -> bool {
        let account = Arn::split(arn).map(|arn| arn.account);
        match self {
            Self::Account(own) => account == Some(own.as_str()),
            Self::Arn(own) => {
                let whole = Arn::split(own).and_then(|own| own.root_account());
                own == arn || whole.is_some() && whole == account
            }
        }
    }

    /// As an ARN, for comparing with globs: an account id means the account's root.
    #[must_use]
    pub fn as_arn(&self, partition: Partition) -> String {
        match self {
            Self::Account(account) => format!("arn:{}:iam::{account}:root", partition.as_str()),
            Self::Arn(arn) => arn.clone(),
        }
    }
}

/// Whether it is an id (AROA…, AIDA…), which stands for a principal that was deleted and lets nobody in (IAM user guide, "IAM
/// identifiers").
#[must_use]
pub fn is_unique_id(name: &str) -> bool {
    ["AROA", "AIDA"].iter().any(|prefix| name.starts_with(prefix)) && name.bytes().all(|b| b.is_ascii_alphanumeric())
}

impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => account.fmt(f),
            Self::Arn(arn) => f.write_str(arn),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn accounts_roots_users_and_roles_are_principals_and_everyone_is_not() {
        for fine in ["111111111111", "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/ci/deployer"] {
            assert_eq!(Principal::parse(fine).map(|p| p.to_string()).as_deref(), Some(fine));
        }
        for wrong in [
            "*",
            "arn:aws:iam::*:root",
            "arn:aws:iam::111111111111:role/*",
            "arn:aws:sts::111111111111:assumed-role/a/b",
            "arn:aws:iam::111111111111:group/x",
            "AIDAEXAMPLE",
            "ec2.amazonaws.com",
        ] {
            assert!(Principal::parse(wrong).is_none(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn a_principal_is_written_back_as_it_was_and_never_stands_for_several(
            text in prop_oneof!["[0-9]{11,13}", "arn:aws:iam::([0-9]{12}|\\*):(root|user/|role/)[a-z/*?.]{0,20}", any::<String>()],
        ) {
            if let Some(principal) = Principal::parse(&text) {
                prop_assert_eq!(principal.to_string(), text.clone());
                prop_assert!(!text.contains(['*', '?']), "{text}");
                let arn = principal.as_arn(Partition::Aws);
                prop_assert!(Principal::parse(&arn).is_some_and(|again| again.as_arn(Partition::Aws) == arn), "{arn}");
            }
        }

        #[test]
        fn any_text_may_be_asked_for(text in any::<String>(), arn in any::<String>()) {
            let includes = Principal::parse(&text).is_some_and(|principal| principal.includes(&arn));
            prop_assert!(!includes || arn == text || arn.starts_with("arn:"));
        }
    }
}
