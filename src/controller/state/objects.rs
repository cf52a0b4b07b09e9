//! What this process remembers of each object.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::api::{CrossAccountRole, CrossAccountRoleStatus};
use crate::decide::Refusal;
use crate::decide::credentials::proof::Proof;
use crate::decide::credentials::published::PublishedCredentials;
use crate::decide::role::denial::Denied;
use crate::decide::usage::Work;
use crate::domain::RoleArn;

/// IAM and STS need this long, at most, until a new role or trust is known everywhere (Terraform waits as long).
pub const PROPAGATION: SignedDuration = SignedDuration::from_mins(2);

/// The last successful comparison with AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Hash of what the role was compared with.
    pub with: String,
    /// When, by AWS's clock.
    pub at: Timestamp,
    /// When, by a clock that never goes back: what is known of AWS's may, by a second.
    pub done: Instant,
}

/// What is needed of a role to assume it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRole {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its unique id.
    pub id: String,
}

/// The role as this process last read it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum LastRead {
    /// Not at all.
    #[default]
    Unread,
    /// It may be assumed.
    Usable(KnownRole),
    /// It is absent or somebody else's, and is not assumed, whatever status says of it.
    NotOurs,
}

/// A status that was written, with the version of the object that it made. Resource versions of one kind are ordered
/// (KEP-5504).
#[derive(Clone, Debug)]
pub struct WrittenStatus {
    version: Option<u64>,
    status: Option<CrossAccountRoleStatus>,
}

impl From<CrossAccountRole> for WrittenStatus {
    fn from(written: CrossAccountRole) -> Self {
        Self { version: version(&written), status: written.status }
    }
}

fn version(role: &CrossAccountRole) -> Option<u64> {
    role.metadata.resource_version.as_ref()?.parse().ok()
}

/// How far the cache is trusted to show an object as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cached {
    /// No pass went by it yet.
    #[default]
    Unchecked,
    /// It did at this time.
    CurrentAt(Timestamp),
    /// A pass found that it shows the object as it was.
    Outdated,
}

/// One object.
#[derive(Clone, Debug, Default)]
pub struct ObjectState {
    /// The last successful comparison of the role with AWS.
    pub compared: Option<Compared>,
    /// Whether the cache shows the object as it is.
    pub cache: Cached,
    /// Hash of the guardrails within which this process saw the role.
    pub within: Option<String>,
    /// Which sessions the role was last seen to deny.
    pub denied: Denied,
    /// Denials that somebody else put on the role, as an Event has named them.
    pub kept_denials: Vec<String>,
    /// AWS denied something that our picture of the role does not explain: compare again.
    pub compare_again: bool,
    /// The request to revoke that the role was seen to meet.
    pub revocation_met: Option<Timestamp>,
    /// Whether the object had the finalizer when this process first saw it, so that an earlier process may have made a role that
    /// this one did not delete.
    pub had_finalizer: Option<bool>,
    /// Whether a bulk read showed a role with the tags of the object: that of an earlier object of its name, in a cluster that was
    /// built again.
    pub seen_in_bulk: bool,
    /// When this process last sent `CreateRole` without learning that it failed.
    pub create_sent_at: Option<Timestamp>,
    /// Whether the last try to delete the role failed.
    pub deletion_failed: bool,
    /// When plans of the role began to fail by faults that pass by themselves; none since one did not.
    pub passing_since: Option<Timestamp>,
    /// When the operator last sent a write that may have opened the role, unless it closed the role since.
    pub opened_at: Option<Timestamp>,
    /// When the operator last wrote the role, until it is read again after the propagation time.
    pub written_at: Option<Timestamp>,
    /// When the operator last changed the role's trust.
    pub trust_changed_at: Option<Timestamp>,
    /// Whether the role refuses without the external id.
    pub proof: Proof,
    /// Verified credentials that could not be written to the Secret.
    pub unpublished: Option<Arc<PublishedCredentials>>,
    /// Why access is closed, if it is. No source grant of the object counts then.
    pub closed: Option<Refusal>,
    /// Since when access is to be closed and the role was not seen closed in AWS.
    pub unclosed_since: Option<Timestamp>,
    /// When the source grants were last compared.
    pub grants_looked_at: Option<Timestamp>,
    /// When the source grants of an object whose access is closed were last seen to be gone.
    pub no_grants_at: Option<Timestamp>,
    /// When the present row of failures began.
    pub failing_since: Option<Timestamp>,
    /// Length of that row.
    pub failures: u32,
    /// The status that was last written, until the watch shows it.
    pub written: Option<Arc<WrittenStatus>>,
    /// The role as it was last read.
    pub last_read: LastRead,
    /// The work on a report of the services that the role used.
    pub usage: Option<Work>,
}

impl ObjectState {
    /// Whether AWS may still be making a change known.
    #[must_use]
    pub fn is_propagating(&self, created_at: Option<Timestamp>, now: Timestamp) -> bool {
        let changed = self.trust_changed_at.max(created_at);
        changed.is_some_and(|at| now.duration_since(at) < PROPAGATION)
    }

    /// When the role is to be read again after a write: IAM has acknowledged attachments and lost them (Terraform AWS provider,
    /// issue 7945).
    #[must_use]
    pub fn verify_at(&self) -> Option<Timestamp> {
        let settled = self.compared.is_some() && !self.compare_again; // else it is tried again anyway
        self.written_at.filter(|_| settled).map(|at| at + PROPAGATION)
    }

    /// Whether IAM may still show the role as it was before the operator's last write.
    #[must_use]
    pub fn is_settling(&self, now: Timestamp) -> bool {
        self.written_at.is_some_and(|at| now.duration_since(at) < PROPAGATION)
    }

    /// Whether IAM may still show the role as closed, although the operator opened it.
    #[must_use]
    pub fn may_be_open(&self, now: Timestamp) -> bool {
        self.opened_at.is_some_and(|at| now.duration_since(at) < PROPAGATION)
    }

    /// Whether the present failures began so lately that a new principal may explain them.
    #[must_use]
    pub fn is_failing_only_lately(&self, now: Timestamp) -> bool {
        self.failing_since.is_none_or(|since| now.duration_since(since) < PROPAGATION)
    }

    /// Whether AWS may have a role of the object that it does not show yet: a 404 is final only after the propagation time.
    #[must_use]
    pub fn may_be_unseen(&self, started_at: Timestamp, now: Timestamp) -> bool {
        self.unseen_until(started_at).is_some_and(|end| now < end)
    }

    /// Until when that is so.
    #[must_use]
    pub fn unseen_until(&self, started_at: Timestamp) -> Option<Timestamp> {
        let by_another = (self.had_finalizer == Some(true)).then_some(started_at);
        self.create_sent_at.max(by_another).map(|at| at + PROPAGATION)
    }

    /// The object with the status that this process wrote last, if the watch does not show it yet.
    #[must_use]
    pub fn newer_status(&self, cached: &CrossAccountRole) -> Option<CrossAccountRole> {
        let written = self.written.as_ref().filter(|written| written.version > version(cached))?;
        Some(CrossAccountRole { status: written.status.clone(), ..cached.clone() })
    }

    /// Whether the role was last compared with this.
    #[must_use]
    pub fn is_compared(&self, with: &str) -> bool {
        !self.compare_again && self.compared.as_ref().is_some_and(|last| last.with == with)
    }

    /// Counts a failure, or ends the row.
    pub fn record_result(&mut self, failed: bool, now: Timestamp) {
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
#[derive(Debug, Default)]
pub struct ObjectStates(Mutex<HashMap<String, ObjectState>>);

impl ObjectStates {
    /// What is remembered of an object.
    #[must_use]
    pub fn of(&self, uid: &str) -> ObjectState {
        self.lock().get(uid).cloned().unwrap_or_default()
    }

    /// Changes what is remembered of an object.
    pub fn change(&self, uid: &str, change: impl FnOnce(&mut ObjectState)) {
        change(self.lock().entry(uid.to_owned()).or_default());
    }

    /// The watch shows an object: the status of this or an earlier version need not be remembered.
    pub fn shown(&self, role: &CrossAccountRole) {
        let mut states = self.lock();
        if let Some(state) = role.metadata.uid.as_ref().and_then(|uid| states.get_mut(uid)) {
            state.written = state.written.take().filter(|written| written.version > version(role));
        }
    }

    /// The objects whose access is to be closed and whose role was not seen closed.
    #[must_use]
    pub fn unclosed(&self) -> HashSet<String> {
        self.lock().iter().filter(|(_, state)| state.unclosed_since.is_some()).map(|(uid, _)| uid.clone()).collect()
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, uid: &str) {
        self.lock().remove(uid);
    }

    /// Forgets all objects but these.
    pub fn retain(&self, alive: &HashSet<String>) {
        self.lock().retain(|uid, _| alive.contains(uid));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, ObjectState>> {
        // A panic while locked leaves the map whole: each change is of one plain value.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_change_of_trust_is_propagating_for_two_minutes() {
        let state = ObjectState { trust_changed_at: Some(at(1000)), ..ObjectState::default() };
        assert!(state.is_propagating(None, at(1119)));
        assert!(!state.is_propagating(None, at(1120)));
        assert!(state.is_propagating(Some(at(1100)), at(1200)), "a role created later counts as well");
        assert!(!ObjectState::default().is_propagating(None, at(1)));
    }

    #[test]
    fn a_role_that_is_not_shown_may_still_come_for_two_minutes_after_it_may_have_been_made() {
        let (started, now) = (at(1000), at(1060));
        let unseen = |state: &ObjectState, now| state.may_be_unseen(started, now);
        let mut state = ObjectState { had_finalizer: Some(false), ..ObjectState::default() };
        assert!(!unseen(&state, now), "nobody made one before this process");
        state.had_finalizer = Some(true);
        assert!(unseen(&state, now) && !unseen(&state, at(1120)));
        state.create_sent_at = Some(at(1100));
        assert!(unseen(&state, at(1219)) && !unseen(&state, at(1220)));
    }

    #[test]
    fn a_role_is_unsettled_for_two_minutes_after_a_write_and_read_again_then() {
        let compared = Compared { with: String::new(), at: at(1000), done: Instant::now() };
        let state = ObjectState { written_at: Some(at(1000)), compared: Some(compared), ..ObjectState::default() };
        assert!(state.is_settling(at(1119)) && !state.is_settling(at(1120)));
        assert_eq!((state.verify_at(), ObjectState::default().verify_at()), (Some(at(1120)), None));
        let failed = ObjectState { compared: None, ..state };
        assert_eq!(failed.verify_at(), None, "what failed has a time of its own");
    }

    #[test]
    fn failures_are_counted_until_the_first_success() {
        let mut state = ObjectState::default();
        state.record_result(true, at(10));
        state.record_result(true, at(20));
        assert_eq!((state.failures, state.failing_since), (2, Some(at(10))));
        state.record_result(false, at(30));
        assert_eq!((state.failures, state.failing_since), (0, None));
    }
}
