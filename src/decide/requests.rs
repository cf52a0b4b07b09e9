//! What a person asks for by annotating an object: once per value, and not before its time.

use jiff::Timestamp;
use kube::ResourceExt;

use super::Refusal;
use super::revocation::is_spent;
use crate::api::{CrossAccountRole, Reason, annotation};

/// What the annotations of an object ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// When new credentials were asked for.
    pub renew: Option<Timestamp>,
    /// When it was asked for that sessions of before are denied.
    pub revoke: Option<Timestamp>,
    /// What cannot be read. It is told, and stops nothing.
    pub unreadable: Vec<Refusal>,
}

impl Requests {
    /// Reads the annotations.
    #[must_use]
    pub fn of(role: &CrossAccountRole) -> Self {
        let mut unreadable = Vec::new();
        let mut time = |key| {
            time_in(role, key).unwrap_or_else(|refusal| {
                unreadable.push(refusal);
                None
            })
        };
        let (renew, revoke) = (time(annotation::RENEW_REQUESTED_AT), time(annotation::REVOKE_REQUESTED_AT));
        Self { renew, revoke, unreadable }
    }
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
    fn an_annotation_that_is_no_time_is_told_with_an_example_and_the_other_one_counts() {
        let mut role = CrossAccountRole::new("reader", CrossAccountRoleSpec::default());
        assert_eq!(Requests::of(&role), Requests::default());
        role.annotations_mut().insert(annotation::REVOKE_REQUESTED_AT.into(), "now".into());
        role.annotations_mut().insert(annotation::RENEW_REQUESTED_AT.into(), "2027-01-15T08:00:00Z".into());
        let Requests { renew, revoke, unreadable } = Requests::of(&role);
        assert_eq!((renew, revoke, unreadable.len()), (Some(at("2027-01-15T08:00:00Z")), None, 1));
        assert_eq!(unreadable[0].reason, Reason::InvalidSpec);
        let message = &unreadable[0].message;
        assert!(message.contains("revoke-requested-at") && message.contains("2027-01-15T08:00:00Z"), "{message}");
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
