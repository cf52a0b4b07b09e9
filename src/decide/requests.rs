//! What a person asks for by annotating an object: once per value, and not before its time.

use jiff::Timestamp;
use kube::ResourceExt;

use super::Refusal;
use super::revocation::is_spent;
use crate::api::{CrossAccountRole, Reason, annotation};

/// When new credentials were asked for.
pub fn renew_requested_at(role: &CrossAccountRole) -> Result<Option<Timestamp>, Refusal> {
    time_in(role, annotation::RENEW_REQUESTED_AT)
}

/// When it was asked for that sessions of before are denied.
pub fn revoke_requested_at(role: &CrossAccountRole) -> Result<Option<Timestamp>, Refusal> {
    time_in(role, annotation::REVOKE_REQUESTED_AT)
}

/// Whether a request to revoke is due and was not met yet: sessions are denied only up to a moment before it. One that is so
/// old that no session of before it is left needs nothing.
#[must_use]
pub fn revocation_is_due(requested: Option<Timestamp>, denied_until: Option<Timestamp>, now: Timestamp) -> bool {
    requested.is_some_and(|at| at <= now && !is_spent(at, now) && denied_until.is_none_or(|until| until < at))
}

fn time_in(role: &CrossAccountRole, key: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = role.annotations().get(key) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let told = format!("annotation {key}: {text:?} is no time; write RFC 3339, such as 2027-01-15T08:00:00Z");
        Refusal::new(Reason::InvalidSpec, told)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::CrossAccountRoleSpec;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn an_annotation_that_is_no_time_is_refused_with_an_example() {
        let mut role = CrossAccountRole::new("reader", CrossAccountRoleSpec::default());
        assert_eq!(revoke_requested_at(&role), Ok(None));
        role.annotations_mut().insert(annotation::REVOKE_REQUESTED_AT.into(), "now".into());
        let refusal = revoke_requested_at(&role).expect_err("no time");
        assert_eq!(refusal.reason, Reason::InvalidSpec);
        assert!(refusal.message.contains("revoke-requested-at") && refusal.message.contains("2027-01-15T08:00:00Z"));
        role.annotations_mut().insert(annotation::REVOKE_REQUESTED_AT.into(), "2027-01-15T08:00:00Z".into());
        assert_eq!(revoke_requested_at(&role), Ok(Some(at("2027-01-15T08:00:00Z"))));
    }

    #[test]
    fn a_revocation_is_due_once_from_its_time_on() {
        let (asked, now) = (at("2027-01-15T08:00:00Z"), at("2027-01-15T08:00:05Z"));
        for (what, requested, denied_until, due) in [
            ("nobody asked", None, None, false),
            ("asked", Some(asked), None, true),
            ("asked for later", Some(at("2027-01-15T09:00:00Z")), None, false),
            ("denied before it was asked", Some(asked), Some(at("2027-01-15T07:00:00Z")), true),
            ("met", Some(asked), Some(now), false),
            ("asked so long ago that no session is left", Some(at("2027-01-14T19:00:00Z")), None, false),
        ] {
            assert_eq!(revocation_is_due(requested, denied_until, now), due, "{what}");
        }
    }
}
