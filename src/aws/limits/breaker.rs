//! Whether calls into an account are worth a try: after several in a row without any answer, only one at a time is.

use std::time::{Duration, Instant};

/// Calls in a row without an answer after which others are not sent.
pub(super) const UNANSWERED: u32 = 5;

/// How long no call is sent after the first such row.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// The longest time between two single calls.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A circuit breaker.
#[derive(Debug)]
pub(super) enum Breaker {
    /// Calls are sent.
    Closed { unanswered: u32 },
    /// No call is sent until then.
    Open { until: Instant, pause: Duration },
    /// One call is under way, to see whether there is an answer again.
    Probing { pause: Duration },
}

impl Default for Breaker {
    fn default() -> Self {
        Self::Closed { unanswered: 0 }
    }
}

impl Breaker {
    /// Whether a call may be sent now. What became of it must be reported.
    pub fn lets_through(&mut self, now: Instant) -> bool {
        match *self {
            Self::Closed { .. } => true,
            Self::Open { until, pause } if until <= now => {
                *self = Self::Probing { pause };
                true
            }
            Self::Open { .. } | Self::Probing { .. } => false,
        }
    }

    /// An answer came, whatever it says.
    pub fn answered(&mut self) {
        *self = Self::default();
    }

    /// No answer came.
    pub fn unanswered(&mut self, now: Instant) {
        *self = match *self {
            Self::Closed { unanswered } if unanswered + 1 < UNANSWERED => Self::Closed { unanswered: unanswered + 1 },
            Self::Closed { .. } => Self::open(now, FIRST_PAUSE),
            Self::Probing { pause } => Self::open(now, (pause * 2).min(LONGEST_PAUSE)),
            // A call that began before the breaker opened.
            Self::Open { until, pause } => Self::Open { until, pause },
        };
    }

    fn open(now: Instant, pause: Duration) -> Self {
        Self::Open { until: now + pause, pause }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(now: Instant) -> Breaker {
        let mut breaker = Breaker::default();
        for _ in 0..UNANSWERED {
            assert!(breaker.lets_through(now));
            breaker.unanswered(now);
        }
        breaker
    }

    #[test]
    fn after_several_calls_without_an_answer_none_is_sent() {
        let now = Instant::now();
        let mut breaker = opened(now);
        assert!(!breaker.lets_through(now) && !breaker.lets_through(now + FIRST_PAUSE / 2));
    }

    #[test]
    fn one_answer_between_them_keeps_the_breaker_closed() {
        let (now, mut breaker) = (Instant::now(), Breaker::default());
        for _ in 0..10 {
            for _ in 1..UNANSWERED {
                breaker.unanswered(now);
            }
            breaker.answered();
        }
        assert!(breaker.lets_through(now));
    }

    #[test]
    fn after_the_pause_one_call_at_a_time_is_sent_and_an_answer_to_it_is_enough() {
        let mut now = Instant::now();
        let mut breaker = opened(now);
        for seconds in [2, 4, 8, 16, 30, 30] {
            let pause = Duration::from_secs(seconds);
            assert!(!breaker.lets_through(now + pause.mul_f64(0.99)), "{seconds}");
            now += pause;
            assert!(breaker.lets_through(now) && !breaker.lets_through(now), "{seconds}");
            breaker.unanswered(now);
        }
        now += LONGEST_PAUSE;
        assert!(breaker.lets_through(now));
        breaker.answered();
        assert!(breaker.lets_through(now) && breaker.lets_through(now));
    }

    #[test]
    fn a_call_from_before_the_pause_neither_lengthens_it_nor_counts() {
        let now = Instant::now();
        let mut breaker = opened(now);
        breaker.unanswered(now + FIRST_PAUSE / 2);
        assert!(breaker.lets_through(now + FIRST_PAUSE));
    }
}
