//! Which objects of an account are reconciled first when there are more than it has workers.

use jiff::{SignedDuration, Timestamp};

use crate::api::CrossAccountRole;

/// Credentials that expire within this time are renewed before anything else. Renewals are due 20 minutes before expiry.
const CLOSE_TO_EXPIRY: SignedDuration = SignedDuration::from_mins(15);

/// How urgent the reconcile of an object is; a more urgent one compares as less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// Access ends, or credentials are close to their expiry.
    High,
    /// Access exists: it may have to be changed, closed or renewed.
    Normal,
    /// Nothing exists yet.
    Low,
}

/// How urgent an object is, by what Kubernetes shows of it.
#[must_use]
pub fn urgency(role: &CrossAccountRole, now: Timestamp) -> Urgency {
    let expires_at = role.status.as_ref().and_then(|status| status.credentials.as_ref()?.expires_at.as_ref());
    let expires_soon = expires_at.is_some_and(|time| time.0.duration_since(now) < CLOSE_TO_EXPIRY);
    if role.is_deleted() || expires_soon {
        Urgency::High
    } else if role.has_finalizer() {
        Urgency::Normal
    } else {
        Urgency::Low
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn what_ends_or_expires_comes_first_and_what_is_new_comes_last() {
        let now: Timestamp = "2026-03-01T10:00:00Z".parse().expect("a time");
        let role = |metadata: Value, status: Value| -> CrossAccountRole {
            serde_json::from_value(
                json!({"metadata": metadata, "spec": {"accountRef": {"name": "a"}}, "status": status}),
            )
            .expect("a role")
        };
        let held = json!({"finalizers": ["iam.crossaccount.dev/cleanup"]});
        let expiring = |at: &str| json!({"credentials": {"expiresAt": at}});
        for (metadata, status, expected) in [
            (json!({"deletionTimestamp": "2026-03-01T09:59:00Z"}), json!({}), Urgency::High),
            (held.clone(), expiring("2026-03-01T10:14:59Z"), Urgency::High),
            (held.clone(), expiring("2026-03-01T09:00:00Z"), Urgency::High),
            (held.clone(), expiring("2026-03-01T10:15:00Z"), Urgency::Normal),
            (held, json!({}), Urgency::Normal),
            (json!({}), json!({}), Urgency::Low),
        ] {
            assert_eq!(urgency(&role(metadata.clone(), status.clone()), now), expected, "{metadata} {status}");
        }
    }
}
