//! What a person asks for by annotating an object: once per value, and not before its time.

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use crate::api::{CrossAccountRole, Reason, annotation};
use crate::decide::Refusal;
use crate::decide::role::denial::{Denial, Denied, is_over};

/// A value this far ahead counts as now: clocks differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

/// Two renewals, or two revocations, on request are at least this far apart, so that an annotation cannot be used to flood AWS.
pub const LEAST_INTERVAL: SignedDuration = SignedDuration::from_secs(30);

/// What the annotations of an object ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// New credentials are asked for at this time.
    pub renew: Option<Timestamp>,
    /// The denial of sessions issued before now is asked for at this time.
    pub revoke: Option<Timestamp>,
    /// A report on the use of the role is asked for at this time.
    pub usage: Option<Timestamp>,
    /// Values that are not a time. They are reported, and stop nothing.
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
        let usage = time(annotation::USAGE_REQUESTED_AT);
        Self { renew, revoke, usage, unreadable }
    }

    /// The request for new credentials, once its time has come.
    #[must_use]
    pub fn due_renewal(&self, now: Timestamp) -> Option<Timestamp> {
        self.renew.filter(|at| is_due(*at, now))
    }

    /// The request for a report on the use of the role, once its time has come.
    #[must_use]
    pub fn due_usage(&self, now: Timestamp) -> Option<Timestamp> {
        self.usage.filter(|at| is_due(*at, now))
    }

    /// When a request becomes due that is not yet.
    #[must_use]
    pub fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        let asked = self.renew.into_iter().chain(self.revoke).chain(self.usage);
        let ahead = asked.filter(|at| !is_due(*at, now));
        ahead.map(|at| at - CLOCK_TOLERANCE).min()
    }
}

/// Whether the time of a request has come.
#[must_use]
pub fn is_due(requested: Timestamp, now: Timestamp) -> bool {
    requested <= now + CLOCK_TOLERANCE
}

/// Whether a request to revoke is due and the denial on the role does not meet it. One so old that no earlier session is
/// left needs nothing.
#[must_use]
pub fn revocation_is_due(requested: Timestamp, current: &Denial, now: Timestamp) -> bool {
    let rested = match (current.request, current.everyone) {
        (Some(_), Denied::Before(last)) => now.duration_since(last) >= LEAST_INTERVAL,
        _ => true,
    };
    is_due(requested, now) && !is_over(requested, now) && !current.satisfies(requested) && rested
}

fn time_in(role: &CrossAccountRole, key: &str) -> Result<Option<Timestamp>, Refusal> {
    let Some(text) = role.annotations().get(key) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| {
        let message =
            format!("annotation {key}: {text:?} is not an RFC 3339 timestamp (example: 2027-01-15T08:00:00Z)");
        Refusal::new(Reason::InvalidSpec, message)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::api::CrossAccountRoleSpec;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn an_annotation_that_is_not_a_time_is_reported_with_an_example_and_the_other_one_counts() {
        let mut role = CrossAccountRole::new("reader", CrossAccountRoleSpec::default());
        assert_eq!(Requests::of(&role), Requests::default());
        role.annotations_mut().insert(annotation::REVOKE_REQUESTED_AT.into(), "now".into());
        role.annotations_mut().insert(annotation::RENEW_REQUESTED_AT.into(), "2027-01-15T08:00:00Z".into());
        let Requests { renew, revoke, usage: _, unreadable } = Requests::of(&role);
        assert_eq!((renew, revoke, unreadable.len()), (Some(at("2027-01-15T08:00:00Z")), None, 1));
        assert_eq!(unreadable[0].reason, Reason::InvalidSpec);
        let message = &unreadable[0].message;
        assert!(message.contains("revoke-requested-at") && message.contains("2027-01-15T08:00:00Z"), "{message}");
    }

    #[test]
    fn a_revocation_is_due_once_per_value_and_from_five_minutes_before_its_time() {
        let (asked, now) = (at("2027-01-15T08:00:00Z"), at("2027-01-15T08:00:05Z"));
        let before = |text: &str| Denial::before(at(text));
        let for_request = |text: &str| Denial { request: Some(asked), ..before(text) };
        for (what, requested, current, due) in [
            ("asked", asked, Denial::default(), true),
            ("asked for later", at("2027-01-15T08:05:06Z"), Denial::default(), false),
            ("a little ahead", at("2027-01-15T08:05:05Z"), Denial::default(), true),
            (
                "a little ahead, and met",
                at("2027-01-15T08:05:05Z"),
                Denial { request: Some(at("2027-01-15T08:05:05Z")), ..before("2027-01-15T08:00:01Z") },
                false,
            ),
            ("denied before it was asked", asked, before("2027-01-15T07:00:00Z"), true),
            ("a later denial that names no request", asked, before("2027-01-15T08:00:06Z"), true),
            ("met", asked, for_request("2027-01-15T07:59:00Z"), false),
            (
                "an earlier value than the one met",
                at("2027-01-15T07:30:00Z"),
                for_request("2027-01-15T07:59:00Z"),
                true,
            ),
            ("everyone is denied", asked, Denial::of_everyone(), false),
            ("asked again at once", at("2027-01-15T08:00:02Z"), for_request("2027-01-15T08:00:01Z"), false),
            ("asked so long ago that no session is left", at("2027-01-14T19:00:00Z"), Denial::default(), false),
        ] {
            assert_eq!(revocation_is_due(requested, &current, now), due, "{what}");
        }
        assert!(revocation_is_due(
            at("2027-01-15T08:00:02Z"),
            &for_request("2027-01-15T08:00:01Z"),
            at("2027-01-15T08:00:31Z")
        ));
    }

    #[test]
    fn a_request_for_later_says_when_it_becomes_due() {
        let requests = Requests { renew: Some(at("2027-01-15T09:00:00Z")), ..Requests::default() };
        assert_eq!(requests.next_due(at("2027-01-15T08:00:00Z")), Some(at("2027-01-15T08:55:00Z")));
        assert_eq!(requests.next_due(at("2027-01-15T08:55:00Z")), None);
    }

    fn texts() -> impl Strategy<Value = String> {
        let ends = [Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH].map(|at| at.to_string());
        let year = prop_oneof!["[0-9]{4}", "-00[0-9]{4}"];
        let time = year.prop_map(|year| format!("{year}-01-15T08:00:00Z"));
        prop_oneof![prop::sample::select(ends.to_vec()), time, any::<String>()]
    }

    proptest! {
        #[test]
        fn any_text_in_an_annotation_is_a_time_or_reported(renew in texts(), revoke in texts(), now in 0_i64..4_000_000_000) {
            let now = Timestamp::from_second(now).expect("a time");
            let mut role = CrossAccountRole::new("reader", CrossAccountRoleSpec::default());
            role.annotations_mut().insert(annotation::REVOKE_REQUESTED_AT.into(), revoke);
            role.annotations_mut().insert(annotation::RENEW_REQUESTED_AT.into(), renew);
            let requests = Requests::of(&role);
            let times = requests.renew.iter().chain(&requests.revoke).count();
            prop_assert_eq!(times + requests.unreadable.len(), 2);
            prop_assert!(requests.due_renewal(now).is_none_or(|at| Some(at) == requests.renew && is_due(at, now)));
            prop_assert!(requests.next_due(now).is_none_or(|at| at > now));
            if let Some(at) = requests.revoke {
                let met = Denial { request: Some(crate::domain::whole_seconds(at)), ..Denial::before(now) };
                let again = revocation_is_due(at, &met, now);
                prop_assert!(!again);
                let _ = revocation_is_due(at, &Denial::default(), now);
            }
        }
    }
}
