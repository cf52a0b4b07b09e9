//! How fast calls are sent to a service that throttles: as fast as it takes them, which its answers show.
//!
//! AWS throttles with a token bucket for each account and service, and does not publish its size (IAM user guide, "IAM and
//! AWS STS quotas"). Above the rate of the bucket AWS refuses each further call; below it, none. So the first refusals are
//! measured, and for a short trial the calls are sent more slowly than AWS took them. If the refusals stop, the calls stay
//! paced at the measured rate, and the pace grows again until the next refusals. If they do not stop, the rate is not
//! their cause: pacing would only cost time, and is left out for a while.

use std::time::{Duration, Instant};

/// Answers that make one measurement.
const SAMPLE: u32 = 6;

/// From this number of refusals in a sample on, a trial has failed. If all are refused, it goes on: AWS takes nothing at present.
const STILL_REFUSED: u32 = 2;

/// The lowest pace, in calls per second.
const SLOWEST: f64 = 5.0;

/// A service that takes more calls per second than this is not paced.
const FASTEST: f64 = 400.0;

/// The pace of a trial, as a part of the measured rate.
const TRIAL: f64 = 0.7;

/// Growth of the pace after a sample without refusals, as long as no pace was too fast yet.
const SEARCH: f64 = 2.0;

/// The same once one was.
const CLIMB: f64 = 1.1;

/// How long calls stay unpaced after a trial that failed.
const UNPACED: Duration = Duration::from_secs(5);

/// The pace of the calls to one service of one account.
#[derive(Debug, Default)]
pub(super) struct Pace {
    mode: Mode,
    /// When the pace was last changed.
    since: Option<Instant>,
    /// Calls that AWS took since then, if it refused none.
    taken: u32,
    /// The measurement of refusals that is under way.
    refusals: Option<Sample>,
    next_call: Option<Instant>,
}

/// How calls are sent at present. Rates are in calls per second.
#[derive(Clone, Copy, Debug)]
enum Mode {
    /// As they come. Refusals before `until` are not measured.
    Unpaced { until: Option<Instant> },
    /// More slowly than AWS took them, to see whether the refusals stop.
    Trial { rate: f64, growth: f64 },
    /// At the rate at which AWS takes them.
    Paced { rate: f64, growth: f64 },
}

impl Default for Mode {
    fn default() -> Self {
        Self::Unpaced { until: None }
    }
}

impl Pace {
    /// How long the next call has to wait. A call that need not wait counts as sent.
    pub fn delay(&mut self, now: Instant) -> Option<Duration> {
        let interval = self.interval()?;
        let wait = self.next_call.map(|next| next.saturating_duration_since(now)).filter(|wait| !wait.is_zero());
        if wait.is_none() {
            self.next_call = Some(now + interval);
        }
        wait
    }

    /// Learns from the answer to a call that was sent at `sent`.
    pub fn answered(&mut self, sent: Instant, refused: bool, now: Instant) {
        match self.mode {
            Mode::Unpaced { until: Some(until) } if now < until => {}
            // From the first refusal on, the bucket has nothing left of quieter times: what AWS takes then is its rate.
            Mode::Unpaced { .. } | Mode::Paced { .. } if self.refusals.is_none() => {
                if refused {
                    self.refusals = Some(Sample::begin(now));
                } else if sent >= self.since.unwrap_or(sent) {
                    self.taken_in_a_row(now);
                }
            }
            _ => {
                let complete = self.refusals.as_mut().is_some_and(|sample| sample.add(sent, refused));
                if let Some(sample) = self.refusals.take_if(|_| complete) {
                    self.judge(sample, now);
                }
            }
        }
    }

    /// A call was taken, as all since the pace was last changed.
    fn taken_in_a_row(&mut self, now: Instant) {
        self.taken += 1;
        if let Mode::Paced { rate, growth } = self.mode
            && self.taken >= SAMPLE
        {
            let rate = rate * growth;
            self.change(if rate > FASTEST { Mode::default() } else { Mode::Paced { rate, growth } }, now);
        }
    }

    fn judge(&mut self, sample: Sample, now: Instant) {
        let rate = sample.rate(now).max(SLOWEST);
        let mode = match self.mode {
            Mode::Unpaced { .. } if sample.refused == 0 => Mode::default(),
            Mode::Unpaced { .. } => Mode::Trial { rate, growth: SEARCH },
            Mode::Paced { .. } => Mode::Trial { rate, growth: CLIMB },
            Mode::Trial { growth, .. } if sample.refused == SAMPLE => Mode::Trial { rate: SLOWEST, growth },
            Mode::Trial { .. } if sample.refused >= STILL_REFUSED => Mode::Unpaced { until: Some(now + UNPACED) },
            Mode::Trial { rate, growth } => Mode::Paced { rate, growth },
        };
        self.change(mode, now);
    }

    fn change(&mut self, mode: Mode, now: Instant) {
        let is_trial = matches!(mode, Mode::Trial { .. });
        self.mode = mode;
        (self.since, self.taken) = (Some(now), 0);
        self.refusals = is_trial.then(|| Sample::begin(now));
        // A slower pace began a wait that a faster one does not ask for.
        self.next_call = self.interval().map(|interval| self.next_call.unwrap_or(now).min(now + interval));
    }

    fn interval(&self) -> Option<Duration> {
        let per_second = match self.mode {
            Mode::Unpaced { .. } => return None,
            Mode::Trial { rate, .. } => (rate * TRIAL).max(SLOWEST),
            Mode::Paced { rate, .. } => rate,
        };
        Some(Duration::from_secs_f64(per_second.recip()))
    }
}

/// Answers to the calls that were sent since a moment.
#[derive(Clone, Copy, Debug)]
struct Sample {
    since: Instant,
    answers: u32,
    refused: u32,
}

impl Sample {
    fn begin(now: Instant) -> Self {
        Self { since: now, answers: 0, refused: 0 }
    }

    /// Counts an answer. Says whether the sample is complete.
    fn add(&mut self, sent: Instant, refused: bool) -> bool {
        if sent < self.since {
            return false;
        }
        self.answers += 1;
        self.refused += u32::from(refused);
        self.answers >= SAMPLE
    }

    /// Calls per second that AWS took.
    fn rate(&self, now: Instant) -> f64 {
        let seconds = now.duration_since(self.since).as_secs_f64();
        f64::from(self.answers - self.refused) / seconds.max(0.001)
    }
}

#[cfg(test)]
mod tests;
