//! How many objects have a role in each account. Counting goes on with the watch, so that no account looks at all objects.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The counts.
#[derive(Debug, Default)]
pub struct RoleCounts(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Name of the account in which an object has a role, by the UID of the object.
    account_of: HashMap<String, String>,
    roles_in: HashMap<String, u32>,
    listed: HashSet<Option<String>>,
}

impl RoleCounts {
    /// Takes note of the account in which an object has a role, if it has one. Gives the accounts whose counts changed.
    pub fn record(&self, uid: &str, account: Option<&str>) -> Vec<String> {
        self.lock().record(uid, account)
    }

    /// Forgets all objects but these. Gives the accounts whose counts changed.
    pub fn retain(&self, alive: &HashSet<String>) -> Vec<String> {
        let mut counts = self.lock();
        let gone: Vec<String> = counts.account_of.keys().filter(|uid| !alive.contains(*uid)).cloned().collect();
        gone.iter().flat_map(|uid| counts.record(uid, None)).collect()
    }

    /// The objects of one scope (a watched namespace, or all) have been listed.
    pub fn listed(&self, scope: Option<&str>) {
        self.lock().listed.insert(scope.map(str::to_owned));
    }

    /// Number of objects that have a role in an account, once so many scopes have been listed.
    pub fn of(&self, account: &str, scopes: usize) -> Option<u32> {
        let counts = self.lock();
        (counts.listed.len() >= scopes).then(|| counts.roles_in.get(account).copied().unwrap_or_default())
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // A panic while locked leaves at worst one object counted wrongly, until it is watched again.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn record(&mut self, uid: &str, account: Option<&str>) -> Vec<String> {
        let before = self.account_of.get(uid).map(String::as_str);
        if before == account {
            return Vec::new();
        }
        let before = self.account_of.remove(uid);
        if let Some(before) = &before
            && let Some(count) = self.roles_in.get_mut(before)
        {
            *count -= 1;
            if *count == 0 {
                self.roles_in.remove(before);
            }
        }
        if let Some(account) = account {
            self.account_of.insert(uid.to_owned(), account.to_owned());
            *self.roles_in.entry(account.to_owned()).or_default() += 1;
        }
        before.into_iter().chain(account.map(str::to_owned)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_counts_once_and_only_in_the_account_where_its_role_is() {
        let counts = RoleCounts::default();
        assert!(counts.record("one", None).is_empty());
        assert_eq!(counts.record("one", Some("a")), ["a"]);
        assert!(counts.record("one", Some("a")).is_empty());
        assert_eq!(counts.record("two", Some("a")), ["a"]);
        assert_eq!(counts.of("a", 1), None, "not all objects are known yet");
        counts.listed(None);
        let of = |account| counts.of(account, 1);
        assert_eq!((of("a"), of("b")), (Some(2), Some(0)));
        assert_eq!(counts.record("two", Some("b")), ["a", "b"]);
        assert_eq!(counts.record("one", None), ["a"]);
        assert_eq!((of("a"), of("b")), (Some(0), Some(1)));
        assert_eq!(counts.retain(&HashSet::new()), ["b"]);
        assert_eq!(of("b"), Some(0));
    }
}
