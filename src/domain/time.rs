//! Time as Kubernetes keeps it.

use jiff::Timestamp;

/// Drops what is below a second: Kubernetes stores times without it, and a time that is read back must equal the one
/// that was written.
#[must_use]
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}
