//! Times as people say them.

use jiff::{SignedDuration, Timestamp};

/// `in 43 min`, `now`, `5 min ago`.
#[must_use]
pub fn relative(moment: Timestamp, now: Timestamp) -> String {
    let apart = moment.duration_since(now);
    match apart.as_secs() {
        0 => "now".to_owned(),
        1.. => format!("in {}", length(apart)),
        _ => format!("{} ago", length(apart.abs())),
    }
}

/// `30 s`, `43 min`, `2 h 5 min`, `3 d 4 h`. What is below the last unit is dropped.
#[must_use]
pub fn length(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    let two = |great: i64, unit: &str, small: i64, below: &str| match small {
        0 => format!("{great} {unit}"),
        _ => format!("{great} {unit} {small} {below}"),
    };
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min"),
        (0, _, _) => two(hours, "h", minutes % 60, "min"),
        _ => two(days, "d", hours % 24, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_said_by_its_distance_in_at_most_two_units() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, said) in [
            (0, "now"),
            (30, "in 30 s"),
            (59, "in 59 s"),
            (43 * 60 + 59, "in 43 min"),
            (2 * 3_600, "in 2 h"),
            (2 * 3_600 + 5 * 60, "in 2 h 5 min"),
            (3 * 86_400 + 4 * 3_600, "in 3 d 4 h"),
            (-1, "1 s ago"),
            (-5 * 60, "5 min ago"),
        ] {
            assert_eq!(relative(now + SignedDuration::from_secs(seconds), now), said, "{seconds}");
        }
    }
}
