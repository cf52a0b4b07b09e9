//! One call: timed, counted, traced, and its error made ours.

use std::error::Error;
use std::future::Future;
use std::sync::Arc;
use std::time::Instant;

use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_iam::operation::RequestId;
use tokio::sync::Notify;

use super::error_codes::failure;
use crate::domain::{AccountId, AwsFailure, FailureKind};
use crate::host::metrics::{AwsCall, CallOutcome, Metrics};
use crate::host::traces::Span;

/// Longest request id that is kept. AWS's own are UUIDs, of 36 characters.
const REQUEST_ID_MAX: usize = 64;

/// Who calls, for metrics and traces.
#[derive(Clone)]
pub(super) struct CallRecorder {
    pub service: &'static str,
    /// Name of the `AWSAccount` on whose behalf the call is made; empty for the operator's own identity.
    pub account: String,
    /// Id of that account.
    pub account_id: Option<AccountId>,
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
        T: RequestId + Send,
        E: ProvideErrorMetadata + Error + Send + 'static,
    {
        let sent = Box::pin(sent);
        async move {
            let (start, mut span) = (Instant::now(), self.span(operation));
            let answer = sent.await;
            if let Some(id) = answer.request_id().filter(|id| span.is_recorded() && is_request_id(id)) {
                span.set("aws.request_id", id.to_owned());
            }
            let result = answer.map_err(|error| failure(self.service, operation, &error));
            if let Err(failure) = &result {
                mark_failed(&mut span, failure);
            }
            self.record(operation, &result, start);
            result
        }
    }

    /// OpenTelemetry semantic conventions, "AWS SDK client spans".
    fn span(&self, operation: &'static str) -> Span {
        let service = if self.service == "iam" { "IAM" } else { "STS" };
        let mut span = Span::of_request(|| format!("{service}.{operation}"));
        span.set("rpc.system", "aws-api");
        span.set("rpc.service", service);
        span.set("rpc.method", operation);
        if let Some(id) = self.account_id.as_ref().filter(|_| span.is_recorded()) {
            span.set("cloud.account.id", id.to_string());
        }
        span
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

/// Kind and code tell what failed. The message stays in status and logs, where it was made for people.
fn mark_failed(span: &mut Span, failure: &AwsFailure) {
    span.fail();
    if span.is_recorded() {
        span.set("error.type", failure.code.clone());
        span.set("crossaccount.failure", format!("{:?}", failure.kind));
    }
}

/// A header may hold anything; AWS's request ids are hexadecimal digits with hyphens between them.
fn is_request_id(text: &str) -> bool {
    (1..=REQUEST_ID_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

fn outcome(kind: FailureKind) -> CallOutcome {
    match kind {
        FailureKind::Throttled => CallOutcome::Throttled,
        FailureKind::Denied => CallOutcome::Denied,
        FailureKind::Unavailable | FailureKind::Busy => CallOutcome::Unavailable,
        _ => CallOutcome::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_shape_of_a_request_id_is_one() {
        assert!(is_request_id("0f1e2d3c-7a5b-4c3d-9e8f-0123456789ab"));
        for text in ["", "wJalrXUtnFEMI", "0f1e2d3c 7a5b", &"0".repeat(65)] {
            assert!(!is_request_id(text), "{text}");
        }
    }
}
