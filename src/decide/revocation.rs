//! Taking access away from sessions that exist already.

use jiff::Timestamp;
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
