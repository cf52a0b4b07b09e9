//! What goes wrong: latency, calls refused at random, limits, and accounts that fail.

use std::{
    collections::HashMap,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::bucket::{Bucket, Rate};
use crate::{aws_proxy::AwsError, rules::locked};

/// How an account fares.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It answers.
    #[default]
    Well,
    /// No call about it is ever answered, not with a single byte.
    Hangs,
    /// Nobody may assume a role in it.
    Denies,
    /// Every call about it is refused as one too many.
    Throttles,
}

/// What goes wrong. All of it may change while calls are made.
#[derive(Default)]
pub struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    latency: Duration,
    /// Calls in a hundred that are refused at random.
    throttled_percent: u64,
    limit: Option<Rate>,
    buckets: HashMap<String, Bucket>,
    moods: HashMap<String, Mood>,
    drawn: u64,
}

/// What happens to one call.
pub(super) enum Fate {
    Answered,
    Refused(AwsError),
    Unanswered,
}

impl Faults {
    /// Every call takes this much longer.
    pub fn latency(&self, latency: Duration) {
        locked(&self.0).latency = latency;
    }

    /// This many calls in a hundred are refused at random: the same ones in each run.
    pub fn throttle_percent(&self, percent: u64) {
        locked(&self.0).throttled_percent = percent;
    }

    /// The limit of calls to IAM in each account; every bucket is full again. IAM does not publish its own limits.
    pub fn limit(&self, limit: Option<Rate>) {
        let mut state = locked(&self.0);
        state.limit = limit;
        state.buckets.clear();
    }

    /// How an account fares from now on.
    pub fn mood(&self, account: &str, mood: Mood) {
        locked(&self.0).moods.insert(account.to_owned(), mood);
    }

    pub(super) fn delay(&self) -> Duration {
        locked(&self.0).latency
    }

    /// What happens to a call of `service` about `account`; `assumes` is whether it assumes a role there.
    pub(super) fn befall(&self, service: &str, account: &str, assumes: bool) -> Fate {
        let mut state = locked(&self.0);
        match state.moods.get(account).copied().unwrap_or_default() {
            Mood::Well => {}
            Mood::Hangs => return Fate::Unanswered,
            Mood::Denies if assumes => {
                return Fate::Refused(AwsError::new(403, "AccessDenied", "not authorized to perform: sts:AssumeRole"));
            }
            Mood::Denies => {}
            Mood::Throttles => return Fate::Refused(AwsError::throttling()),
        }
        if state.draws_a_refusal() || (service == "iam" && !state.is_within_limit(account, Instant::now())) {
            return Fate::Refused(AwsError::throttling());
        }
        Fate::Answered
    }
}

impl State {
    fn draws_a_refusal(&mut self) -> bool {
        self.drawn += 1;
        mixed(self.drawn) % 100 < self.throttled_percent
    }

    fn is_within_limit(&mut self, account: &str, now: Instant) -> bool {
        let Some(rate) = self.limit else { return true };
        let bucket = self.buckets.entry(account.to_owned()).or_insert_with(|| Bucket::full(rate, now));
        bucket.take(rate, now)
    }
}

/// `SplitMix64` (Steele, Lea and Flood, 2014): a number that looks random, made from a counter.
fn mixed(counter: u64) -> u64 {
    let mut z = counter.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_refused_calls_is_as_asked() {
        let faults = Faults::default();
        faults.throttle_percent(50);
        let refused = |_: &u32| matches!(faults.befall("sts", "1", false), Fate::Refused(_));
        let share = (0..10_000).filter(refused).count();
        assert!((4_800..5_200).contains(&share), "{share}");
    }

    #[test]
    fn an_account_that_denies_answers_all_but_assume_role() {
        let faults = Faults::default();
        faults.mood("1", Mood::Denies);
        assert!(matches!(faults.befall("sts", "1", true), Fate::Refused(error) if error.status == 403));
        assert!(matches!(faults.befall("iam", "1", false), Fate::Answered));
        assert!(matches!(faults.befall("sts", "2", true), Fate::Answered));
    }

    #[test]
    fn only_iam_is_limited_and_each_account_has_a_bucket_of_its_own() {
        let faults = Faults::default();
        faults.limit(Some(Rate { per_second: 0.0, burst: 1.0 }));
        let answered = |service, account| matches!(faults.befall(service, account, false), Fate::Answered);
        assert!(answered("iam", "1") && !answered("iam", "1") && answered("iam", "2") && answered("sts", "1"));
    }
}
