//! Taking access away from sessions that exist already.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::domain::policy::{PolicyDocument, PolicyError};

/// Denies everything to sessions issued before `now`: the form that the IAM console uses itself (IAM user guide,
/// "Revoking IAM role temporary security credentials"). Sessions issued later are not affected.
pub fn deny_older_sessions(now: Timestamp) -> Result<PolicyDocument, PolicyError> {
    PolicyDocument::from_value(json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Deny",
            "Action": ["*"],
            "Resource": ["*"],
            "Condition": {"DateLessThan": {"aws:TokenIssueTime": now.to_string()}},
        }],
    }))
}

/// Up to which moment sessions are denied by such a policy; none if it is not one.
#[must_use]
pub fn denied_until(denial: &PolicyDocument) -> Option<Timestamp> {
    let statement = denial.statements().next()?;
    let times = &statement.get("Condition")?["DateLessThan"]["aws:TokenIssueTime"];
    times.as_str().or_else(|| times[0].as_str())?.parse().ok()
}

/// Whether a session is among those denied until `until`, by AWS's own clock: AWS issued it one lifetime before it expires,
/// and counts that in whole seconds.
#[must_use]
pub fn is_denied(expires_at: Timestamp, duration_seconds: i32, until: Timestamp) -> bool {
    expires_at - SignedDuration::from_secs(duration_seconds.into()) <= until
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_session_of_the_second_of_the_denial_is_denied_and_one_of_the_next_is_not() {
        let until = at("2027-01-15T08:00:00.25Z");
        for (issued, denied) in [("07:59:59", true), ("08:00:00", true), ("08:00:01", false)] {
            let expires_at = at(&format!("2027-01-15T{issued}Z")) + SignedDuration::from_secs(900);
            assert_eq!(is_denied(expires_at, 900, until), denied, "{issued}");
        }
    }
}
