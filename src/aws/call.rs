//! One call: timed, counted, and its error made ours.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use tokio::sync::Notify;

use super::error_codes::failure;
use crate::domain::{AwsFailure, FailureKind};
use crate::host::metrics::{AwsCall, CallOutcome, Metrics};

/// Who calls, for metrics.
#[derive(Clone)]
pub(super) struct CallRecorder {
    pub service: &'static str,
    /// Name of the `AWSAccount` on whose behalf the call is made; empty for the operator's own identity.
    pub account: String,
    pub metrics: Metrics,
    /// Woken when AWS does not accept the caller, where that is the operator's own identity.
    pub refused: Option<Arc<Notify>>,
}

impl CallRecorder {
    /// Awaits one SDK call under the name of its operation. The SDK's futures are large, so they are kept on the heap.
    pub fn call<T, E>(
        &self,
        operation: &'static str,
        sent: impl Future<Output = Result<T, SdkError<E>>> + Send,
    ) -> impl Future<Output = Result<T, AwsFailure>> + Send
    where
        T: Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
    {
        let sent = Box::pin(sent);
        async move {
            let start = Instant::now();
            let result = sent.await.map_err(|error| failure(self.service, operation, &error));
            self.record(operation, &result, start);
            result
        }
    }

    fn record<T>(&self, operation: &'static str, result: &Result<T, AwsFailure>, start: Instant) {
        self.metrics.aws_request(&AwsCall {
            service: self.service,
            operation,
            outcome: result.as_ref().map_or_else(|failure| outcome(failure.kind), |_| CallOutcome::Ok),
            account: &self.account,
            seconds: start.elapsed().as_secs_f64(),
        });
        if let Err(failure) = result {
            if let Some(refused) = self.refused.as_ref().filter(|_| failure.kind.is_of_identity()) {
                refused.notify_one();
            }
            tracing::debug!(operation, account = self.account, %failure, "AWS call failed");
        }
    }
}

fn outcome(kind: FailureKind) -> CallOutcome {
    match kind {
        FailureKind::Throttled => CallOutcome::Throttled,
        FailureKind::Denied => CallOutcome::Denied,
        FailureKind::Unavailable | FailureKind::Busy => CallOutcome::Unavailable,
        _ => CallOutcome::Rejected,
    }
}
