//! The sequence: observe, decide, apply, publish. What is decided is decided in [`crate::decide`]; what is done is done by
//! [`crate::aws`] and [`crate::cluster`].

mod account;
mod account_end;
mod apply;
mod claims;
mod consumers;
mod context;
mod credentials_lane;
mod delete;
mod expiry;
mod grants;
mod identity;
mod issue;
mod memory;
mod observe;
mod publish;
mod reconcile;
mod role_end;
mod role_lane;
mod run;
mod standing;
mod triggers;
mod watches;
mod withdraw;

pub use run::{StartError, run};

/// Why a reconcile broke off. What AWS answers is no error: it ends up in the status.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The API server could not be reached, or refused.
    #[error("Kubernetes: {0}")]
    Kubernetes(#[from] kube::Error),
    /// An object without namespace or UID; the API server stores none.
    #[error("the object has no namespace or no UID")]
    NotStored,
    /// The cache was behind: the object was changed or deleted meanwhile. Nothing was written.
    #[error("the object changed meanwhile; looking again")]
    Stale,
    /// Somebody else wrote the Secret meanwhile.
    #[error("the Secret changed meanwhile; looking again")]
    Overtaken,
    /// The reconcile took too long.
    #[error("the reconcile did not end within {0} s")]
    Timeout(u64),
}
