//! Whole workloads against a service that throttles, in simulated time.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::*;

/// Calls that are made one after the other for one object.
const CHAIN: u32 = 7;
/// Objects in work at the same time.
const AT_ONCE: usize = 10;
/// Time that AWS takes for an answer, in milliseconds.
const LATENCY: u64 = 20;

/// What the service refuses.
enum Service {
    /// This share of the calls in percent, at random.
    AtRandom { percent: u64, state: u64 },
    /// What exceeds a token bucket of this rate per second and this size.
    Bucket { rate: f64, size: f64, tokens: f64, at: u64 },
}

impl Service {
    fn at_random(percent: u64, seed: u64) -> Self {
        Self::AtRandom { percent, state: seed }
    }

    fn bucket(rate: f64, size: f64) -> Self {
        Self::Bucket { rate, size, tokens: size, at: 0 }
    }

    fn refuses(&mut self, now: u64) -> bool {
        match self {
            Self::AtRandom { percent, state } => next_random(state) % 100 < *percent,
            Self::Bucket { rate, size, tokens, at } => {
                let refilled = Duration::from_millis(now - *at).as_secs_f64() * *rate;
                (*tokens, *at) = ((*tokens + refilled).min(*size), now);
                let refused = *tokens < 1.0;
                *tokens -= if refused { 0.0 } else { 1.0 };
                refused
            }
        }
    }
}

/// A linear congruential generator: the same numbers in each run.
fn next_random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// A call: how many follow it, and how often it was refused.
type Call = (u32, u32);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    Wanted(Call),
    Answered { call: Call, sent: u64 },
    TurnComes,
}

/// What came of a workload.
#[derive(Debug)]
struct Outcome {
    seconds: f64,
    taken: u32,
    refused: u32,
}

impl Outcome {
    fn share_refused(&self) -> f64 {
        f64::from(self.refused) / f64::from(self.refused + self.taken)
    }
}

/// Makes all calls of `objects` objects, with the backoff of the SDK between the tries of one call.
fn run(mut service: Service, objects: u32) -> Outcome {
    let (start, mut pace, mut random) = (Instant::now(), Pace::default(), 7);
    let at = |ms: u64| start + Duration::from_millis(ms);
    let (mut events, mut queue) = (BinaryHeap::new(), VecDeque::new());
    let (mut left, mut turn_is_set) = (objects, false);
    let mut outcome = Outcome { seconds: 0.0, taken: 0, refused: 0 };
    for _ in 0..AT_ONCE.min(objects as usize) {
        events.push(Reverse((0, Event::Wanted((CHAIN - 1, 0)))));
        left -= 1;
    }
    while let Some(Reverse((now, event))) = events.pop() {
        match event {
            Event::Wanted(call) => queue.push_back(call),
            Event::TurnComes => turn_is_set = false,
            Event::Answered { call: (follow, tries), sent } => {
                let refused = service.refuses(now);
                pace.answered(at(sent), refused, at(now));
                if refused {
                    outcome.refused += 1;
                    let backoff = next_random(&mut random) % (100 << tries.min(10)).min(300);
                    events.push(Reverse((now + backoff, Event::Wanted((follow, tries + 1)))));
                } else {
                    outcome.taken += 1;
                    outcome.seconds = Duration::from_millis(now).as_secs_f64();
                    if follow > 0 {
                        queue.push_back((follow - 1, 0));
                    } else if left > 0 {
                        left -= 1;
                        queue.push_back((CHAIN - 1, 0));
                    }
                }
            }
        }
        while !turn_is_set && let Some(call) = queue.front().copied() {
            if let Some(wait) = pace.delay(at(now)) {
                turn_is_set = true;
                let wait = u64::try_from(wait.as_millis()).expect("a short wait").max(1);
                events.push(Reverse((now + wait, Event::TurnComes)));
            } else {
                queue.pop_front();
                events.push(Reverse((now + LATENCY, Event::Answered { call, sent: now })));
            }
        }
    }
    assert_eq!(outcome.taken, objects * CHAIN, "all calls are made");
    outcome
}

#[test]
fn a_bucket_is_used_up_and_little_is_refused() {
    // 10 calls a second and 20 at once are what AWS is said to allow for IAM writes.
    for (rate, size, objects) in [(10.0, 20.0, 20), (10.0, 20.0, 200), (5.0, 10.0, 100), (50.0, 100.0, 200)] {
        let outcome = run(Service::bucket(rate, size), objects);
        let used = f64::from(outcome.taken) / (size + rate * outcome.seconds);
        assert!(used >= 0.8 && outcome.share_refused() <= 0.25, "{rate}/s, {objects} objects: {used:.2} {outcome:?}");
        if objects >= 100 {
            assert!(outcome.share_refused() <= 0.15, "{rate}/s, {objects} objects: {outcome:?}");
        }
    }
}

#[test]
fn refusals_at_random_are_soon_known_not_to_come_from_the_rate() {
    for seed in 0..20 {
        let outcome = run(Service::at_random(50, seed), 20);
        assert!(outcome.seconds < 20.0, "seed {seed}: {outcome:?}");
    }
    let mean = (0..20).map(|seed| run(Service::at_random(50, seed), 20).seconds).sum::<f64>() / 20.0;
    assert!(mean < 4.0, "{mean}");
}

#[test]
fn without_refusals_no_call_waits() {
    let outcome = run(Service::at_random(0, 0), 160);
    let rounds = f64::from(160 / 10 * CHAIN);
    assert!((outcome.seconds - rounds * 0.02).abs() < 1e-9, "{outcome:?}");
}

#[test]
fn the_pace_is_gone_within_seconds_after_the_service_stops_to_refuse() {
    let (start, mut pace) = (Instant::now(), Pace::default());
    let mut now = start;
    let mut call = |pace: &mut Pace, refused: bool| {
        while let Some(wait) = pace.delay(now) {
            now += wait;
        }
        let sent = now;
        now += Duration::from_millis(LATENCY);
        pace.answered(sent, refused, now);
        now
    };
    for n in 0..40 {
        call(&mut pace, n % 7 != 0 || n < 7);
    }
    let quiet = call(&mut pace, false);
    let mut last = quiet;
    while pace.interval().is_some() {
        last = call(&mut pace, false);
    }
    assert!(last.duration_since(quiet) < Duration::from_secs(20), "{:?}", last.duration_since(quiet));
}
