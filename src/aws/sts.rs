//! The calls to STS that this operator makes, and no others.

use std::collections::BTreeMap;

use aws_sdk_sts::Client;
use aws_sdk_sts::types::{PolicyDescriptorType, Tag};
use jiff::{SignedDuration, Timestamp};

use super::call::CallRecorder;
use super::clock::AwsClock;
use crate::domain::{
    AccountId, AwsFailure, CallerIdentity, Credentials, ExternalId, FailureKind, RoleArn, SecretText, SessionName,
    SessionRequest,
};

/// How far the life of a session may differ from what was asked for before that is believed not to have been granted.
const TOLERANCE: SignedDuration = SignedDuration::from_mins(1);

/// STS as one identity, at one regional endpoint.
#[derive(Clone)]
pub struct StsClient {
    pub(super) client: Client,
    pub(super) caller: CallRecorder,
    pub(super) clock: AwsClock,
}

/// One call of `AssumeRole`.
#[derive(Clone, Debug)]
pub struct AssumeRole<'a> {
    /// Role to assume.
    pub role: &'a RoleArn,
    /// Session name.
    pub session_name: &'a SessionName,
    /// External id; none to prove that the role refuses without it.
    pub external_id: Option<&'a str>,
    /// Lifetime, tags and session policies.
    pub request: &'a SessionRequest,
}

/// The answer to `AssumeRole`.
#[derive(Clone, Debug)]
pub struct IssuedSession {
    /// The credentials.
    pub credentials: Credentials,
    /// When it was issued, by AWS's clock.
    pub issued_at: Timestamp,
    /// Share of the packed size that session policies and tags use, in percent.
    pub packed_policy_size_percent: Option<u32>,
}

impl StsClient {
    /// `AssumeRole`.
    pub async fn assume_role(&self, call: AssumeRole<'_>) -> Result<IssuedSession, AwsFailure> {
        let AssumeRole { role, session_name, external_id, request } = call;
        let arns = request.policy_arns.iter().map(|arn| PolicyDescriptorType::builder().arn(arn.as_str()).build());
        let sent = self
            .client
            .assume_role()
            .role_arn(role.to_string())
            .role_session_name(session_name.as_str())
            .duration_seconds(request.duration_seconds)
            .set_external_id(external_id.map(str::to_owned))
            .set_tags(some_unless_empty(session_tags(request)?))
            .set_transitive_tag_keys(some_unless_empty(request.transitive_tag_keys.clone()))
            .set_source_identity(request.source_identity.clone())
            .set_policy(request.policy.clone())
            .set_policy_arns(some_unless_empty(arns.collect()))
            .send();
        let answer = self.caller.call("AssumeRole", sent).await?;
        let answered_at = self.clock.at(Timestamp::now());
        let credentials = answer.credentials.ok_or_else(|| unreadable("AssumeRole", "no credentials in the answer"))?;
        let expires_at = Timestamp::from_second(credentials.expiration.secs())
            .map_err(|_| unreadable("AssumeRole", "an expiration that is not a valid time"))?;
        #[expect(deprecated, reason = "its successor measures the token, not the policies and tags that users declare")]
        let packed_policy_size_percent = answer.packed_policy_size;
        Ok(IssuedSession {
            credentials: Credentials {
                access_key_id: SecretText::new(credentials.access_key_id),
                secret_access_key: SecretText::new(credentials.secret_access_key),
                session_token: SecretText::new(credentials.session_token),
                expires_at,
            },
            issued_at: issued_at(expires_at, request.duration_seconds, answered_at),
            packed_policy_size_percent: packed_policy_size_percent.and_then(|percent| u32::try_from(percent).ok()),
        })
    }

    /// `GetCallerIdentity`, which needs no permission.
    pub async fn caller_identity(&self) -> Result<CallerIdentity, AwsFailure> {
        let answer = self.caller.call("GetCallerIdentity", self.client.get_caller_identity().send()).await?;
        let account = answer.account.as_deref().and_then(AccountId::parse);
        match (account, answer.arn, answer.user_id) {
            (Some(account), Some(arn), Some(user_id)) => Ok(CallerIdentity { account, arn, user_id }),
            _ => Err(unreadable("GetCallerIdentity", "an answer without account, ARN or user id")),
        }
    }
}

impl SessionRequest {
    /// A session for managing an account: the role's default hour, which is also the limit of a chained session.
    #[must_use]
    pub fn for_hop(tags: &BTreeMap<String, String>, transitive_tag_keys: &[String]) -> Self {
        Self {
            duration_seconds: 3600,
            tags: tags.clone(),
            transitive_tag_keys: transitive_tag_keys.to_vec(),
            source_identity: None,
            policy: None,
            policy_arns: Vec::new(),
        }
    }
}

impl<'a> AssumeRole<'a> {
    /// The same call without the external id.
    #[must_use]
    pub fn without_external_id(self) -> Self {
        Self { external_id: None, ..self }
    }

    /// The call into the role of an object.
    #[must_use]
    pub fn into_role(
        role: &'a RoleArn,
        session_name: &'a SessionName,
        external_id: &'a ExternalId,
        request: &'a SessionRequest,
    ) -> Self {
        Self { role, session_name, external_id: Some(external_id.as_str()), request }
    }
}

/// A session lasts as long as was asked for, so its beginning follows from its end, to the second. If AWS gave it another life, the
/// moment of the answer has to do.
fn issued_at(expires_at: Timestamp, seconds: i32, answered_at: Timestamp) -> Timestamp {
    let by_its_end = expires_at - SignedDuration::from_secs(seconds.into());
    if answered_at.duration_since(by_its_end).abs() <= TOLERANCE { by_its_end } else { answered_at }
}

fn session_tags(request: &SessionRequest) -> Result<Vec<Tag>, AwsFailure> {
    let tag = |(key, value): (&String, &String)| Tag::builder().key(key).value(value).build();
    request.tags.iter().map(tag).collect::<Result<_, _>>().map_err(|_| unreadable("AssumeRole", "a tag without a key"))
}

fn some_unless_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

fn unreadable(operation: &'static str, what: &str) -> AwsFailure {
    AwsFailure {
        service: "sts",
        operation,
        kind: FailureKind::Unavailable,
        code: "bad answer".to_owned(),
        message: format!("STS gave {what}"),
    }
}
