//! Which part of the objects a process reconciles.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

/// The most shards there can be.
const MAX: u16 = 256;

/// One of several equal parts of the objects.
///
/// A hash decides, over what no tenant can change: the namespace of a `CrossAccountRole`, and the account id of an
/// `AWSAccount`. So every object is in exactly one shard, whatever its labels are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    index: u16,
    count: u16,
}

impl Shard {
    /// Everything, which is what a process without shards reconciles.
    pub const WHOLE: Self = Self { index: 0, count: 1 };

    /// Shard `index`, counted from 0, of `count`; none if there is no such shard.
    #[must_use]
    pub fn new(index: u16, count: u16) -> Option<Self> {
        (index < count && count <= MAX).then_some(Self { index, count })
    }

    /// Its number, from 0.
    #[must_use]
    pub fn index(self) -> u16 {
        self.index
    }

    /// How many shards there are.
    #[must_use]
    pub fn count(self) -> u16 {
        self.count
    }

    /// Whether the `CrossAccountRole`s of the namespace are in it.
    #[must_use]
    pub fn has_namespace(self, namespace: &str) -> bool {
        self.has("namespace", namespace)
    }

    /// Whether the `AWSAccount`s of this account id are in it.
    #[must_use]
    pub fn has_account(self, account_id: &str) -> bool {
        self.has("account", account_id)
    }

    fn has(self, kind: &str, key: &str) -> bool {
        let digest: [u8; 32] = Sha256::digest(format!("{kind}/{key}")).into();
        let [a, b, c, d, ..] = digest;
        u32::from_be_bytes([a, b, c, d]) % u32::from(self.count) == u32::from(self.index)
    }
}

/// As the flag takes it.
impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
        let parts = text.split_once('/').and_then(|(index, count)| Some((number(index)?, number(count)?)));
        parts.and_then(|(index, count)| Self::new(index, count)).ok_or_else(|| {
            format!(
                "`{text}` is not a shard; write its number, counted from 0, and how many there are, {MAX} at most: 0/2 and \
                 1/2 are the two halves"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_object_is_in_exactly_one_shard(count in 1..=MAX, namespace in "[a-z0-9-]{1,63}", account in "[0-9]{12}") {
            let shards: Vec<Shard> = (0..count).filter_map(|index| Shard::new(index, count)).collect();
            prop_assert_eq!(shards.len(), usize::from(count));
            prop_assert_eq!(shards.iter().filter(|shard| shard.has_namespace(&namespace)).count(), 1);
            prop_assert_eq!(shards.iter().filter(|shard| shard.has_account(&account)).count(), 1);
            prop_assert!(Shard::WHOLE.has_namespace(&namespace) && Shard::WHOLE.has_account(&account));
        }
    }

    #[test]
    fn the_shard_of_an_object_is_the_same_in_every_version() {
        let of = |has: &dyn Fn(Shard) -> bool| (0..16).find(|index| Shard::new(*index, 16).is_some_and(has));
        assert_eq!(of(&|shard| shard.has_namespace("analytics")), Some(6));
        assert_eq!(of(&|shard| shard.has_account("222222222222")), Some(0));
    }

    #[test]
    fn shards_are_of_about_one_size() {
        let shard = Shard::new(3, 8).expect("a shard");
        let namespaces = (0..8_000).filter(|number| shard.has_namespace(&format!("team-{number}"))).count();
        assert!((900..1_100).contains(&namespaces), "{namespaces}");
    }

    #[test]
    fn a_malformed_shard_is_refused_with_what_to_write() {
        for text in ["", "1", "/", "0/", "/2", "2/2", "0/0", "-1/2", "+0/2", "0/257", "1/2/3", "a/b", "0 / 2", "team=a"]
        {
            let message = text.parse::<Shard>().expect_err(text);
            assert!(message.contains("0/2 and 1/2"), "{message}");
        }
        for text in ["0/1", "0/2", "1/2", "255/256"] {
            assert_eq!(text.parse::<Shard>().map(|shard| shard.to_string()), Ok(text.to_owned()));
        }
    }
}
