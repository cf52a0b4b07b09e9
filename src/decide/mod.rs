//! Pure decisions: what is declared, what was observed and what time it is go in; what to do comes out.
//!
//! Nothing here is async, reads a clock or knows a client; `tests/architecture.rs` enforces it. In the order in which a
//! reconcile asks: [`admit`] says whether the object may be at all, and [`desired`] parses
//! it once into values that cannot be wrong; [`role_plan`] and [`credentials`] compare with what is there; [`grants`] looks
//! at all objects together; [`failure`] says what a failed call means, and [`explain`] which side of it is wrong;
//! [`rollouts`] and [`consumers`] ask who holds an earlier set; [`status`] sums up.

pub mod account;
pub mod admit;
pub mod allowed;
pub mod conditions;
pub mod consumers;
pub mod credentials;
pub mod desired;
pub mod explain;
pub mod failure;
pub mod grants;
pub mod guardrails;
pub mod new_set;
pub mod planned;
pub mod policies;
pub mod published;
pub mod renewal;
pub mod requests;
pub mod retry;
pub mod revocation;
pub mod role_plan;
pub mod rollouts;
pub mod secret;
pub mod status;
pub mod trust;

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
