//! AWS accounts, partitions and regions.

use std::fmt;

use serde::Serialize;

/// A twelve-digit AWS account id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct AccountId(String);

impl AccountId {
    /// Accepts exactly twelve ASCII digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())).then(|| Self(text.to_owned()))
    }

    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An AWS partition: accounts of one never reach roles of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Partition {
    /// Commercial regions, `aws`.
    Aws,
    /// China, `aws-cn`.
    China,
    /// GovCloud (US), `aws-us-gov`.
    GovCloud,
}

impl Partition {
    /// Reads the second part of an ARN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "aws" => Some(Self::Aws),
            "aws-cn" => Some(Self::China),
            "aws-us-gov" => Some(Self::GovCloud),
            _ => None,
        }
    }

    /// As it stands in an ARN.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::GovCloud => "aws-us-gov",
        }
    }
}

/// A region code such as `eu-west-1`. It selects the STS endpoint and is written into the files that pods mount, so
/// only lower-case letters, digits and hyphens are let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Region(String);

impl Region {
    /// Accepts the shape of a region code; whether AWS has that region shows at the first call.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let words_ok = parts.len() >= 3
            && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        let number_ok = parts.last().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        (words_ok && number_ok && text.len() <= 32).then(|| Self(text.to_owned()))
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition the region belongs to, told by its prefix (AWS general reference, service endpoints).
    #[must_use]
    pub fn partition(&self) -> Partition {
        match self.0.as_str() {
            r if r.starts_with("cn-") => Partition::China,
            r if r.starts_with("us-gov-") => Partition::GovCloud,
            _ => Partition::Aws,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_is_twelve_digits_and_nothing_else() {
        assert!(AccountId::parse("222222222222").is_some());
        for wrong in ["", "22222222222", "2222222222222", "22222222222a", "２22222222222"] {
            assert!(AccountId::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_region_names_its_partition() {
        for (code, partition) in
            [("eu-west-1", Partition::Aws), ("cn-north-1", Partition::China), ("us-gov-east-1", Partition::GovCloud)]
        {
            assert_eq!(Region::parse(code).map(|r| r.partition()), Some(partition));
        }
    }

    #[test]
    fn a_region_cannot_carry_another_line_into_a_file() {
        for wrong in ["eu-west-1\ncredential_process = x", "eu-west-1]", "EU-west-1", "eu", "eu--1", "eu-west-1 "] {
            assert!(Region::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
