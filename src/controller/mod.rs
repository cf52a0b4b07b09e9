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
mod samples;
mod state;
mod triggers;
mod watches;

pub mod settings;

pub use run::{StartError, run};

use crate::api::{Outlook, Reason};
use crate::decide::failure::{Retry, Verdict};
use crate::host::metrics::ReconcileResult;

/// How a reconcile ended that reports this problem, or none.
fn ended_with(problem: Option<&Verdict>) -> ReconcileResult {
    match problem.map(|verdict| verdict.reason.outlook()) {
        None => ReconcileResult::Settled,
        Some(Outlook::NeedsSomeone | Outlook::Lost) => ReconcileResult::Stalled,
        Some(Outlook::OnTheWay | Outlook::Works) => ReconcileResult::Progressing,
    }
}

/// What the API server answered, or why it did not.
fn answer_of(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(status) => status.message.clone(),
        other => other.to_string(),
    }
}

impl Error {
    /// Whether the API server answered that it does not do what was asked. That somebody else was there first is no such answer.
    fn is_answer(&self) -> bool {
        matches!(self, Self::Kubernetes(kube::Error::Api(status)) if !status.is_conflict() && !status.is_not_found())
    }

    /// What status says of an answer of the API server. It is asked again within seconds.
    fn refused(&self, what: &str) -> Verdict {
        let (answer, passes) = match self {
            Self::Kubernetes(error) => {
                (answer_of(error), matches!(error, kube::Error::Api(status) if status.code > 422))
            }
            other => (other.to_string(), true),
        };
        let reason = if passes { Reason::Progressing } else { Reason::KubernetesDenied };
        Verdict { reason, message: format!("{what}: {answer}"), retry: Retry::Steadily }
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

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    #[test]
    fn an_answer_of_the_api_server_is_reported_and_that_somebody_else_was_first_is_not() {
        let of = |code: u16, reason: &str| {
            Error::Kubernetes(kube::Error::Api(Box::new(Status::failure("its words", reason).with_code(code))))
        };
        for (code, reason, reported) in [
            (403, "Forbidden", Some(Reason::KubernetesDenied)),
            (422, "Invalid", Some(Reason::KubernetesDenied)),
            (429, "TooManyRequests", Some(Reason::Progressing)),
            (500, "InternalError", Some(Reason::Progressing)),
            (404, "NotFound", None),
            (409, "Conflict", None),
        ] {
            let error = of(code, reason);
            assert_eq!(error.is_answer(), reported.is_some(), "{code}");
            let verdict = error.refused("what");
            assert!(reported.is_none_or(|reason| verdict.reason == reason), "{code}: {verdict:?}");
            assert_eq!(verdict.message, "what: its words");
        }
        assert!(!Error::Stale.is_answer());
    }
}
