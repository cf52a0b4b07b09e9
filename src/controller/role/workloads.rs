//! The part of a pass that is about programs which cannot read renewed credentials: they are restarted, or at least named.

use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::ResourceExt;
use kube::core::Status;

use super::pass::Pass;
use crate::api::{ConditionType, CrossAccountRoleStatus, Outlook, RolloutRestart, condition};
use crate::controller::Error;
use crate::decide::event::{Event, EventReason};
use crate::decide::status::CredentialsFacts;
use crate::decide::workloads::nudges::{is_useful, needs_nudge};
use crate::decide::workloads::rollouts::{Restart, Rollouts, needs_restart, restarted, restarted_for, rollouts};
use crate::decide::workloads::stale_pods::{Consumers, Issue, PodCheck, Stale, StalePods, is_stale, pod_check};
use crate::domain::kubernetes::is_object_name;

impl Pass<'_> {
    /// Restarts what is due for the published set, and looks for pods that hold an earlier one.
    pub async fn reconcile_workloads(&mut self) -> Result<(), Error> {
        let Some(set) = self.report.published.clone() else { return Ok(()) };
        let previous = self.role.status.clone().unwrap_or_default();
        let declared = &self.role.spec.rollout_restarts;
        let before = restarted_for(&previous, set.issued_at);
        let restarting = !declared.is_empty() && before < set.issued_at;
        let rollouts = match (declared.is_empty(), restarting) {
            (true, _) => Rollouts::NotDeclared,
            (false, false) => Rollouts::Done(set.issued_at),
            (false, true) => self.restart_all(before, set.issued_at).await?,
        };
        self.events.extend(trouble(&previous, &rollouts));
        let issue = Issue { issued_at: set.issued_at, is_first: set.is_first, restarting };
        let stale = match pod_check(&previous, issue, self.now) {
            PodCheck::No => Stale::Untouched,
            PodCheck::FirstSet => Stale::FirstSet,
            PodCheck::At(moment) => Stale::LookedForAt(moment),
            PodCheck::Now => self.stale_pods(&set).await?,
        };
        self.report.consumers = Consumers { rollouts, stale };
        Ok(())
    }

    /// Restarts each declared workload that needs it. One that fails does not hold up the others.
    async fn restart_all(&mut self, before: Timestamp, issued_at: Timestamp) -> Result<Rollouts, Error> {
        self.ensure_current().await?; // another list of workloads may be declared now
        let mut results = Vec::new();
        let mut broken = Ok(());
        for declared in &self.role.spec.rollout_restarts {
            match self.restart(declared, issued_at).await {
                Ok(result) => results.push((declared, result)),
                Err(error) => {
                    broken = Err(error);
                    break;
                }
            }
        }
        // One Event for all: those of one reason that follow each other are counted, and only the first is shown.
        let note =
            restarted(&results).map(|names| format!("Restarted for the credentials issued at {issued_at}: {names}"));
        self.events.extend(note.map(|note| Event::normal(EventReason::RolloutRestarted, note)));
        broken.map(|()| rollouts(&results, before, issued_at))
    }

    async fn restart(&self, declared: &RolloutRestart, issued_at: Timestamp) -> Result<Restart, Error> {
        if !is_object_name(&declared.name) {
            return Ok(Restart::Missing);
        }
        let cluster = &self.ctx.cluster;
        let attempt = async {
            let Some(found) = cluster.workload(self.role, declared).await? else { return Ok(Restart::Missing) };
            if !needs_restart(found.state, issued_at) {
                return Ok(Restart::NotNeeded);
            }
            cluster.restart(self.role, declared, &found, issued_at).await.map(|()| Restart::Restarted)
        };
        match attempt.await {
            Err(kube::Error::Api(status)) => Ok(refused(&status)),
            other => Ok(other?),
        }
    }

    /// Lists the pods: those that hold an earlier set are named, and those that mount the Secret are made to read it now.
    async fn stale_pods(&self, set: &CredentialsFacts) -> Result<Stale, Error> {
        let CredentialsFacts { secret_name, issued_at, .. } = set;
        let nudging = self.ctx.nudge_pods && is_useful(*issued_at, self.now);
        let (mut names, mut nudged) = (Vec::new(), Vec::new());
        let look = |pod: &Pod| {
            if is_stale(pod, secret_name, *issued_at) {
                names.push(pod.name_any());
            }
            if nudging && needs_nudge(pod, secret_name, *issued_at) {
                nudged.push(pod.name_any());
            }
        };
        match self.ctx.cluster.for_each_pod(self.role, look).await {
            Ok(()) => {
                self.nudge(nudged, *issued_at);
                names.sort();
                Ok(Stale::Pods(StalePods { names, secret: secret_name.clone(), issued_at: *issued_at }))
            }
            Err(kube::Error::Api(status)) if status.is_forbidden() => Ok(Stale::Forbidden(status.message)),
            Err(kube::Error::Api(status)) => Ok(Stale::Unknown(status.message)),
            Err(error) => Err(error.into()),
        }
    }
}

fn refused(status: &Status) -> Restart {
    if status.is_not_found() {
        Restart::Missing // deleted since it was read
    } else if status.is_conflict() {
        Restart::Overtaken
    } else {
        Restart::Refused(status.message.clone())
    }
}

/// An Event when restarts begin to fail, and none for failing on.
fn trouble(previous: &CrossAccountRoleStatus, rollouts: &Rollouts) -> Option<Event> {
    let verdict = rollouts.problem().filter(|verdict| verdict.reason.outlook() == Outlook::NeedsSomeone)?;
    let known = condition(&previous.conditions, ConditionType::RolloutsReady);
    let reported_before = known.is_some_and(|c| c.status == "False" && c.reason == verdict.reason.as_str());
    (!reported_before).then(|| Event::warning(verdict.reason, &verdict.message))
}
