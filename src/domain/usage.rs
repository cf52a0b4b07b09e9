//! Which services a role used, as IAM reports it.

use jiff::Timestamp;

/// One service that the policies of a role allow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsedService {
    /// Namespace of the service, as in actions: `s3`.
    pub service: String,
    /// When the role last called it; none if it did not in the time that IAM keeps.
    pub last_used: Option<Timestamp>,
}

/// How far IAM is with a report on last accessed services.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UsageReport {
    /// IAM still works on it.
    Running,
    /// It is complete.
    Completed {
        /// Since when.
        at: Timestamp,
        /// The services, each once.
        services: Vec<UsedService>,
    },
    /// IAM could not make it, for this reason.
    Failed(String),
}
