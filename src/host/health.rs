//! Whether the process can do its work (readiness) and whether it still runs (liveness).
//!
//! Readiness is a list of components, each with the reason why it is not ready: the answer to "why does nothing happen?"
//! Liveness is a heartbeat of the controllers' loop and nothing else: a broken dependency is no reason for a restart.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tracing::{info, warn};

/// A heartbeat older than this is a stuck loop.
pub const HEARTBEAT_BOUND: Duration = Duration::from_mins(1);

/// Where components report how they are. Cheap to clone; every clone is the same record.
#[derive(Debug, Clone, Default)]
pub struct Health(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    components: BTreeMap<&'static str, Component>,
    last_beat: Option<Instant>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Component {
    Ready,
    NotReady(String),
}

/// The answer to a probe.
#[derive(Debug, PartialEq, Eq)]
pub struct Report {
    /// Whether all checks passed.
    pub passed: bool,
    /// One line a check, in the form of the API server's verbose health endpoints.
    pub text: String,
}

impl Health {
    /// The component must report before the process counts as ready.
    pub fn expect(&self, component: &'static str) {
        self.replace(component, Component::NotReady("has not reported yet".to_owned()));
    }

    /// The component works, for example `kubernetes cache`.
    pub fn ready(&self, component: &'static str) {
        if self.replace(component, Component::Ready) {
            info!(component, "ready");
        }
    }

    /// The component does not work; `why` says what is wrong and what to do.
    pub fn not_ready(&self, component: &'static str, why: impl Into<String>) {
        let why = why.into();
        if self.replace(component, Component::NotReady(why.clone())) {
            warn!(component, why, "not ready");
        }
    }

    /// The controllers' loop turns. From the first beat on, it must beat more often than [`HEARTBEAT_BOUND`].
    pub fn beat(&self) {
        self.state().last_beat = Some(Instant::now());
    }

    /// Whether every component that reported is ready, and at least one did.
    #[must_use]
    pub fn readiness(&self) -> Report {
        readiness(&self.state().components)
    }

    /// Whether the controllers' loop turns. A loop that has not begun, as in a standby, is not stuck.
    #[must_use]
    pub fn liveness(&self) -> Report {
        liveness(self.state().last_beat, Instant::now())
    }

    /// Returns whether this changes anything.
    fn replace(&self, component: &'static str, now: Component) -> bool {
        let mut state = self.state();
        let changed = state.components.get(component) != Some(&now);
        state.components.insert(component, now);
        changed
    }

    /// No update leaves the record half-written, so one that panicked elsewhere does not spoil it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn readiness(components: &BTreeMap<&'static str, Component>) -> Report {
    if components.is_empty() {
        return report("readyz", [("startup", Some("no component has reported yet"))]);
    }
    let checks = components.iter().map(|(name, component)| match component {
        Component::Ready => (*name, None),
        Component::NotReady(why) => (*name, Some(why.as_str())),
    });
    report("readyz", checks)
}

fn liveness(last_beat: Option<Instant>, now: Instant) -> Report {
    let age = last_beat.map_or(Duration::ZERO, |beat| now.saturating_duration_since(beat));
    let stuck = (age > HEARTBEAT_BOUND)
        .then(|| format!("last heartbeat {} s ago, more than {} s", age.as_secs(), HEARTBEAT_BOUND.as_secs()));
    report("healthz", [("controllers", stuck.as_deref())])
}

fn report<'a>(endpoint: &str, checks: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> Report {
    let mut passed = true;
    let mut text = String::new();
    for (name, failure) in checks {
        passed &= failure.is_none();
        // Writing to a String cannot fail.
        let _: std::fmt::Result = match failure {
            None => writeln!(text, "[+]{name} ok"),
            Some(why) => writeln!(text, "[-]{name} failed: {}", why.replace('\n', " ")),
        };
    }
    text.push_str(endpoint);
    text.push_str(if passed { " check passed\n" } else { " check failed\n" });
    Report { passed, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_in_which_nothing_has_reported_is_not_ready() {
        let report = Health::default().readiness();
        assert!(!report.passed);
        assert_eq!(report.text, "[-]startup failed: no component has reported yet\nreadyz check failed\n");
    }

    #[test]
    fn readiness_names_each_component_and_what_is_wrong_with_it() {
        let health = Health::default();
        health.ready("kubernetes cache");
        health.not_ready("aws base identity", "the token expired\nrenew it");
        assert_eq!(
            health.readiness(),
            Report {
                passed: false,
                text: "[-]aws base identity failed: the token expired renew it\n[+]kubernetes cache ok\nreadyz check failed\n"
                    .to_owned()
            }
        );
    }

    #[test]
    fn an_expected_component_is_not_ready_until_it_reports() {
        let health = Health::default();
        health.expect("kubernetes cache");
        assert_eq!(
            health.readiness(),
            Report {
                passed: false,
                text: "[-]kubernetes cache failed: has not reported yet\nreadyz check failed\n".to_owned()
            }
        );
        health.ready("kubernetes cache");
        assert!(health.readiness().passed);
    }

    #[test]
    fn a_component_recovers_in_every_clone() {
        let health = Health::default();
        health.not_ready("aws base identity", "the token expired");
        health.clone().ready("aws base identity");
        assert_eq!(
            health.readiness(),
            Report { passed: true, text: "[+]aws base identity ok\nreadyz check passed\n".to_owned() }
        );
    }

    #[test]
    fn a_loop_that_has_not_begun_is_alive() {
        assert!(Health::default().liveness().passed);
    }

    #[test]
    fn a_loop_is_stuck_once_its_last_beat_is_older_than_the_bound() {
        let beat = Instant::now();
        assert!(liveness(Some(beat), beat + HEARTBEAT_BOUND).passed);
        let stuck = liveness(Some(beat), beat + HEARTBEAT_BOUND + Duration::from_secs(30));
        assert_eq!(
            stuck,
            Report {
                passed: false,
                text: "[-]controllers failed: last heartbeat 90 s ago, more than 60 s\nhealthz check failed\n"
                    .to_owned()
            }
        );
    }
}
