//! Programs that use the credentials: who was restarted, and who still holds an earlier set.
//!
//! A running container never sees a renewed Secret through its environment or a `subPath` mount (Kubernetes documentation,
//! "Secrets"). None of this says anything about access, so none of it touches `Ready`.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, ContainerStatus, Pod, PodSpec};

use super::mounts::{mounts_of, part};
use super::rollouts::Rollouts;
use crate::api::{ConditionType, CrossAccountRoleStatus, Reason, condition};
use crate::decide::credentials::secret::is_constant;
use crate::decide::event::some_of;
use crate::decide::failure::{Retry, delay};
use crate::decide::status::conditions::Conditions;

/// Workloads that were restarted are given this long before their pods are looked at. A rollout that takes longer shows
/// for a while as pods that wait for one.
const ROLLOUT_GRACE: SignedDuration = SignedDuration::from_mins(5);

/// What became of those who use the credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Consumers {
    /// The declared restarts.
    pub rollouts: Rollouts,
    /// Pods that hold an earlier set.
    pub stale: Stale,
}

/// What is known of pods that hold an earlier set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Stale {
    /// Not looked for: as it was.
    #[default]
    Untouched,
    /// They are looked for then, when restarted workloads had time to roll.
    LookedForAt(Timestamp),
    /// There can be none: the object has no earlier set.
    FirstSet,
    /// These, or none.
    Pods(StalePods),
    /// The operator may not list pods.
    Forbidden(String),
    /// The API server failed.
    Unknown(String),
}

/// Pods that hold an earlier set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StalePods {
    /// Their names.
    pub names: Vec<String>,
    /// Name of the Secret.
    pub secret: String,
    /// When the set that they lack was issued.
    pub issued_at: Timestamp,
}

/// Whether the pods of the namespace are to be listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PodCheck {
    /// Nothing can have changed.
    No,
    /// Nothing can hold an earlier set.
    FirstSet,
    /// Now.
    Now,
    /// Not before this moment.
    At(Timestamp),
}

/// A set of credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Issue {
    /// When it was issued.
    pub issued_at: Timestamp,
    /// Whether it was issued in this pass, and the object had no set before.
    pub is_first: bool,
    /// Whether workloads are being restarted for it.
    pub restarting: bool,
}

/// Pods are listed once for each set, and as long as some are stale at each reconcile, of which there are few. What came of
/// the last look is in the condition, so a restart of the operator lists nothing again. `issue` says what is known of the set.
#[must_use]
pub fn pod_check(
    previous: &CrossAccountRoleStatus,
    Issue { issued_at, is_first, restarting }: Issue,
    now: Timestamp,
) -> PodCheck {
    let known = condition(&previous.conditions, ConditionType::ConsumersStale);
    let reason = |wanted: Reason| known.is_some_and(|condition| condition.reason == wanted.as_str());
    let same_set =
        previous.credentials.as_ref().and_then(|set| set.issued_at.as_ref()).is_some_and(|time| time.0 == issued_at);
    if is_first {
        return PodCheck::FirstSet;
    }
    let rolled = issued_at.checked_add(ROLLOUT_GRACE).unwrap_or(Timestamp::MAX); // anybody may have written that time
    if now < rolled && (restarting || same_set && reason(Reason::Progressing)) {
        return PodCheck::At(rolled);
    }
    if same_set && (reason(Reason::Available) || reason(Reason::KubernetesDenied)) {
        PodCheck::No
    } else {
        PodCheck::Now
    }
}

/// Whether a container of the pod runs with what a Secret held before `issued_at`, and cannot see it renewed.
///
/// Pods that are on their way out are no concern, nor are containers that have ended or not begun.
#[must_use]
pub fn is_stale(pod: &Pod, secret: &str, issued_at: Timestamp) -> bool {
    let (Some(spec), Some(status)) = (&pod.spec, &pod.status) else { return false };
    if pod.metadata.deletion_timestamp.is_some() {
        return false;
    }
    let older = |statuses: &Option<Vec<ContainerStatus>>, name: &str| {
        let started = statuses.iter().flatten().find(|status| status.name == name).and_then(started_at);
        started.is_some_and(|started| started < issued_at)
    };
    let stale =
        |container: &Container, statuses| older(statuses, &container.name) && reads_once(container, spec, secret);
    let init = spec.init_containers.iter().flatten();
    spec.containers.iter().any(|container| stale(container, &status.container_statuses))
        || init.into_iter().any(|container| stale(container, &status.init_container_statuses))
}

fn started_at(status: &ContainerStatus) -> Option<Timestamp> {
    Some(status.state.as_ref()?.running.as_ref()?.started_at.as_ref()?.0)
}

/// Whether a container takes credentials of the Secret in a way that it sees only when it starts.
fn reads_once(container: &Container, spec: &PodSpec, secret: &str) -> bool {
    let by_name = container.env.iter().flatten().any(|variable| {
        let reference = variable.value_from.as_ref().and_then(|source| source.secret_key_ref.as_ref());
        reference.is_some_and(|reference| reference.name == secret && !is_constant(&reference.key))
    });
    let as_a_whole = container.env_from.iter().flatten();
    let as_a_whole =
        as_a_whole.filter_map(|source| source.secret_ref.as_ref()).any(|reference| reference.name == secret);
    let by_sub_path = mounts_of(container, spec, secret).filter_map(part).any(|part| !is_constant(part));
    by_name || as_a_whole || by_sub_path
}

impl Consumers {
    /// Sets the conditions.
    pub fn tell(&self, conditions: &mut Conditions<'_>) {
        self.rollouts.tell(conditions);
        let kind = ConditionType::ConsumersStale;
        match &self.stale {
            Stale::Untouched => conditions.carry_over(kind),
            Stale::LookedForAt(at) => {
                let message = format!("Workloads are being restarted; their remaining pods are checked at {at}.");
                conditions.set(kind, false, Reason::Progressing, &message);
            }
            Stale::FirstSet => {
                conditions.set(kind, false, Reason::Available, "These are the first credentials of this object.");
            }
            Stale::Pods(pods) if pods.names.is_empty() => {
                conditions.set(kind, false, Reason::Available, "No running container holds earlier credentials.");
            }
            Stale::Pods(pods) => conditions.set(kind, true, Reason::RestartNeeded, &pods.message()),
            Stale::Forbidden(answer) => {
                let message = format!(
                    "Cannot check whether pods hold earlier credentials: {answer}. To enable the check, allow the \
                     operator to list pods (deploy/rbac.yaml); it is optional."
                );
                conditions.set(kind, false, Reason::KubernetesDenied, &message);
            }
            Stale::Unknown(answer) => {
                let message = format!("Pods could not be listed; this is retried: {answer}");
                conditions.set(kind, false, Reason::Progressing, &message);
            }
        }
    }

    /// When to come back for the sake of these, if need be. `remaining` is what is left of the set.
    #[must_use]
    pub fn wake_at(&self, remaining: Option<SignedDuration>, uid: &str, now: Timestamp) -> Option<Timestamp> {
        let later = |retry| delay(retry, 0, remaining, uid).map(|wait| now + wait);
        let restarts = self.rollouts.problem().and_then(|verdict| later(verdict.retry));
        let pods = match &self.stale {
            Stale::Untouched | Stale::FirstSet | Stale::Forbidden(_) => None,
            Stale::LookedForAt(at) => Some(*at),
            Stale::Pods(pods) if pods.names.is_empty() => None,
            Stale::Pods(_) | Stale::Unknown(_) => later(Retry::Slow),
        };
        [restarts, pods].into_iter().flatten().min()
    }
}

impl StalePods {
    fn message(&self) -> String {
        let Self { names, secret, issued_at } = self;
        let (count, shown) = (names.len(), some_of(names));
        format!(
            "Running with credentials from before {issued_at}: {shown} ({count} in all). These pods take \
             Secret {secret} by environment variables or a subPath mount, which only a restart renews. Restart them, \
             mount the Secret as a volume without subPath, or name their workloads in spec.rolloutRestarts."
        )
    }
}

#[cfg(test)]
mod tests;
