//! What the last bulk read of each account showed, for the objects to compare themselves with.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::domain::{IamRoleState, RoleName};

/// The bulk reads, by the name of the `AWSAccount`.
#[derive(Debug, Default)]
pub struct BulkReads(Mutex<HashMap<String, BulkRead>>);

#[derive(Debug)]
struct BulkRead {
    begun_at: Timestamp,
    /// By name in lower case: IAM compares names without case.
    roles: HashMap<String, IamRoleState>,
}

/// What a bulk read showed of one role.
#[derive(Debug)]
pub enum Glimpse {
    /// The role.
    Shown(Box<IamRoleState>),
    /// Nothing, which proves nothing.
    NotShown,
}

impl BulkReads {
    /// Replaces what was known of an account.
    pub fn put(&self, account: &str, begun_at: Timestamp, roles: Vec<IamRoleState>) {
        let named = roles.into_iter().map(|state| (state.role.arn.name.as_str().to_lowercase(), state)).collect();
        self.lock().insert(account.to_owned(), BulkRead { begun_at, roles: named });
    }

    /// What a read that began after `since` showed of a role. It is given out once, which frees its memory.
    pub fn take(&self, account: &str, role: &RoleName, since: Option<Timestamp>) -> Option<Glimpse> {
        let mut reads = self.lock();
        let read = reads.get_mut(account).filter(|read| since.is_none_or(|since| since < read.begun_at))?;
        let shown = read.roles.remove(&role.as_str().to_lowercase());
        Some(shown.map_or(Glimpse::NotShown, |state| Glimpse::Shown(Box::new(state))))
    }

    /// Forgets all accounts but these.
    pub fn retain(&self, accounts: impl Fn(&str) -> bool) {
        self.lock().retain(|account, _| accounts(account));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, BulkRead>> {
        // A panic while locked leaves the map whole: each change is one insertion or removal.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
