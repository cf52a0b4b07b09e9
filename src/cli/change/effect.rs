//! What each change writes, and how the object shows that the operator acted on it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use serde_json::{Value, json};

use crate::api::{ConditionType, CredentialsStatus, CrossAccountRole, Outlook, Reason, annotation};
use crate::cli::paint::plain;

/// A change of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// New credentials.
    Renew,
    /// No session from before, and new credentials.
    Revoke,
    /// No writes to AWS.
    Suspend,
    /// Writes again.
    Resume,
}

/// How far the operator is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It has done it. This is what it verified.
    Done(String),
    /// It goes on.
    Working,
    /// It cannot, for this reason.
    Stalled(String),
}

impl Change {
    /// The fields to write: one annotation, or one field.
    #[must_use]
    pub fn patch(self, now: Timestamp) -> Value {
        match self {
            Self::Renew => json!({"metadata": {"annotations": {annotation::RENEW_REQUESTED_AT: now.to_string()}}}),
            Self::Revoke => json!({"metadata": {"annotations": {annotation::REVOKE_REQUESTED_AT: now.to_string()}}}),
            Self::Suspend => json!({"spec": {"suspend": true}}),
            Self::Resume => json!({"spec": {"suspend": false}}),
        }
    }

    /// Why it makes no sense at present, if it does not.
    #[must_use]
    pub fn objection(self, object: &CrossAccountRole) -> Option<String> {
        let name = object.full_name();
        if object.is_deleted() {
            return Some(format!("{name} is being deleted"));
        }
        let suspended = self == Self::Renew && object.spec.suspend;
        suspended
            .then(|| format!("{name} is suspended, so nothing is renewed; run `kubectl crossaccount resume` first"))
    }

    /// What the operator is waited for.
    #[must_use]
    pub fn awaited(self) -> &'static str {
        match self {
            Self::Renew => "Waiting for new credentials",
            Self::Revoke => "Waiting until earlier sessions are denied",
            Self::Suspend => "Waiting until the operator stops",
            Self::Resume => "Waiting until the object is Ready",
        }
    }

    /// Compares the object before the change with the object now.
    #[must_use]
    pub fn progress(self, before: &CrossAccountRole, now: &CrossAccountRole) -> Progress {
        match self {
            Self::Renew => renewed(before, now),
            Self::Revoke => revoked(before, now),
            Self::Suspend => suspended(now),
            Self::Resume => resumed(now),
        }
    }
}

fn renewed(before: &CrossAccountRole, now: &CrossAccountRole) -> Progress {
    match credentials(now) {
        Some(set) if set.issued_at != credentials(before).and_then(|set| set.issued_at.clone()) => {
            Progress::Done(new_set(now, set))
        }
        _ => Progress::Working,
    }
}

/// A session that is denied is no use, so the new set is waited for where one can be expected.
fn revoked(before: &CrossAccountRole, now: &CrossAccountRole) -> Progress {
    let Some(denied) = denied_before(now).filter(|moment| denied_before(before) != Some(moment)) else {
        return Progress::Working;
    };
    let ended = format!("{}: sessions that were issued before {} are denied.", now.full_name(), denied.0);
    match credentials(now) {
        Some(set) if set.issued_at.as_ref().is_some_and(|issued| issued.0 >= denied.0) => {
            Progress::Done(format!("{ended}\n{}", new_set(now, set)))
        }
        _ if now.spec.suspend => {
            Progress::Done(format!("{ended}\nThe object is suspended: no new credentials are issued.\n"))
        }
        _ if is_blocked(now) => Progress::Done(format!("{ended}\nThere are no new credentials yet: {}\n", said(now))),
        _ => Progress::Working,
    }
}

fn suspended(now: &CrossAccountRole) -> Progress {
    if !is_seen(now) {
        return Progress::Working;
    }
    Progress::Done(format!("{} is suspended. {}\n", now.full_name(), said(now)))
}

fn resumed(now: &CrossAccountRole) -> Progress {
    if !is_seen(now) {
        return Progress::Working;
    }
    if now.is_true(ConditionType::Ready) {
        return Progress::Done(format!("{} is Ready. {}\n", now.full_name(), said(now)));
    }
    if is_blocked(now) { Progress::Stalled(said(now)) } else { Progress::Working }
}

/// Whether the status is about the present declaration.
fn is_seen(object: &CrossAccountRole) -> bool {
    let observed = object.status.as_ref().and_then(|status| status.observed_generation);
    observed.is_some() && observed == object.metadata.generation
}

/// Whether the object is not Ready, and the operator does not get any further by itself.
fn is_blocked(object: &CrossAccountRole) -> bool {
    let ready = object.condition(ConditionType::Ready).filter(|ready| ready.status != "True");
    let reason = ready.and_then(|ready| ready.reason.parse::<Reason>().ok());
    reason.is_some_and(|reason| matches!(reason.outlook(), Outlook::NeedsSomeone | Outlook::Lost))
}

/// What `Ready` says.
#[must_use]
pub fn said(object: &CrossAccountRole) -> String {
    match object.condition(ConditionType::Ready) {
        Some(ready) => format!("Ready is {}, {}: {}", ready.status, ready.reason, plain(&ready.message)),
        None => {
            "no operator has looked at the object: check that one runs, and that it watches this namespace".to_owned()
        }
    }
}

fn new_set(object: &CrossAccountRole, set: &CredentialsStatus) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let time = |time: &Option<Time>| time.as_ref().map(|time| time.0.to_string()).unwrap_or_default();
    format!(
        "{}: Secret {} holds new credentials, issued at {} and valid until {}. AWS says that they are {}.\n",
        object.full_name(),
        text(&set.secret_name),
        time(&set.issued_at),
        time(&set.expires_at),
        text(&set.caller_arn),
    )
}

fn credentials(object: &CrossAccountRole) -> Option<&CredentialsStatus> {
    object.status.as_ref()?.credentials.as_ref()
}

fn denied_before(object: &CrossAccountRole) -> Option<&Time> {
    object.reported_role()?.denied_before.as_ref()
}

#[cfg(test)]
mod tests;
