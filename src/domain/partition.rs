//! The partitions of AWS.

use serde::Serialize;
use strum::IntoEnumIterator;

/// An AWS partition: accounts, roles and policies of one never reach those of another (AWS Fault Isolation Boundaries,
/// "Partitions"). Names and regions: the SDKs' `partitions.json`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, strum::EnumIter, strum::EnumString, strum::IntoStaticStr,
)]
pub enum Partition {
    /// Commercial regions.
    #[strum(serialize = "aws")]
    Aws,
    /// China.
    #[strum(serialize = "aws-cn")]
    China,
    /// GovCloud (US).
    #[strum(serialize = "aws-us-gov")]
    GovCloud,
    /// ISO.
    #[strum(serialize = "aws-iso")]
    Iso,
    /// ISOB.
    #[strum(serialize = "aws-iso-b")]
    IsoB,
    /// ISOE.
    #[strum(serialize = "aws-iso-e")]
    IsoE,
    /// ISOF.
    #[strum(serialize = "aws-iso-f")]
    IsoF,
    /// European Sovereign Cloud.
    #[strum(serialize = "aws-eusc")]
    EuropeanSovereign,
}

impl Partition {
    /// All partitions, `aws` first.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter()
    }

    /// Reads the second part of an ARN.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    /// As an ARN has it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How the codes of its regions begin. Empty for `aws`, which has all that begin otherwise.
    #[must_use]
    pub const fn region_prefix(self) -> &'static str {
        match self {
            Self::Aws => "",
            Self::China => "cn-",
            Self::GovCloud => "us-gov-",
            Self::Iso => "us-iso-",
            Self::IsoB => "us-isob-",
            Self::IsoE => "eu-isoe-",
            Self::IsoF => "us-isof-",
            Self::EuropeanSovereign => "eusc-",
        }
    }

    /// The partition of a region, by the code of the region.
    #[must_use]
    pub fn of_region(code: &str) -> Self {
        let mut others = Self::all().filter(|partition| *partition != Self::Aws);
        others.find(|partition| code.starts_with(partition.region_prefix())).unwrap_or(Self::Aws)
    }
}

/// What a text that begins like an ARN names as its partition, whether or not there is such a one; none for other texts.
#[must_use]
pub fn partition_of_arn(text: &str) -> Option<&str> {
    text.strip_prefix("arn:")?.split(':').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_names_its_partition() {
        for (code, name) in [
            ("eu-west-1", "aws"),
            ("us-east-1", "aws"),
            ("cn-north-1", "aws-cn"),
            ("us-gov-east-1", "aws-us-gov"),
            ("us-iso-west-1", "aws-iso"),
            ("us-isob-east-1", "aws-iso-b"),
            ("eu-isoe-west-1", "aws-iso-e"),
            ("us-isof-south-1", "aws-iso-f"),
            ("eusc-de-east-1", "aws-eusc"),
        ] {
            assert_eq!(Partition::of_region(code).as_str(), name, "{code}");
        }
    }

    #[test]
    fn a_name_is_read_back_and_another_is_none() {
        for partition in Partition::all() {
            assert_eq!(Partition::parse(partition.as_str()), Some(partition));
        }
        for wrong in ["", "aws-", "AWS", "aws-mars", "Aws", "China"] {
            assert_eq!(Partition::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_begins_like_an_arn_names_a_partition() {
        assert_eq!(partition_of_arn("arn:aws-cn:s3:::bucket"), Some("aws-cn"));
        assert_eq!(partition_of_arn("arn:*:iam::aws:policy/*"), Some("*"));
        for none in ["*", "111111111111", "s3:Get*", "ec2.amazonaws.com"] {
            assert_eq!(partition_of_arn(none), None, "{none}");
        }
    }
}
