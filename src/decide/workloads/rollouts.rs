//! Workloads that are restarted after a renewal, because they read credentials only when they start.
//!
//! What is due follows from what is stored: `status.restartedFor` names the set that everything declared was restarted
//! for, and the template of each workload the set that it was restarted for itself. So a crash between the Secret and a
//! patch is made up for, and neither a restart of the operator nor a second process patches twice. What fails is tried
//! again until the next renewal takes its place, also after the earlier set has expired: then a restart is needed the
//! more.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::api::{ConditionType, CrossAccountRoleStatus, Reason, RolloutRestart};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::status::conditions::Conditions;

/// A workload, as far as its restart goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// When it was created.
    pub created_at: Option<Timestamp>,
    /// Issue time of the set that its template was last changed for.
    pub restarted_for: Option<Timestamp>,
}

/// What came of one declared workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Restart {
    /// Its template was changed, and Kubernetes replaces its pods.
    Restarted,
    /// It began with this set or a later one, or was restarted for it before.
    NotNeeded,
    /// There is no such workload in the namespace.
    Missing,
    /// Somebody changed it at the same moment.
    Overtaken,
    /// The API server refused, in these words.
    Refused(String),
}

/// How the declared restarts stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Rollouts {
    /// Not looked at: as it was.
    #[default]
    Untouched,
    /// None are declared.
    NotDeclared,
    /// Nothing is due for the set issued then.
    Done(Timestamp),
    /// Something is due and was not possible.
    Failing {
        /// Issue time of the set that the workloads were restarted for before.
        restarted_for: Timestamp,
        /// What is in the way.
        verdict: Verdict,
    },
}

/// Issue time of the set that the workloads have: of the present one if it is the first, since pods wait for a Secret that
/// does not exist yet.
///
/// It outlives the Secret, so that a set after a revocation counts as a renewal. Where restarts were not declared before,
/// the set of the last status stands for it: who declares them together with a change of the session means this renewal.
#[must_use]
pub fn restarted_for(previous: &CrossAccountRoleStatus, issued_at: Timestamp) -> Timestamp {
    let published = previous.credentials.as_ref().and_then(|set| set.issued_at.as_ref());
    previous.restarted_for.as_ref().or(published).map_or(issued_at, |time| time.0)
}

/// Whether the pods of a workload may have begun with an earlier set. Where two objects name one workload, a restart for
/// the later set of the other serves this one as well.
#[must_use]
pub fn needs_restart(workload: Workload, issued_at: Timestamp) -> bool {
    let Workload { created_at, restarted_for } = workload;
    let has_it = |time: Option<Timestamp>| time.is_some_and(|time| time >= issued_at);
    !has_it(restarted_for) && !has_it(created_at)
}

/// Sums up what came of the declared workloads.
#[must_use]
pub fn rollouts(results: &[(&RolloutRestart, Restart)], restarted_for: Timestamp, issued_at: Timestamp) -> Rollouts {
    let mut failures = Vec::new();
    let (mut reason, mut retry) = (Reason::Progressing, Retry::Slow);
    for (declared, result) in results {
        let why = match result {
            Restart::Restarted | Restart::NotNeeded => continue,
            Restart::Overtaken => {
                retry = Retry::Soon;
                "it changed at the same time"
            }
            Restart::Missing => {
                reason = if reason == Reason::Progressing { Reason::WorkloadNotFound } else { reason };
                "there is no such workload in this namespace; create it, or correct spec.rolloutRestarts"
            }
            Restart::Refused(answer) => {
                reason = Reason::KubernetesDenied;
                answer
            }
        };
        failures.push(format!("{}: {why}", named(declared)));
    }
    if failures.is_empty() {
        return Rollouts::Done(issued_at);
    }
    let message = format!(
        "Not yet restarted for the credentials issued at {issued_at}; this is retried: {}",
        failures.join("; ")
    );
    Rollouts::Failing { restarted_for, verdict: Verdict { reason, message, retry } }
}

/// The workloads that were restarted, for people.
#[must_use]
pub fn restarted(results: &[(&RolloutRestart, Restart)]) -> Option<String> {
    let names: Vec<String> = results
        .iter()
        .filter(|(_, result)| *result == Restart::Restarted)
        .map(|(declared, _)| named(declared))
        .collect();
    (!names.is_empty()).then(|| names.join(", "))
}

fn named(declared: &RolloutRestart) -> String {
    format!("{} {}", declared.kind, declared.name)
}

impl Rollouts {
    /// What is in the way, if something is.
    #[must_use]
    pub fn problem(&self) -> Option<&Verdict> {
        match self {
            Self::Failing { verdict, .. } => Some(verdict),
            Self::Untouched | Self::NotDeclared | Self::Done(_) => None,
        }
    }

    /// What `status.restartedFor` is to say.
    #[must_use]
    pub fn restarted_for(&self, previous: Option<&Time>) -> Option<Time> {
        match self {
            Self::Untouched => previous.cloned(),
            Self::NotDeclared => None,
            Self::Done(issued_at) => Some(Time(*issued_at)),
            Self::Failing { restarted_for, .. } => Some(Time(*restarted_for)),
        }
    }

    /// Sets the condition.
    pub fn tell(&self, conditions: &mut Conditions<'_>) {
        let kind = ConditionType::RolloutsReady;
        match self {
            Self::Untouched => conditions.carry_over(kind),
            Self::NotDeclared => {}
            Self::Done(_) => conditions.set(kind, true, Reason::Available, "No workload waits for a restart."),
            Self::Failing { verdict: Verdict { reason, message, .. }, .. } => {
                conditions.set(kind, false, *reason, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{CredentialsStatus, WorkloadKind};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("a time")
    }

    fn status(restarted_for: Option<i64>, issued_at: Option<i64>) -> CrossAccountRoleStatus {
        let time = |second: Option<i64>| second.map(|second| Time(at(second)));
        CrossAccountRoleStatus {
            restarted_for: time(restarted_for),
            credentials: issued_at
                .map(|second| CredentialsStatus { issued_at: time(Some(second)), ..CredentialsStatus::default() }),
            ..CrossAccountRoleStatus::default()
        }
    }

    #[test]
    fn every_set_but_the_very_first_calls_for_restarts() {
        for (what, previous, due) in [
            ("the first set of an object", status(None, None), false),
            ("the same set again", status(Some(100), Some(100)), false),
            ("a renewal", status(Some(0), Some(0)), true),
            ("a crash after the Secret and before the status", status(Some(0), Some(0)), true),
            ("a crash before the patch", status(Some(0), Some(100)), true),
            ("a set after a revocation", status(Some(0), None), true),
            ("restarts declared for a set that is there", status(None, Some(100)), false),
            ("restarts declared together with what brings a new set", status(None, Some(0)), true),
        ] {
            assert_eq!(restarted_for(&previous, at(100)) < at(100), due, "{what}");
        }
    }

    #[test]
    fn a_workload_is_left_alone_that_has_the_set_or_a_later_one() {
        let workload = |created_at: i64, restarted_for: Option<i64>| Workload {
            created_at: Some(at(created_at)),
            restarted_for: restarted_for.map(at),
        };
        for (what, workload, needed) in [
            ("never restarted", workload(0, None), true),
            ("restarted for an earlier set", workload(0, Some(99)), true),
            ("restarted for this set", workload(0, Some(100)), false),
            ("restarted for a later set", workload(0, Some(101)), false),
            ("created after the issue", workload(101, None), false),
            ("without any time", Workload::default(), true),
        ] {
            assert_eq!(needs_restart(workload, at(100)), needed, "{what}");
        }
    }

    #[test]
    fn what_was_not_restarted_is_named_with_its_reason_and_its_own_retry() {
        let workload = |name: &str| RolloutRestart { kind: WorkloadKind::Deployment, name: name.to_owned() };
        let (a, b) = (workload("a"), workload("b"));
        let refused = || Restart::Refused("deployments.apps \"b\" is forbidden".into());
        for (first, second, expected) in [
            (Restart::Restarted, Restart::NotNeeded, None),
            (
                Restart::Restarted,
                Restart::Missing,
                Some((Reason::WorkloadNotFound, Retry::Slow, "Deployment b: there is no")),
            ),
            (Restart::Missing, refused(), Some((Reason::KubernetesDenied, Retry::Slow, "is forbidden"))),
            (refused(), Restart::Missing, Some((Reason::KubernetesDenied, Retry::Slow, "Deployment b: there is no"))),
            (
                Restart::NotNeeded,
                Restart::Overtaken,
                Some((Reason::Progressing, Retry::Soon, "Deployment b: it changed")),
            ),
            (
                Restart::Overtaken,
                Restart::Missing,
                Some((Reason::WorkloadNotFound, Retry::Soon, "Deployment a: it changed")),
            ),
        ] {
            let summed = rollouts(&[(&a, first), (&b, second)], at(0), at(100));
            let Some((reason, retry, message)) = expected else {
                assert_eq!(summed, Rollouts::Done(at(100)));
                continue;
            };
            let verdict = summed.problem().expect("a problem");
            assert_eq!((verdict.reason, verdict.retry), (reason, retry));
            assert!(verdict.message.contains(message), "{}", verdict.message);
            assert_eq!(summed.restarted_for(None), Some(Time(at(0))), "it stays due");
        }
    }

    #[test]
    fn one_sentence_names_all_that_were_restarted() {
        let workload = |kind, name: &str| RolloutRestart { kind, name: name.to_owned() };
        let (a, b) = (workload(WorkloadKind::Deployment, "a"), workload(WorkloadKind::DaemonSet, "b"));
        let names = restarted(&[(&a, Restart::Restarted), (&b, Restart::Restarted), (&a, Restart::Missing)]);
        assert_eq!(names.as_deref(), Some("Deployment a, DaemonSet b"));
        assert_eq!(restarted(&[(&a, Restart::NotNeeded)]), None);
    }
}
