//! One result, and how numbers are written.

use std::time::Duration;

/// One result of a workload: a row of the table.
#[derive(Debug)]
pub struct Row {
    /// The workload.
    pub workload: &'static str,
    /// What was measured.
    pub what: String,
    /// What came out.
    pub result: String,
    /// What was aimed at; empty without.
    pub aim: String,
    /// Whether the aim was met; none without one.
    pub met: Option<bool>,
    /// The raw numbers; may be empty.
    pub raw: String,
}

impl Row {
    /// A result without an aim.
    pub fn new(workload: &'static str, what: impl Into<String>, result: impl Into<String>) -> Self {
        let (what, result) = (what.into(), result.into());
        Self { workload, what, result, aim: String::new(), met: None, raw: String::new() }
    }

    /// Sets the aim, and whether it is met.
    #[must_use]
    pub fn aim(mut self, aim: impl Into<String>, met: bool) -> Self {
        (self.aim, self.met) = (aim.into(), Some(met));
        self
    }

    /// Sets the raw numbers.
    #[must_use]
    pub fn raw(mut self, raw: impl Into<String>) -> Self {
        self.raw = raw.into();
        self
    }
}

/// The median and the 99th percentile, by nearest rank.
pub fn quantiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let at = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100).max(1);
        times.get(rank - 1).copied().unwrap_or_default()
    };
    (at(50), at(99))
}

/// A time as people read it.
pub fn time(time: Duration) -> String {
    if time < Duration::from_secs(1) {
        format!("{:.0} ms", time.as_secs_f64() * 1e3)
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

/// How many times longer.
pub fn ratio(time: Duration, than: Duration) -> f64 {
    time.as_secs_f64() / than.as_secs_f64()
}

/// How many there are for each of `many`.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn per(number: impl TryInto<u64>, many: usize) -> f64 {
    number.try_into().unwrap_or_default() as f64 / many.max(1) as f64
}
