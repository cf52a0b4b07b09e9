//! How long to wait before trying or looking again.

use jiff::{SignedDuration, Timestamp};

use crate::domain::jitter;

/// How soon a failure is retried; a sooner retry compares as less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Retry {
    /// The API server refused. To ask it again costs nothing in AWS, so the end of the cause is noticed within seconds.
    Steadily,
    /// It passes by itself within seconds or minutes.
    Soon,
    /// Someone else may correct it, on AWS's side or ours.
    Slow,
    /// A quota: raised within hours at best.
    Rarely,
    /// Only another declaration can help, and that wakes us.
    OnChange,
}

/// The delay before the next try after `failures` failures in a row.
///
/// It grows by doubling where a fault passes by itself, is spread by a hash of the UID, and while credentials are good
/// never exceeds a quarter of what is left of them, so that no backoff outlives them (external-secrets issue 4180).
#[must_use]
pub fn delay(retry: Retry, failures: u32, remaining: Option<SignedDuration>, uid: &str) -> Option<SignedDuration> {
    let base = match retry {
        Retry::Steadily => SignedDuration::from_secs(2_i64.saturating_pow(failures.min(4))), // 1 s, 2 s, … 16 s
        Retry::Soon => SignedDuration::from_secs(2_i64.saturating_pow(failures.min(6))), // 1 s, 2 s, … about a minute
        Retry::Slow => SignedDuration::from_mins(5),
        Retry::Rarely => SignedDuration::from_mins(30),
        Retry::OnChange => return None,
    };
    let spread = base.mul_f64(1.0 + jitter(uid));
    let cap = remaining.filter(SignedDuration::is_positive).map_or(SignedDuration::MAX, |left| left / 4);
    Some(spread.min(cap).max(SignedDuration::from_secs(1)))
}

/// The first moment after `last` whose distance from the epoch is a multiple of `interval` plus the UID's own shift.
#[must_use]
pub fn next_on_grid(last: Timestamp, interval: SignedDuration, uid: &str) -> Timestamp {
    let step = interval.as_millis().max(1);
    let shift = interval.mul_f64(jitter(uid)).as_millis();
    let since = i128::from(last.as_millisecond()) - shift;
    let next = (since.div_euclid(step) + 1) * step + shift;
    i64::try_from(next).ok().and_then(|ms| Timestamp::from_millisecond(ms).ok()).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn what_only_another_declaration_can_help_is_not_tried_again() {
        assert_eq!(delay(Retry::OnChange, 0, None, "u"), None);
    }

    #[test]
    fn passing_faults_are_tried_again_within_seconds_and_then_ever_more_slowly() {
        let delays: Vec<i64> = (0..10).filter_map(|n| delay(Retry::Soon, n, None, "u")).map(|d| d.as_secs()).collect();
        assert!(delays.is_sorted() && delays[0] <= 2 && delays[9] <= 128, "{delays:?}");
    }

    #[test]
    fn what_the_api_server_refused_is_tried_again_within_twenty_seconds_however_often_it_refused() {
        let delays: Vec<i64> =
            (0..10).filter_map(|n| delay(Retry::Steadily, n, None, "u")).map(|d| d.as_secs()).collect();
        assert!(delays.is_sorted() && delays[0] <= 2 && delays[9] <= 20, "{delays:?}");
    }

    proptest! {
        #[test]
        fn no_retry_waits_longer_than_a_quarter_of_the_remaining_life(
            failures in 0_u32..1000, left in 4_i64..43_200, uid in "[a-f0-9]{8}",
            retry in prop::sample::select(vec![Retry::Steadily, Retry::Soon, Retry::Slow, Retry::Rarely]),
        ) {
            let wait = delay(retry, failures, Some(SignedDuration::from_secs(left)), &uid).expect("a delay");
            prop_assert!(wait.as_secs() <= left / 4);
            prop_assert!(wait >= SignedDuration::from_secs(1));
        }
    }
    proptest! {
        #[test]
        fn looks_are_one_interval_apart_whenever_the_process_started(
            start in 1_700_000_000_i64..1_900_000_000, interval in 60_i64..7200, uid in "[a-f0-9-]{36}",
        ) {
            let interval = SignedDuration::from_secs(interval);
            let first = next_on_grid(at(start), interval, &uid);
            prop_assert!(first > at(start) && first.duration_since(at(start)) <= interval);
            let second = next_on_grid(first, interval, &uid);
            prop_assert_eq!(second.duration_since(first), interval);
            let between = first - SignedDuration::from_millis(1);
            prop_assert_eq!(next_on_grid(between, interval, &uid), first);
        }
    }
}
