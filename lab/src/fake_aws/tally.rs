//! The record of calls: numbers only, so that it stays small however many there are.

use std::{collections::BTreeMap, sync::Mutex};

use crate::rules::locked;

/// What calls are counted by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallKey {
    /// The API action; `AssumeRole (manager)` is told from `AssumeRole` into other roles.
    pub action: String,
    /// The account that the call is about.
    pub account: String,
    /// The error code of the answer; empty for a good answer, `none` for a call that is never answered.
    pub code: String,
}

/// Numbers of calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AwsCalls(BTreeMap<CallKey, u64>);

impl AwsCalls {
    /// How many calls are wanted.
    pub fn that(&self, are_wanted: impl Fn(&CallKey) -> bool) -> u64 {
        self.0.iter().filter(|(key, _)| are_wanted(key)).map(|(_, number)| number).sum()
    }

    /// All calls.
    pub fn all(&self) -> u64 {
        self.0.values().sum()
    }

    /// Calls of one action, whatever the answer.
    pub fn of(&self, action: &str) -> u64 {
        self.that(|key| key.action == action)
    }

    /// Calls that were refused because there were too many.
    pub fn throttled(&self) -> u64 {
        self.that(|key| key.code == "Throttling")
    }

    /// Numbers by action.
    pub fn by_action(&self) -> BTreeMap<String, u64> {
        let mut by_action = BTreeMap::new();
        for (key, number) in &self.0 {
            *by_action.entry(key.action.clone()).or_default() += number;
        }
        by_action
    }
}

/// The record itself.
#[derive(Default)]
pub(super) struct Tally(Mutex<AwsCalls>);

impl Tally {
    pub(super) fn note(&self, key: CallKey) {
        *locked(&self.0).0.entry(key).or_default() += 1;
    }

    pub(super) fn calls(&self) -> AwsCalls {
        locked(&self.0).clone()
    }

    pub(super) fn clear(&self) {
        locked(&self.0).0.clear();
    }
}
