//! The parts of any ARN.

/// An ARN, taken apart as text (AWS General Reference, "Amazon Resource Names").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arn<'a> {
    /// Partition, such as `aws`.
    pub partition: &'a str,
    /// Service, such as `iam`.
    pub service: &'a str,
    /// Region; empty for IAM.
    pub region: &'a str,
    /// Id of the account, or `aws` for what AWS manages.
    pub account: &'a str,
    /// What follows: type and path, as the service writes them.
    pub resource: &'a str,
}

impl<'a> Arn<'a> {
    /// None for what does not begin with `arn:` and have five more parts.
    #[must_use]
    pub fn split(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts[..] {
            ["arn", partition, service, region, account, resource] => {
                Some(Self { partition, service, region, account, resource })
            }
            _ => None,
        }
    }

    /// The same, if it is an ARN of IAM.
    #[must_use]
    pub fn of_iam(text: &'a str) -> Option<Self> {
        Self::split(text).filter(|arn| arn.service == "iam" && arn.region.is_empty())
    }

    /// The account, if this is the ARN of a whole one.
    #[must_use]
    pub fn root_account(&self) -> Option<&'a str> {
        (self.service == "iam" && self.resource == "root").then_some(self.account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts_and_the_last_may_have_colons() {
        let arn = Arn::split("arn:aws-cn:iam::222222222222:role/a/b:c").expect("an ARN");
        assert_eq!((arn.partition, arn.service, arn.region), ("aws-cn", "iam", ""));
        assert_eq!((arn.account, arn.resource), ("222222222222", "role/a/b:c"));
        for wrong in ["", "*", "222222222222", "arn:aws:iam::222222222222", "urn:aws:iam::222222222222:root"] {
            assert_eq!(Arn::split(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn only_the_root_of_iam_is_a_whole_account() {
        let root = |text| Arn::split(text).and_then(|arn| arn.root_account());
        assert_eq!(root("arn:aws:iam::222222222222:root"), Some("222222222222"));
        assert_eq!(root("arn:aws:sts::222222222222:root"), None);
        assert_eq!(root("arn:aws:iam::222222222222:user/root"), None);
        assert!(Arn::of_iam("arn:aws:sts::222222222222:assumed-role/a/b").is_none());
    }
}
