//! The only place that spells AWS's error codes.
//!
//! Sources: IAM API reference and STS API reference, "Errors" of each operation and "Common errors".

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};

use super::cause::{connection, missing_credentials};
use super::limits::Paused;
use super::redact::{quotes_authorization, redact};
use crate::domain::{AwsFailure, FailureKind};

/// Longest message that is kept. AWS's own are shorter; the rest could only be noise.
const MESSAGE_MAX: usize = 600;

/// Longest code that is kept; AWS has none that long.
const CODE_MAX: usize = 80;

/// In place of AWS's words about a caller that it does not accept.
const NOT_ACCEPTED: &str = "AWS does not accept the credentials of the request";

/// Turns an SDK error into ours, leaving raw bodies and headers behind: they may echo credentials.
pub(super) fn failure<E>(service: &'static str, operation: &'static str, error: &SdkError<E>) -> AwsFailure
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, code, message) = match error {
        SdkError::ServiceError(answer) => {
            refused(answer.err().code().unwrap_or("no code"), answer.err().message().unwrap_or("AWS gave no message"))
        }
        SdkError::TimeoutError(_) => unavailable("timeout", "AWS did not answer in time"),
        other if caused_by::<CredentialsError, E>(other) => {
            (FailureKind::NoCredentials, "no credentials".to_owned(), missing_credentials(other))
        }
        other if caused_by::<Paused, E>(other) => unavailable("paused", &Paused.to_string()),
        SdkError::DispatchFailure(cause) if cause.is_timeout() => unavailable("timeout", "no connection in time"),
        SdkError::DispatchFailure(_) => match connection(error) {
            Some(cause) => unavailable("unreachable", &format!("the endpoint could not be reached: {cause}")),
            None => unavailable("unreachable", "the endpoint could not be reached"),
        },
        SdkError::ResponseError(_) => unavailable("bad answer", "the answer could not be read"),
        _ => (FailureKind::InvalidInput, "not sent".to_owned(), "the request could not be built".to_owned()),
    };
    let message = message.trim_end_matches('.').chars().take(MESSAGE_MAX).collect(); // ours goes on after it
    AwsFailure { service, operation, kind, code, message }
}

/// Reads an answer of AWS. A failure of identity may quote the request and with it what people took for their access key, so
/// of those only the code is kept.
fn refused(code: &str, message: &str) -> (FailureKind, String, String) {
    let kind = kind_of(code, message);
    let code: String = redact(code).chars().filter(|c| !c.is_control()).take(CODE_MAX).collect();
    if kind.is_of_identity() || (kind == FailureKind::Unknown && quotes_authorization(message)) {
        return (kind, code, NOT_ACCEPTED.to_owned());
    }
    (kind, code, redact(message))
}

/// The SDK reports missing credentials and calls that were not sent as a failed dispatch; only the cause distinguishes them from
/// a network failure.
fn caused_by<C: Error + 'static, E: Error + 'static>(error: &SdkError<E>) -> bool {
    let causes = std::iter::successors(error.source(), |cause: &&(dyn Error + 'static)| (*cause).source());
    causes.into_iter().any(<dyn Error>::is::<C>)
}

/// Whether AWS refuses calls with this code because of their rate.
pub(super) fn is_throttling(code: &str) -> bool {
    kind_of(code, "") == FailureKind::Throttled
}

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
        "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidToken"
        | "UnrecognizedClient"
        | "UnrecognizedClientException" => Kind::UnknownKey,
        "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "InvalidSignature"
        | "InvalidSignatureException"
        | "AuthFailure"
        | "RequestExpired"
        | "RequestTimeTooSkewed" => Kind::BadSignature,
        "MissingAuthenticationToken" | "MissingAuthenticationTokenException" => Kind::NoCredentials,
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

    /// What STS says, where a secret was pasted into `AWS_ACCESS_KEY_ID` or a proxy changed the request.
    const IDENTITY: [(&str, &str, FailureKind); 8] = [
        (
            "IncompleteSignature",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got \
             'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY/20260301/us-east-1/sts/aws4_request'",
            FailureKind::BadSignature,
        ),
        (
            "IncompleteSignature",
            "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 \
             Credential=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY/20260301/us-east-1/sts/aws4_request",
            FailureKind::BadSignature,
        ),
        (
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. The Canonical String for this \
             request should have been\n'POST\n/\n\nx-amz-security-token:wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n'",
            FailureKind::BadSignature,
        ),
        (
            "InvalidSignatureException",
            "Signature expired: 20260301T100000Z is now earlier than 20260301T110000Z wJalrXUtnFEMI/K7MDENG",
            FailureKind::BadSignature,
        ),
        (
            "InvalidClientTokenId",
            "The security token included in the request is invalid: wJalrXUtnFEMI/K7MDENG",
            FailureKind::UnknownKey,
        ),
        ("ExpiredToken", "The security token wJalrXUtnFEMI is expired", FailureKind::Expired),
        (
            "MissingAuthenticationToken",
            "Request is missing Authentication Token wJalrXUtnFEMI",
            FailureKind::NoCredentials,
        ),
        (
            "NeverSeenByThisVersion",
            "'wJalrXUtnFEMI' not a valid key=value pair (missing equal-sign) in Authorization header",
            FailureKind::Unknown,
        ),
    ];

    #[test]
    fn of_a_failure_of_identity_the_code_is_kept_and_awss_words_are_not() {
        for (code, message, kind) in IDENTITY {
            assert_eq!(refused(code, message), (kind, code.to_owned(), NOT_ACCEPTED.to_owned()), "{message}");
        }
    }

    #[test]
    fn other_words_of_aws_are_kept_without_what_looks_like_a_secret() {
        let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
        let (_, code, message) = refused("AccessDenied", &format!("User: {secret} is not authorized"));
        assert_eq!((code.as_str(), message.as_str()), ("AccessDenied", "User: [removed] is not authorized"));
        assert_eq!(refused(secret, "").1, "[removed]");
    }
}
