//! What has to hold of a session that is asked for, and of the set that came of it.

use super::published::PublishedCredentials;
use crate::api::Reason;
use crate::decide::failure::{Retry, Verdict};
use crate::domain::{CallerIdentity, IamRole, RoleArn, SessionRequest};

/// From this share of the room for session policies and tags on, in percent, people are warned.
const NEARLY_FULL: u32 = 80;

/// Refuses a session longer than a role allows that is not ours to raise.
pub fn within_maximum(request: &SessionRequest, role: &IamRole) -> Result<(), Verdict> {
    let (asked, maximum) = (request.duration_seconds, role.settings.max_session_seconds);
    if asked <= maximum {
        return Ok(());
    }
    let message = format!(
        "spec.session.durationSeconds is {asked}, but role {} allows {maximum} at most and is only observed; lower it, or \
         have the role's maximum session duration raised in account {}",
        role.arn, role.arn.account
    );
    Err(Verdict { reason: Reason::DurationExceedsRole, message, retry: Retry::Slow })
}

/// Account, role name and role id must be the ones that were asked for: an endpoint that answers for another account, or a
/// role that was created again meanwhile, must not end up in a Secret.
pub fn is_expected(caller: &CallerIdentity, arn: &RoleArn, id: &str) -> Result<(), Verdict> {
    let matches = caller.account == arn.account
        && caller.role_session().is_some_and(|(name, found)| name == arn.name.as_str() && found == id);
    if matches {
        return Ok(());
    }
    let CallerIdentity { arn: got, user_id, account } = caller;
    let message = format!(
        "the new credentials should be role {arn} ({id}) in account {}, but AWS says they are {got} ({user_id}) in \
         account {account}; nothing is published. Check which server the operator's AWS endpoint reaches, and whether \
         the role was created again",
        arn.account
    );
    Err(Verdict { reason: Reason::WrongIdentity, message, retry: Retry::Soon })
}

/// A good set is never replaced by one that expires earlier.
pub fn check_expires_later(held: &PublishedCredentials, new: &PublishedCredentials) -> Result<(), Verdict> {
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

/// A warning when session policies and tags begin to reach AWS's size limit, once. Shares are in percent.
#[must_use]
pub fn packed_size_warning(percent: Option<u32>, before: Option<u32>) -> Option<String> {
    let percent = percent.filter(|now| *now >= NEARLY_FULL && before.is_none_or(|before| before < NEARLY_FULL))?;
    Some(format!(
        "Session policy, policy ARNs and tags use {percent} % of AWS's size limit; above 100 % AWS refuses the \
         session. Shorten spec.session.policy, policyArns or tags"
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::{SignedDuration, Timestamp};

    use super::*;
    use crate::decide::credentials::published::fixture;
    use crate::domain::{AccountId, RoleSettings};

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
    fn credentials_of_another_account_role_or_role_id_are_not_the_expected_ones() {
        let arn = RoleArn::parse("arn:aws:iam::222222222222:role/crossaccount/reader").expect("an ARN");
        let caller = |account: &str, role: &str, id: &str| CallerIdentity {
            account: AccountId::parse(account).expect("an account"),
            arn: format!("arn:aws:sts::{account}:assumed-role/{role}/team.reader"),
            user_id: format!("{id}:team.reader"),
        };
        assert_eq!(is_expected(&caller("222222222222", "reader", "AROA1"), &arn, "AROA1"), Ok(()));
        for other in [
            caller("333333333333", "reader", "AROA1"),
            caller("222222222222", "writer", "AROA1"),
            caller("222222222222", "reader", "AROA2"),
        ] {
            let verdict = is_expected(&other, &arn, "AROA1").expect_err("somebody else");
            assert_eq!(verdict.reason, Reason::WrongIdentity);
        }
    }

    #[test]
    fn a_set_that_expires_earlier_is_dropped() {
        let held = fixture::publication();
        let mut new = held.clone();
        assert_eq!(check_expires_later(&held, &new), Ok(()));
        new.credentials.expires_at -= SignedDuration::from_secs(1);
        assert!(check_expires_later(&held, &new).is_err());
        assert_eq!(check_expires_later(&new, &held), Ok(()));
    }

    #[test]
    fn the_warning_comes_once_when_the_room_begins_to_run_out() {
        for (what, percent, before, message) in [
            ("nothing passed", None, None, false),
            ("enough room", Some(79), None, false),
            ("the first set", Some(80), None, true),
            ("more than before", Some(85), Some(79), true),
            ("as before", Some(85), Some(85), false),
        ] {
            assert_eq!(packed_size_warning(percent, before).is_some(), message, "{what}");
        }
    }
}
