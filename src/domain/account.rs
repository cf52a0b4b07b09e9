//! AWS accounts and regions.

use std::fmt;

use serde::Serialize;

use super::Partition;

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

/// A region code such as `eu-west-1`. It selects the STS endpoint and is written into the files that pods mount, so
/// only lower-case letters, digits and hyphens are let in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Region(String);

impl Region {
    /// Accepts the shape of a region code; whether AWS has that region shows at the first call. A region of a partition that
    /// is not known here is refused: the SDK would send its calls to the endpoints of `aws`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split('-').collect();
        let words_ok = parts.len() >= 3
            && parts.iter().all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        let number_ok = parts.last().is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
        let region = (words_ok && number_ok && text.len() <= 32).then(|| Self(text.to_owned()))?;
        (region.partition() != Partition::Aws || parts.len() == 3).then_some(region)
    }

    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that the region belongs to.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::of_region(&self.0)
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
    fn a_region_of_an_unknown_partition_is_none() {
        for known in ["eu-west-1", "us-gov-east-1", "us-isob-west-1", "eusc-de-east-1"] {
            assert!(Region::parse(known).is_some(), "{known}");
        }
        for unknown in ["us-isox-east-1", "eu-south-west-1", "aws-global"] {
            assert!(Region::parse(unknown).is_none(), "{unknown}");
        }
    }

    #[test]
    fn a_region_cannot_carry_another_line_into_a_file() {
        for wrong in ["eu-west-1\ncredential_process = x", "eu-west-1]", "EU-west-1", "eu", "eu--1", "eu-west-1 "] {
            assert!(Region::parse(wrong).is_none(), "{wrong:?}");
        }
    }
}
