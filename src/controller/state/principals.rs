//! Who writes the policy of a principal of source grants: one at a time, for all who ask meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::objects::PROPAGATION;
use super::shared_read::SharedRead;
use crate::decide::grants::Declared;
use crate::decide::grants::policy::Placed;
use crate::domain::{Grantee, GranteeKey};

/// One writer for each principal, and one reading of the objects for all of them. Within this process only: between processes
/// the order of writing and reading is enough.
#[derive(Debug, Default)]
pub struct PrincipalPolicies {
    syncing: Mutex<HashMap<GranteeKey, Arc<SharedRead<SyncedPolicy>>>>,
    /// When a policy was last put, as long as IAM may not show it yet.
    put: Mutex<HashMap<GranteeKey, Timestamp>>,
    /// What all objects declare.
    pub declared: SharedRead<Declared>,
}

impl PrincipalPolicies {
    /// The writer of a principal.
    pub fn of(&self, grantee: &Grantee) -> Arc<SharedRead<SyncedPolicy>> {
        // A panic while locked leaves the map whole: every change is a single insert or remove.
        let mut syncing = self.syncing.lock().unwrap_or_else(PoisonError::into_inner);
        syncing.retain(|_, fresh| Arc::strong_count(fresh) > 1); // nobody has or awaits it
        Arc::clone(syncing.entry(grantee.key()).or_default())
    }

    /// Takes note of a write: whether the policy was put, or deleted.
    pub fn wrote(&self, grantee: &Grantee, put: bool, now: Timestamp) {
        let mut written = self.put.lock().unwrap_or_else(PoisonError::into_inner); // as above
        written.retain(|_, at| now.duration_since(*at) < PROPAGATION);
        if put {
            written.insert(grantee.key(), now);
        } else {
            written.remove(&grantee.key());
        }
    }

    /// Whether the policy of a principal was put so lately that IAM may not show it yet.
    pub fn is_unsettled(&self, grantee: &Grantee, now: Timestamp) -> bool {
        let written = self.put.lock().unwrap_or_else(PoisonError::into_inner); // as above
        written.get(&grantee.key()).is_some_and(|at| now.duration_since(*at) < PROPAGATION)
    }
}

/// What a policy says after it was synced.
#[derive(Debug)]
pub struct SyncedPolicy {
    /// The lines, and how many of them are in place.
    pub placed: Placed,
    /// Whether it was written.
    pub written: bool,
}
