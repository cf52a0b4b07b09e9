//! Pure decisions: what is declared, what was observed and what time it is go in; what to do comes out.
//!
//! Nothing here is async, reads a clock or knows a client; `tests/architecture.rs` enforces it. In the order in which a
//! reconcile asks: [`target`] says what is to become of an object's access, from Kubernetes alone; [`role`] plans the writes
//! that lead there, [`guardrails`] judges declaration and role; [`credentials`] and [`grants`] do the same for their part;
//! [`failure`] says what a failed call means, and [`explain`] which side of it is wrong; [`workloads`] asks who holds an
//! earlier set; [`usage`] says when IAM is asked which services a role used; [`status`] sums up. [`urgency`] orders the objects of an
//! account. [`bootstrap`] says what an account needs before all that, and [`import`] how a role that exists is declared.

pub mod account;
pub mod bootstrap;
pub mod credentials;
pub mod event;
pub mod explain;
pub mod failure;
pub mod grants;
pub mod guardrails;
pub mod import;
pub mod names;
pub mod role;
pub mod status;
pub mod target;
pub mod urgency;
pub mod usage;
pub mod workloads;

use crate::api::Reason;

/// A "no" of ours, before AWS is asked: why, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Word of the vocabulary.
    pub reason: Reason,
    /// One sentence for people, naming the field.
    pub message: String,
}

impl Refusal {
    /// A refusal for this reason.
    #[must_use]
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
