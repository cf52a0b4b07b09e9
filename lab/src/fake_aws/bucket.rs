//! The token bucket by which AWS limits calls: it fills at a steady rate up to a burst, and each call takes one token.

use std::time::{Duration, Instant};

/// A limit of calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Tokens that come back in a second.
    pub per_second: f64,
    /// The most tokens that are kept.
    pub burst: f64,
}

impl Rate {
    /// How many calls the bucket lets through in this time, from a full one on.
    pub fn capacity(&self, time: Duration) -> f64 {
        self.burst + self.per_second * time.as_secs_f64()
    }
}

/// The state of one bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    pub(super) fn full(rate: Rate, now: Instant) -> Self {
        Self { tokens: rate.burst, filled: now }
    }

    /// Takes a token. False if there is none: the call is refused, and costs nothing.
    pub(super) fn take(&mut self, rate: Rate, now: Instant) -> bool {
        let gained = rate.per_second * now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + gained).min(rate.burst);
        self.filled = now;
        let taken = self.tokens >= 1.0;
        if taken {
            self.tokens -= 1.0;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_its_burst_at_once_and_then_its_rate() {
        let (rate, begin) = (Rate { per_second: 10.0, burst: 20.0 }, Instant::now());
        let mut bucket = Bucket::full(rate, begin);
        let mut taken = |now| (0..100).filter(|_| bucket.take(rate, now)).count();
        assert_eq!(taken(begin), 20);
        assert_eq!(taken(begin + Duration::from_secs(1)), 10);
        assert_eq!(taken(begin + Duration::from_mins(1)), 20);
    }
}
