//! What this process remembers of each account.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::domain::RoleArn;

/// When an account was last read in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastBulkRead {
    /// When it began.
    pub at: Timestamp,
    /// Whether the manager may do it.
    pub worked: bool,
}

/// One account.
#[derive(Clone, Debug, Default)]
pub struct AccountState {
    /// When the way into the account was last checked.
    pub checked_at: Option<Timestamp>,
    /// A role could not be reached through it: check again.
    pub check_again: bool,
    /// The last bulk read.
    pub bulk_read: Option<LastBulkRead>,
    /// The roles by which the operator enters it.
    pub manager_roles: Vec<RoleArn>,
    /// When the status was last written.
    pub status_written: Option<Timestamp>,
    /// Number of orphans that the last bulk read found.
    pub orphans: Option<u32>,
    /// Number of checks that failed one after another.
    pub failures: u32,
}

impl AccountState {
    /// Takes note of a check.
    pub fn record_check(&mut self, failed: bool, now: Timestamp) {
        self.checked_at = Some(now);
        self.check_again = false;
        self.failures = if failed { self.failures.saturating_add(1) } else { 0 };
    }
}

/// All accounts, by the name of their object.
#[derive(Debug, Default)]
pub struct AccountStates(Mutex<HashMap<String, AccountState>>);

impl AccountStates {
    /// What is remembered of an account.
    pub fn of(&self, name: &str) -> AccountState {
        self.lock().get(name).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of an account.
    pub fn change(&self, name: &str, change: impl FnOnce(&mut AccountState)) {
        change(self.lock().entry(name.to_owned()).or_default());
    }

    /// The names of all accounts that were seen.
    pub fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    /// The roles by which the operator enters the accounts.
    pub fn manager_roles(&self) -> Vec<RoleArn> {
        self.lock().values().flat_map(|state| state.manager_roles.clone()).collect()
    }

    /// Forgets all accounts but these.
    pub fn retain(&self, alive: &HashSet<String>) {
        self.lock().retain(|name, _| alive.contains(name));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, AccountState>> {
        // A panic while locked leaves the map whole: each change is of one plain value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_checks_are_counted_until_one_succeeds() {
        let (states, now) = (AccountStates::default(), Timestamp::UNIX_EPOCH);
        states.change("ci", |state| state.check_again = true);
        for (failed, failures) in [(true, 1), (true, 2), (false, 0)] {
            states.change("ci", |state| state.record_check(failed, now));
            assert_eq!((states.of("ci").failures, states.of("ci").check_again), (failures, false));
        }
        states.retain(&HashSet::new());
        assert_eq!(states.of("ci").checked_at, None);
    }
}
