//! The sequence: read, decide, apply, publish. Decisions are in [`crate::decide`]; effects are in [`crate::aws`] and
//! [`crate::cluster`].
//!
//! [`run`] wires the two controllers, [`role`] and [`account`]; [`manager`] is the only way to call IAM; [`state`] is what
//! the process remembers.

mod account;
mod context;
mod identity;
mod manager;
mod role;
mod run;
mod state;
mod triggers;
mod watches;

pub mod settings;

pub use run::{StartError, run};

/// What the API server answered, or why it did not.
fn answer_of(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

/// Why a reconcile was interrupted. An answer of AWS is never one of these: it is reported in the status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server could not be reached, or refused.
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] kube::Error),
    /// An object without namespace or UID; the API server stores none.
    #[error("the object has no namespace or no UID")]
    NotStored,
    /// The cache was behind: the object was changed or deleted meanwhile. Nothing was written.
    #[error("the object changed in the meantime; retrying")]
    Stale,
    /// Somebody else wrote the Secret meanwhile.
    #[error("the Secret changed in the meantime; retrying")]
    Overtaken,
    /// The reconcile took too long.
    #[error("the reconcile did not end within {0} s")]
    Timeout(u64),
}
