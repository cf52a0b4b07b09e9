//! What this process remembers of each object. Losing it costs reads, never correctness.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use crate::domain::fraction_of;

/// IAM and STS need this long, at most, until a new role or trust is known everywhere (Terraform waits as long).
const PROPAGATION: SignedDuration = SignedDuration::from_mins(2);

/// One object.
#[derive(Clone, Debug, Default)]
pub struct Memo {
    /// When AWS was last compared with the declaration.
    pub looked_at: Option<Timestamp>,
    /// When the source grants were last compared.
    pub grants_looked_at: Option<Timestamp>,
    /// AWS denied something that our picture of the role does not explain: compare again.
    pub look_again: bool,
    /// When the operator last changed the role's trust.
    pub trust_changed_at: Option<Timestamp>,
    /// When the present row of failures began.
    pub failing_since: Option<Timestamp>,
    /// Length of that row.
    pub failures: u32,
    /// When the next reconcile is due.
    pub wake_at: Option<Timestamp>,
    /// Digest of the status that was written last.
    pub shown: Option<String>,
}

impl Memo {
    /// Whether AWS may still be making a change known.
    #[must_use]
    pub fn is_propagating(&self, created_at: Option<Timestamp>, now: Timestamp) -> bool {
        let changed = self.trust_changed_at.max(created_at);
        changed.is_some_and(|at| now.duration_since(at) < PROPAGATION)
    }

    /// Whether the present failures began so lately that a new principal may explain them.
    #[must_use]
    pub fn is_failing_only_lately(&self, now: Timestamp) -> bool {
        self.failing_since.is_none_or(|since| now.duration_since(since) < PROPAGATION)
    }

    /// Counts a failure, or ends the row.
    pub fn note(&mut self, failed: bool, now: Timestamp) {
        if failed {
            self.failing_since.get_or_insert(now);
            self.failures = self.failures.saturating_add(1);
        } else {
            self.failing_since = None;
            self.failures = 0;
        }
    }
}

/// All objects, by UID.
#[derive(Debug)]
pub struct Memory {
    memos: Mutex<HashMap<String, Memo>>,
    started_at: Timestamp,
}

impl Memory {
    /// Remembers nothing yet.
    #[must_use]
    pub fn new(started_at: Timestamp) -> Self {
        Self { memos: Mutex::default(), started_at }
    }

    /// What is remembered of an object.
    #[must_use]
    pub fn of(&self, uid: &str) -> Memo {
        self.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of an object.
    pub fn change(&self, uid: &str, change: impl FnOnce(&mut Memo)) {
        change(self.lock().entry(uid.to_owned()).or_default());
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Forgets all objects but these.
    pub fn retain(&self, alive: &HashSet<String>) {
        self.lock().retain(|uid, _| alive.contains(uid));
    }

    /// Number of objects whose time has come and that nobody has come to yet.
    #[must_use]
    pub fn overdue(&self, now: Timestamp) -> usize {
        self.lock().values().filter(|memo| memo.wake_at.is_some_and(|at| at <= now)).count()
    }

    /// When an object is to be compared with AWS the next time.
    ///
    /// The moments lie on a grid of `interval`, shifted by a hash of the UID. A process that has just started has no
    /// memory, and waits for the next one of them: so a restart causes no storm of reads, and objects are spread.
    #[must_use]
    pub fn next_look(&self, uid: &str, interval: SignedDuration) -> Timestamp {
        next_on_grid(self.of(uid).looked_at.unwrap_or(self.started_at), interval, uid)
    }

    /// The same for its source grants, on the same grid.
    #[must_use]
    pub fn next_look_at_grants(&self, uid: &str, interval: SignedDuration) -> Timestamp {
        next_on_grid(self.of(uid).grants_looked_at.unwrap_or(self.started_at), interval, uid)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Memo>> {
        // A panic while locked leaves the map whole: each change is of one plain value.
        self.memos.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first moment after `last` whose distance from the epoch is a multiple of `interval` plus the UID's own shift.
pub(super) fn next_on_grid(last: Timestamp, interval: SignedDuration, uid: &str) -> Timestamp {
    let step = interval.as_millis().max(1);
    let shift = interval.mul_f64(fraction_of(uid)).as_millis();
    let since = i128::from(last.as_millisecond()) - shift;
    let next = (since.div_euclid(step) + 1) * step + shift;
    i64::try_from(next).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_change_of_trust_is_propagating_for_two_minutes() {
        let memo = Memo { trust_changed_at: Some(at(1000)), ..Memo::default() };
        assert!(memo.is_propagating(None, at(1119)));
        assert!(!memo.is_propagating(None, at(1120)));
        assert!(memo.is_propagating(Some(at(1100)), at(1200)), "a role created later counts as well");
        assert!(!Memo::default().is_propagating(None, at(1)));
    }

    #[test]
    fn a_row_of_failures_ends_with_the_first_success() {
        let mut memo = Memo::default();
        memo.note(true, at(10));
        memo.note(true, at(20));
        assert_eq!((memo.failures, memo.failing_since), (2, Some(at(10))));
        memo.note(false, at(30));
        assert_eq!((memo.failures, memo.failing_since), (0, None));
    }

    proptest! {
        #[test]
        fn looks_are_one_interval_apart_whenever_the_process_started(
            start in 1_700_000_000_i64..1_900_000_000, interval in 60_i64..7200, uid in "[a-f0-9-]{36}",
        ) {
            let interval = SignedDuration::from_secs(interval);
            let first = next_on_grid(at(start), interval, &uid);
            prop_assert!(first > at(start) && first.duration_since(at(start)) <= interval);
            let second = next_on_grid(first, interval, &uid);
            prop_assert_eq!(second.duration_since(first), interval);
            let between = first - SignedDuration::from_millis(1);
            prop_assert_eq!(next_on_grid(between, interval, &uid), first);
        }
    }
}
