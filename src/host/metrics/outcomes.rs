//! What is counted: how reconciles and calls to AWS ended.

use std::fmt;

use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use strum::{EnumIter, EnumMessage, IntoStaticStr};

/// How a reconcile ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, IntoStaticStr, EnumIter, EnumMessage)]
#[strum(serialize_all = "snake_case")]
pub enum ReconcileResult {
    /// The object is as declared; nothing to do until the next renewal.
    Settled,
    /// On the way: it will be tried again without anybody's help.
    Progressing,
    /// Nothing will change without someone.
    Stalled,
    /// The reconcile itself broke off, for example because the status could not be written.
    Failed,
}

/// How a call to AWS ended, after the retries of the SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, IntoStaticStr, EnumIter, EnumMessage)]
#[strum(serialize_all = "snake_case")]
pub enum CallOutcome {
    /// AWS did what was asked.
    Ok,
    /// Too many calls: `Throttling` and its kin.
    Throttled,
    /// Not permitted: `AccessDenied` and its kin.
    Denied,
    /// Any other answer that refuses the request, such as `NoSuchEntity` or `ValidationError`.
    Rejected,
    /// No usable answer: the service failed, could not be reached or took too long.
    Unavailable,
}

/// One finished call to AWS.
#[derive(Debug, Clone, Copy)]
pub struct AwsCall<'a> {
    /// The service, as in its endpoint: `iam` or `sts`.
    pub service: &'static str,
    /// The operation, as in the API reference: `AssumeRole`.
    pub operation: &'static str,
    /// How it ended.
    pub outcome: CallOutcome,
    /// Name of the `AWSAccount` on whose behalf the call was made; empty for the operator's own identity.
    pub account: &'a str,
    /// How long it took with all retries, in seconds.
    pub seconds: f64,
}

impl EncodeLabelValue for ReconcileResult {
    fn encode(&self, encoder: &mut LabelValueEncoder) -> fmt::Result {
        <&str>::from(self).encode(encoder)
    }
}
