//! The only place that spells AWS's error codes.
//!
//! Sources: IAM API reference and STS API reference, "Errors" of each operation and "Common errors".

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

use crate::domain::{AwsFailure, FailureKind};

/// Longest message that is kept. AWS's own are shorter; the rest could only be noise.
const MESSAGE_MAX: usize = 600;

/// Turns an SDK error into ours, leaving raw bodies and headers behind: they may echo credentials.
pub(super) fn failure<E>(service: &'static str, operation: &'static str, error: &SdkError<E>) -> AwsFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, code, message) = match error {
        SdkError::ServiceError(answer) => {
            let code = answer.err().code().unwrap_or("no code").to_owned();
            let message = answer.err().message().unwrap_or("AWS gave no message").to_owned();
            (kind_of(&code, &message), code, message)
        }
        SdkError::TimeoutError(_) => unavailable("timeout", "AWS did not answer in time"),
        other if caused_by_credentials(other) => {
            (FailureKind::NoCredentials, "no credentials".to_owned(), NO_CREDENTIALS.to_owned())
        }
        SdkError::DispatchFailure(cause) if cause.is_timeout() => unavailable("timeout", "no connection in time"),
        SdkError::DispatchFailure(_) => unavailable("unreachable", "the endpoint could not be reached"),
        SdkError::ResponseError(_) => unavailable("bad answer", "the answer could not be read"),
        _ => (FailureKind::InvalidInput, "not sent".to_owned(), "the request could not be built".to_owned()),
    };
    let message = message.trim_end_matches('.').chars().take(MESSAGE_MAX).collect(); // ours goes on after it
    AwsFailure { service, operation, kind, code, message }
}

/// The SDK reports missing credentials as a failed dispatch; only the cause tells it from a network failure.
fn caused_by_credentials<E: Error + 'static>(error: &SdkError<E>) -> bool {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes.into_iter().any(<dyn Error>::is::<CredentialsError>)
}

const NO_CREDENTIALS: &str = "the operator has no usable AWS credentials of its own; give it an IRSA role, Pod Identity, \
                              environment variables or a profile (the AWS SDK's default chain)";

fn unavailable(code: &str, message: &str) -> (FailureKind, String, String) {
    (FailureKind::Unavailable, code.to_owned(), message.to_owned())
}

fn kind_of(code: &str, message: &str) -> FailureKind {
    use FailureKind as Kind;
    match code {
        "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "RequestLimitExceeded"
        | "TooManyRequestsException"
        | "SlowDown" => Kind::Throttled,
        "ServiceFailure"
        | "ServiceUnavailable"
        | "InternalFailure"
        | "InternalError"
        | "RequestTimeout"
        | "RequestTimeoutException" => Kind::Unavailable,
        "AccessDenied" | "AccessDeniedException" => Kind::Denied,
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" if message.contains("Invalid principal") => {
            Kind::InvalidPrincipal
        }
        "MalformedPolicyDocument" | "MalformedPolicyDocumentException" => Kind::MalformedPolicy,
        "ValidationError" if message.contains("role chaining") => Kind::ChainingLimit,
        "ValidationError" if message.contains("MaxSessionDuration") => Kind::DurationExceedsRole,
        "ValidationError" | "InvalidInput" | "InvalidParameterValue" => Kind::InvalidInput,
        "PolicyNotAttachable" => Kind::NotAttachable,
        "PackedPolicyTooLarge" | "PackedPolicyTooLargeException" => Kind::PackedPolicyTooLarge,
        "LimitExceeded" | "LimitExceededException" => Kind::LimitExceeded,
        "EntityAlreadyExists" => Kind::AlreadyExists,
        "ConcurrentModification" | "EntityTemporarilyUnmodifiable" => Kind::Busy,
        "NoSuchEntity" => Kind::NotFound,
        "DeleteConflict" => Kind::DeleteConflict,
        "UnmodifiableEntity" => Kind::Unmodifiable,
        "ExpiredToken" | "ExpiredTokenException" => Kind::Expired,
        "InvalidClientTokenId" | "UnrecognizedClientException" => Kind::UnknownKey,
        "SignatureDoesNotMatch" | "IncompleteSignature" => Kind::BadSignature,
        "MissingAuthenticationToken" => Kind::NoCredentials,
        "RegionDisabledException" => Kind::RegionDisabled,
        _ => Kind::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aws_says_several_things_with_one_code_and_the_message_tells_which() {
        use FailureKind as Kind;
        for (code, message, kind) in [
            ("MalformedPolicyDocument", "Invalid principal in policy: \"AWS\":\"arn:x\"", Kind::InvalidPrincipal),
            ("MalformedPolicyDocument", "Syntax errors in policy.", Kind::MalformedPolicy),
            (
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
                Kind::ChainingLimit,
            ),
            (
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
                Kind::DurationExceedsRole,
            ),
            ("ValidationError", "1 validation error detected", Kind::InvalidInput),
            ("NeverSeen", "", Kind::Unknown),
        ] {
            assert_eq!(kind_of(code, message), kind, "{code}: {message}");
        }
    }
}
