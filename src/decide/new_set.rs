//! What has to hold of a session that is asked for, and of the set that came of it.

use super::failure::Verdict;
use super::published::Publication;
use super::retry::Retry;
use crate::api::Reason;
use crate::domain::{IamRole, SessionRequest};

/// From this share of the room for session policies and tags on, in percent, people are warned.
const NEARLY_FULL: u32 = 80;

/// Refuses a session longer than a role allows that is not ours to raise.
pub fn within_maximum(request: &SessionRequest, role: &IamRole) -> Result<(), Verdict> {
    let (asked, maximum) = (request.duration_seconds, role.settings.max_session_seconds);
    if asked <= maximum {
        return Ok(());
    }
    let told = format!(
        "spec.session.durationSeconds is {asked}, but role {} allows {maximum} at most and is only observed; lower it, or \
         have the role's maximum session duration raised in account {}",
        role.arn, role.arn.account
    );
    Err(Verdict { reason: Reason::DurationExceedsRole, message: told, retry: Retry::Slow })
}

/// A good set is never replaced by one that expires earlier.
pub fn never_worse(held: &Publication, new: &Publication) -> Result<(), Verdict> {
    if held.credentials.expires_at <= new.credentials.expires_at {
        return Ok(());
    }
    let (held, new) = (held.credentials.expires_at, new.credentials.expires_at);
    Err(Verdict {
        reason: Reason::Progressing,
        message: format!(
            "AWS issued credentials that expire at {new}, before the present ones at {held}; they were dropped"
        ),
        retry: Retry::Soon,
    })
}

/// Told when the room for session policies and tags begins to run out, and not again while it does. Shares are in percent.
#[must_use]
pub fn nearly_full(percent: Option<u32>, before: Option<u32>) -> Option<String> {
    let percent = percent.filter(|now| *now >= NEARLY_FULL && before.is_none_or(|before| before < NEARLY_FULL))?;
    Some(format!(
        "Session policy, policy ARNs and tags take up {percent} % of the room that AWS gives them; above 100 % it refuses the \
         session. Shorten spec.session.policy, policyArns or tags"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::decide::published::fixture;
    use crate::domain::{RoleArn, RoleSettings};

    #[test]
    fn a_session_may_last_as_long_as_the_role_allows_and_no_longer() {
        let role = IamRole {
            arn: RoleArn::parse("arn:aws:iam::222222222222:role/theirs").expect("an ARN"),
            id: "AROA".into(),
            created_at: Timestamp::UNIX_EPOCH,
            settings: RoleSettings { description: None, max_session_seconds: 3600 },
            boundary: None,
            trust: None,
            tags: BTreeMap::new(),
            last_used: None,
        };
        let lasting =
            |seconds| SessionRequest { duration_seconds: seconds, ..SessionRequest::for_hop(&BTreeMap::new(), &[]) };
        assert_eq!(within_maximum(&lasting(3600), &role), Ok(()));
        let verdict = within_maximum(&lasting(3601), &role).expect_err("too long");
        assert_eq!(verdict.reason, Reason::DurationExceedsRole);
        assert!(verdict.message.contains("3601") && verdict.message.contains("3600"), "{}", verdict.message);
    }

    #[test]
    fn a_set_that_expires_earlier_is_dropped() {
        let held = fixture::publication();
        let mut new = held.clone();
        assert_eq!(never_worse(&held, &new), Ok(()));
        new.credentials.expires_at -= SignedDuration::from_secs(1);
        assert!(never_worse(&held, &new).is_err());
        assert_eq!(never_worse(&new, &held), Ok(()));
    }

    #[test]
    fn the_warning_comes_once_when_the_room_begins_to_run_out() {
        for (what, percent, before, told) in [
            ("nothing passed", None, None, false),
            ("enough room", Some(79), None, false),
            ("the first set", Some(80), None, true),
            ("more than before", Some(85), Some(79), true),
            ("as before", Some(85), Some(85), false),
        ] {
            assert_eq!(nearly_full(percent, before).is_some(), told, "{what}");
        }
    }
}
