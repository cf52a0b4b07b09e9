//! What can go wrong in a call to AWS, in the few kinds that make a difference to what we do next.

/// One failed call, without anything that may hold a secret: raw bodies and headers stay where the call was made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{service}:{operation} failed: {code}: {message}")]
pub struct AwsFailure {
    /// `iam` or `sts`.
    pub service: &'static str,
    /// API operation, such as `CreateRole`.
    pub operation: &'static str,
    /// What it means for us.
    pub kind: FailureKind,
    /// AWS's error code, or a word of ours where no answer came (`timeout`, `unreachable`).
    pub code: String,
    /// AWS's message, cut to 600 characters and without what looks like a secret. For a failure of identity these are our
    /// words, since AWS's may quote the key.
    pub message: String,
}

/// The kinds of failure. `aws::error_codes` maps AWS's codes to them; `decide::failure` maps them to what happens next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::EnumIter)]
pub enum FailureKind {
    /// `Throttling`, "Rate exceeded".
    Throttled,
    /// A 5xx answer, no answer, or no connection.
    Unavailable,
    /// `AccessDenied`.
    Denied,
    /// `MalformedPolicyDocument` with "Invalid principal in policy": the principal does not exist, or not yet.
    InvalidPrincipal,
    /// `MalformedPolicyDocument` for any other cause.
    MalformedPolicy,
    /// `InvalidInput`, `ValidationError` and other answers that only another specification can change.
    InvalidInput,
    /// A policy that cannot be attached (`PolicyNotAttachable`).
    NotAttachable,
    /// Session policies and tags together exceed the packed size (`PackedPolicyTooLarge`).
    PackedPolicyTooLarge,
    /// More than an hour asked of a chained session.
    ChainingLimit,
    /// More asked than the role's `MaxSessionDuration`.
    DurationExceedsRole,
    /// `LimitExceeded`: a quota of the account or a size limit.
    LimitExceeded,
    /// `EntityAlreadyExists`.
    AlreadyExists,
    /// `ConcurrentModification`, `EntityTemporarilyUnmodifiable`.
    Busy,
    /// `NoSuchEntity`.
    NotFound,
    /// `DeleteConflict`: something is still attached.
    DeleteConflict,
    /// `UnmodifiableEntity`: a service-linked role.
    Unmodifiable,
    /// Whoever calls has no credentials at all.
    NoCredentials,
    /// `ExpiredToken`: the caller's session has ended.
    Expired,
    /// `InvalidClientTokenId`: AWS does not know the caller's access key.
    UnknownKey,
    /// `SignatureDoesNotMatch`, `IncompleteSignature`, `InvalidSignatureException`: the secret key is another's, the key
    /// id is none, or the clock is wrong.
    BadSignature,
    /// `RegionDisabledException`.
    RegionDisabled,
    /// A code that this version does not know.
    Unknown,
}

impl FailureKind {
    /// Whether authentication failed, so that authorization was never evaluated.
    #[must_use]
    pub fn is_of_identity(self) -> bool {
        matches!(self, Self::NoCredentials | Self::Expired | Self::UnknownKey | Self::BadSignature)
    }
}
