//! Rules of a proxy: which requests they are about, what happens to those, and how often.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The rules of one proxy, in the order they were made: patterns `P` and faults `F`.
#[derive(Debug)]
pub(crate) struct Rules<P, F>(Mutex<Vec<Rule<P, F>>>);

#[derive(Debug)]
struct Rule<P, F> {
    pattern: P,
    fault: F,
    uses: Arc<Mutex<Uses>>,
}

#[derive(Debug)]
struct Uses {
    /// Requests it still applies to; `None` is all of them.
    left: Option<u64>,
    hits: u64,
}

impl<P, F> Default for Rules<P, F> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<P, F: Clone> Rules<P, F> {
    /// Puts a rule in force, for the next `times` requests or for all.
    pub(crate) fn add(&self, pattern: P, fault: F, times: Option<u64>) -> Injected {
        let uses = Arc::new(Mutex::new(Uses { left: times, hits: 0 }));
        locked(&self.0).push(Rule { pattern, fault, uses: uses.clone() });
        Injected(uses)
    }

    /// The faults that befall a request: all that let it pass, up to and including the first that does not. Each counts
    /// as a use.
    pub(crate) fn befalling(&self, matches: impl Fn(&P) -> bool, passes: impl Fn(&F) -> bool) -> Vec<F> {
        let mut faults = Vec::new();
        for rule in locked(&self.0).iter().filter(|rule| matches(&rule.pattern)) {
            let mut uses = locked(&rule.uses);
            if uses.left == Some(0) {
                continue;
            }
            uses.left = uses.left.map(|left| left - 1);
            uses.hits += 1;
            faults.push(rule.fault.clone());
            if !passes(&rule.fault) {
                break;
            }
        }
        faults
    }

    pub(crate) fn clear(&self) {
        locked(&self.0).clear();
    }
}

/// A rule in force. It stays in force when this handle is dropped.
#[derive(Debug)]
pub struct Injected(Arc<Mutex<Uses>>);

impl Injected {
    /// Ends the rule: the next request is spared.
    pub fn release(&self) {
        locked(&self.0).left = Some(0);
    }

    /// How many requests it befell.
    pub fn hits(&self) -> u64 {
        locked(&self.0).hits
    }
}

/// Locks even after another test panicked while it held the lock: what is guarded here is never half-written.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
