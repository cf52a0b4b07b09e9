//! Taking access away from sessions that exist already.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::domain::policy::{PolicyDocument, PolicyError};
use crate::domain::{SessionName, whole_seconds};

/// Name of the inline policy that denies sessions issued before some moment. The operator puts it on when it takes
/// access away, so it is never drift.
pub const DENY_OLDER_SESSIONS: &str = "crossaccount-deny-older-sessions";

/// No session outlives this (STS API reference, `AssumeRole`, `DurationSeconds`), and so no denial is needed for longer.
const LONGEST_SESSION: SignedDuration = SignedDuration::from_hours(12);

/// The moment before which sessions are to be denied at `now`: the next whole second, since AWS counts the issue of a session
/// in whole seconds, and one that was issued in this very second is meant, too.
#[must_use]
pub fn moment_of_denial(now: Timestamp) -> Timestamp {
    whole_seconds(now) + SignedDuration::from_secs(1)
}

/// Denies everything to sessions issued before `until`: the form that the IAM console uses itself (IAM user guide,
/// "Revoking IAM role temporary security credentials"). Sessions issued later are not affected.
pub fn deny_older_sessions(until: Timestamp) -> Result<PolicyDocument, PolicyError> {
    PolicyDocument::from_value(json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": until.to_string()}},
        }],
    }))
}

/// The same for the sessions of one name only: those of the operator, where the role stays with others who use it.
/// `aws:userid` of a session is `<role id>:<session name>` (IAM user guide, "Where you can use policy variables").
pub fn deny_older_sessions_of(
    role_id: &str,
    session: &SessionName,
    until: Timestamp,
) -> Result<PolicyDocument, PolicyError> {
    PolicyDocument::from_value(json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": {
                "DateLessThan": {"aws:TokenIssueTime": until.to_string()},
                "StringEquals": {"aws:userid": format!("{role_id}:{}", session.as_str())},
            },
        }],
    }))
}

/// Whether every session that a denial is about has ended by itself.
#[must_use]
pub fn is_spent(until: Timestamp, now: Timestamp) -> bool {
    now.duration_since(until) > LONGEST_SESSION
}

/// Up to which moment sessions are denied by such a policy; none if it is not one.
#[must_use]
pub fn denied_until(denial: &PolicyDocument) -> Option<Timestamp> {
    let statement = denial.statements().next()?;
    let times = &statement.get("Condition")?["DateLessThan"]["aws:TokenIssueTime"];
    times.as_str().or_else(|| times[0].as_str())?.parse().ok()
}

/// Whether a session is among those denied until `until`, by AWS's own clock: AWS issued it one lifetime before it expires.
#[must_use]
pub fn is_denied(expires_at: Timestamp, duration_seconds: i32, until: Timestamp) -> bool {
    expires_at - SignedDuration::from_secs(duration_seconds.into()) < until
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ObjectIdentity;

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_moment_of_a_denial_is_read_back_from_it() {
        let moment = at("2027-01-15T08:00:00.25Z");
        let denial = deny_older_sessions(moment).expect("a policy");
        assert_eq!(denied_until(&denial), Some(moment));
        let listed = denial.to_json().replace("\"2027-01-15T08:00:00.25Z\"", "[\"2027-01-15T08:00:00.25Z\"]");
        assert_eq!(denied_until(&PolicyDocument::from_json(&listed).expect("a policy")), Some(moment));
        let other = PolicyDocument::from_json(r#"{"Statement": {"Effect": "Allow"}}"#).expect("a policy");
        assert_eq!(denied_until(&other), None);
    }

    #[test]
    fn a_denial_may_be_about_the_sessions_of_one_name() {
        let object = ObjectIdentity { cluster: "c".into(), namespace: "n".into(), name: "o".into(), uid: "u".into() };
        let denial = deny_older_sessions_of("AROA1", &SessionName::of(&object), at("2027-01-15T08:00:00Z"));
        let statement = denial.expect("a policy").statements().next().cloned().expect("a statement");
        assert_eq!(statement["Condition"]["StringEquals"]["aws:userid"], "AROA1:n.o");
    }

    #[test]
    fn a_denial_is_spent_when_the_longest_session_of_before_has_ended() {
        let until = at("2027-01-15T08:00:00Z");
        assert!(!is_spent(until, at("2027-01-15T20:00:00Z")));
        assert!(is_spent(until, at("2027-01-15T20:00:01Z")));
    }

    #[test]
    fn a_session_of_the_second_of_the_denial_is_denied_and_one_of_the_next_is_not() {
        let until = moment_of_denial(at("2027-01-15T08:00:00.25Z"));
        for (issued, denied) in [("07:59:59", true), ("08:00:00", true), ("08:00:01", false)] {
            let expires_at = at(&format!("2027-01-15T{issued}Z")) + SignedDuration::from_secs(900);
            assert_eq!(is_denied(expires_at, 900, until), denied, "{issued}");
        }
    }
}
