//! Who writes the policy of a principal of source grants: one at a time, for all who ask meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::fresh::Fresh;
use crate::decide::grants::{Declared, Line};
use crate::domain::{Grantee, GranteeKey};

/// One writer for each principal, and one reading of the objects for all of them. Within this process only: between processes
/// the order of writing and reading is enough.
#[derive(Debug, Default)]
pub struct Principals {
    settling: Mutex<HashMap<GranteeKey, Arc<Fresh<Settled>>>>,
    /// What all objects declare.
    pub declared: Fresh<Declared>,
}

impl Principals {
    /// The writer of a principal.
    pub fn of(&self, grantee: &Grantee) -> Arc<Fresh<Settled>> {
        // A panic while locked leaves the map whole: every change is a single insert or remove.
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        settling.retain(|_, fresh| Arc::strong_count(fresh) > 1); // nobody has or awaits it
        Arc::clone(settling.entry(grantee.key()).or_default())
    }
}

/// What a policy says after it was settled.
#[derive(Debug)]
pub struct Settled {
    /// All lines, in the order in which they have a place.
    pub lines: Vec<Line>,
    /// How many of them, from the first on, are in place.
    pub fitting: usize,
    /// Whether it was written.
    pub written: bool,
}
