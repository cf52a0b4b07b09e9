//! What the last bulk read of each account showed, for the objects to compare themselves with.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::domain::{IamRoleState, RoleName};

/// The bulk reads, by the name of the `AWSAccount`.
#[derive(Debug, Default)]
pub struct BulkReads(Mutex<HashMap<String, BulkRead>>);

#[derive(Debug)]
struct BulkRead {
    begun: Instant,
    /// By name in lower case: IAM compares names without case.
    roles: HashMap<String, IamRoleState>,
}

/// What a bulk read showed of one role.
#[derive(Debug)]
pub enum BulkEntry {
    /// The role.
    Found(Box<IamRoleState>),
    /// Nothing, which proves nothing.
    Missing,
}

impl BulkReads {
    /// Replaces what was known of an account. `begun` is the moment before the first call of the read.
    pub fn put(&self, account: &str, begun: Instant, roles: Vec<IamRoleState>) {
        let named = roles.into_iter().map(|state| (state.role.arn.name.as_str().to_lowercase(), state)).collect();
        self.lock().insert(account.to_owned(), BulkRead { begun, roles: named });
    }

    /// What a read that began after `since` showed of a role. It is given out once, which frees its memory.
    pub fn take(&self, account: &str, role: &RoleName, since: Option<Instant>) -> Option<BulkEntry> {
        let mut reads = self.lock();
        let read = reads.get_mut(account).filter(|read| since.is_none_or(|since| since < read.begun))?;
        let shown = read.roles.remove(&role.as_str().to_lowercase());
        Some(shown.map_or(BulkEntry::Missing, |state| BulkEntry::Found(Box::new(state))))
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::decide::role::fixture;

    #[test]
    fn a_role_is_given_out_once_and_only_to_those_who_looked_before_the_read_began() {
        let (reads, begun) = (BulkReads::default(), Instant::now());
        let name = RoleName::parse("TEAM-reader").expect("a name");
        let take = |since| reads.take("analytics", &name, since);
        assert!(take(None).is_none(), "nothing was read yet");
        reads.put("analytics", begun, vec![fixture::state()]);
        assert!(take(Some(begun + Duration::from_millis(1))).is_none(), "compared since");
        assert!(matches!(take(None), Some(BulkEntry::Found(_))), "in whatever case");
        assert!(matches!(take(None), Some(BulkEntry::Missing)));
        reads.retain(|_| false);
        assert!(take(None).is_none());
    }
}
