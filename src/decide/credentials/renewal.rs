//! When to renew. A function of the set's own times and the object's UID: a restart or a new leader finds the same.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{jitter, whole_seconds};

/// Sessions at least this long are renewed before the last [`SAFETY`].
const LONG: SignedDuration = SignedDuration::from_mins(40);

/// 15 minutes in which boto3 asks for new credentials, 2 in which the kubelet updates a mount, 3 to try again.
const SAFETY: SignedDuration = SignedDuration::from_mins(20);

/// The moment at which a set of credentials is to be replaced.
///
/// At half of its actual life, or `renew_before_seconds` before its end, minus a jitter of up to a tenth of its life that
/// depends on nothing but the UID; for sessions of 40 minutes or more never later than 20 minutes before expiry; and never
/// before a tenth of its life has passed, lest a long lead renews without end.
#[must_use]
pub fn renew_at(
    issued_at: Timestamp,
    expires_at: Timestamp,
    renew_before_seconds: Option<u32>,
    uid: &str,
) -> Timestamp {
    let life = expires_at.duration_since(issued_at).max(SignedDuration::ZERO);
    let lead = match renew_before_seconds {
        Some(seconds) => SignedDuration::from_secs(seconds.into()),
        None => life / 2,
    };
    let jitter = life.mul_f64(0.1 * jitter(uid));
    let lead = (lead + jitter).max(if life >= LONG { SAFETY } else { SignedDuration::ZERO });
    whole_seconds(expires_at - lead.min(life.mul_f64(0.9))).max(whole_seconds(issued_at))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn times(life: i64) -> (Timestamp, Timestamp) {
        let issued = Timestamp::from_second(1_800_000_000).expect("a time");
        (issued, issued + SignedDuration::from_secs(life))
    }

    #[test]
    fn an_hour_is_renewed_between_minute_24_and_minute_30() {
        let (issued, expires) = times(3600);
        for uid in ["a", "b", "c", "d", "e"] {
            let after = renew_at(issued, expires, None, uid).duration_since(issued).as_secs();
            assert!((24 * 60..=30 * 60).contains(&after), "{after}");
        }
    }

    proptest! {
        #[test]
        fn renewal_is_within_the_life_and_never_within_its_last_twenty_minutes(
            life in 900_i64..=43_200, lead in proptest::option::of(300_u32..43_200), uid in "[a-f0-9-]{36}",
        ) {
            let (issued, expires) = times(life);
            let at = renew_at(issued, expires, lead, &uid);
            prop_assert!(issued + SignedDuration::from_secs(life / 10 - 1) <= at && at <= expires);
            if life >= 2400 {
                prop_assert!(expires.duration_since(at) >= SAFETY);
            }
            if let Some(lead) = lead {
                prop_assert!(expires.duration_since(at).as_secs() >= i64::from(lead).min(life * 9 / 10));
            } else {
                prop_assert!(at.duration_since(issued).as_secs() <= life / 2);
                prop_assert!(at.duration_since(issued).as_secs() >= life * 4 / 10 - 1 || life < 2400 + 600);
            }
        }

        #[test]
        fn the_same_uid_always_has_the_same_jitter(life in 900_i64..=43_200, uid in ".{0,40}") {
            let (issued, expires) = times(life);
            prop_assert_eq!(renew_at(issued, expires, None, &uid), renew_at(issued, expires, None, &uid));
        }
    }

    #[test]
    fn many_uids_spread_over_the_whole_tenth() {
        let (issued, expires) = times(3600);
        let leads: Vec<i64> = (0..200)
            .map(|i| expires.duration_since(renew_at(issued, expires, None, &format!("uid-{i}"))).as_secs())
            .collect();
        assert!(leads.iter().min() < Some(&1830) && leads.iter().max() > Some(&2130), "{leads:?}");
    }
}
