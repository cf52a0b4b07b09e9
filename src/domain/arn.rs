//! Names and ARNs of IAM roles and policies.
//!
//! Limits: IAM API reference, `CreateRole` (names, paths) and IAM identifiers (ARN shape).

mod parts;

use std::fmt;

pub use self::parts::Arn;
use super::{AccountId, Partition};

/// What is wrong with an ARN, a role name or a path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArnError {
    /// Not `arn:<partition>:iam::<account>:<kind>/<path and name>`.
    #[error("{0:?} is not an IAM {1} ARN; write arn:aws:iam::<12-digit account>:{1}/<path and name>")]
    Shape(String, &'static str),
    /// Role names have 1 to 64 of `A-Z a-z 0-9 + = , . @ _ -`.
    #[error("{0:?} is not a role name; write 1 to 64 characters of A-Z a-z 0-9 + = , . @ _ -")]
    Name(String),
    /// Paths begin and end with a slash.
    #[error("{0:?} is not a role path; write / or /<segments>/, at most 512 characters")]
    Path(String),
}

/// `[\w+=,.@-]`, the alphabet of IAM names.
pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)
}

/// The name of a role, 1 to 64 characters. IAM keeps the case but compares without it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleName(String);

impl RoleName {
    /// Longest role name (IAM API reference, `CreateRole`).
    pub const MAX: usize = 64;

    /// Accepts IAM's alphabet and length.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let ok = (1..=Self::MAX).contains(&text.len()) && text.bytes().all(is_name_byte);
        ok.then(|| Self(text.to_owned())).ok_or_else(|| ArnError::Name(text.to_owned()))
    }

    /// The name as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether IAM takes both for one name: it compares without case.
    #[must_use]
    pub fn is_same_as(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The path of a role: `/`, or segments between slashes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RolePath(String);

impl RolePath {
    /// Accepts a leading and a trailing slash around printable ASCII, 1 to 512 characters.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let ok = text.len() <= 512
            && text.starts_with('/')
            && text.ends_with('/')
            && !text.contains("//")
            && text.bytes().all(|b| (0x21..=0x7e).contains(&b));
        ok.then(|| Self(text.to_owned())).ok_or_else(|| ArnError::Path(text.to_owned()))
    }

    /// With both slashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The ARN of a role, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RoleArn {
    /// Partition of the account.
    pub partition: Partition,
    /// Account that owns the role.
    pub account: AccountId,
    /// Path, `/` if none.
    pub path: RolePath,
    /// Name.
    pub name: RoleName,
}

impl RoleArn {
    /// Reads `arn:<partition>:iam::<account>:role<path><name>`.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let shape = || ArnError::Shape(text.to_owned(), "role");
        let arn = Arn::of_iam(text).ok_or_else(shape)?;
        let partition = Partition::parse(arn.partition).ok_or_else(shape)?;
        let account = AccountId::parse(arn.account).ok_or_else(shape)?;
        let full = arn.resource.strip_prefix("role/").ok_or_else(shape)?;
        let (path, name) = match full.rsplit_once('/') {
            Some((path, name)) => (format!("/{path}/"), name),
            None => ("/".to_owned(), full),
        };
        Ok(Self { partition, account, path: RolePath::parse(&path)?, name: RoleName::parse(name)? })
    }
}

impl fmt::Display for RoleArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { partition, account, path, name } = self;
        write!(f, "arn:{}:iam::{account}:role{}{name}", partition.as_str(), path.as_str())
    }
}

/// The ARN of a managed policy: of an account, or of AWS itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PolicyArn(String);

impl PolicyArn {
    /// Reads `arn:<partition>:iam::<account or aws>:policy/<path and name>`.
    pub fn parse(text: &str) -> Result<Self, ArnError> {
        let shape = || ArnError::Shape(text.to_owned(), "policy");
        let arn = Arn::of_iam(text).filter(|arn| Partition::parse(arn.partition).is_some()).ok_or_else(shape)?;
        let name = arn.resource.strip_prefix("policy/").ok_or_else(shape)?;
        let account_ok = arn.account == "aws" || AccountId::parse(arn.account).is_some();
        let name_ok = !name.is_empty() && name.bytes().all(|b| b == b'/' || is_name_byte(b)) && text.len() <= 2048;
        (account_ok && name_ok).then(|| Self(text.to_owned())).ok_or_else(shape)
    }

    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is a managed policy of AWS that only denies. An incident responder attaches them, and AWS itself does to
    /// leaked keys (AWS managed policy reference, `AWSDenyAll`, `AWSCompromisedKeyQuarantineV3`).
    #[must_use]
    pub fn only_denies(&self) -> bool {
        let name = self.0.rsplit('/').next().unwrap_or_default();
        self.0.contains(":iam::aws:") && (name == "AWSDenyAll" || name.starts_with("AWSCompromisedKeyQuarantine"))
    }
}

impl fmt::Display for PolicyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_role_arn_is_read_and_written_back_unchanged() {
        for arn in [
            "arn:aws:iam::222222222222:role/reader",
            "arn:aws:iam::222222222222:role/crossaccount/reader",
            "arn:aws-us-gov:iam::222222222222:role/a/b/c@d",
        ] {
            assert_eq!(RoleArn::parse(arn).map(|a| a.to_string()), Ok(arn.to_owned()));
        }
    }

    #[test]
    fn text_that_is_not_a_role_arn_is_refused() {
        for wrong in [
            "",
            "arn:aws:iam::222222222222:user/reader",
            "arn:aws:sts::222222222222:assumed-role/reader/s",
            "arn:aws:iam::2222:role/reader",
            "arn:aws-mars:iam::222222222222:role/reader",
            "arn:aws:iam::222222222222:role/",
            "arn:aws:iam::222222222222:role//reader",
            "arn:aws:iam::222222222222:role/rea der",
        ] {
            assert!(RoleArn::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn policies_belong_to_an_account_or_to_aws() {
        assert!(PolicyArn::parse("arn:aws:iam::aws:policy/service-role/AWSLambdaRole").is_ok());
        assert!(PolicyArn::parse("arn:aws:iam::222222222222:policy/mine").is_ok());
        assert!(PolicyArn::parse("arn:aws:iam::aws:policy/").is_err());
        assert!(PolicyArn::parse("arn:aws:iam::222222222222:role/mine").is_err());
    }

    proptest! {
        #[test]
        fn what_is_read_as_an_arn_or_a_name_is_written_back_as_it_was(
            text in prop_oneof!["arn:aws(-cn)?:iam::([0-9]{12}|aws):(role|policy)/[a-zA-Z0-9/+=,.@_ -]{0,30}", any::<String>()],
        ) {
            if let Ok(arn) = RoleArn::parse(&text) {
                prop_assert_eq!(arn.to_string(), text.clone());
            }
            if let Ok(arn) = PolicyArn::parse(&text) {
                prop_assert_eq!(arn.to_string(), text.clone());
            }
            if let (Ok(name), Ok(path)) = (RoleName::parse(&text), RolePath::parse(&text)) {
                prop_assert!(false, "{name} is a name, and {path:?} a path");
            }
        }
    }
}
