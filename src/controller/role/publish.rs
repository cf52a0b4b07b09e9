//! The end of a pass: status, Events, and when to come back.

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::SignedDuration;
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

use super::credentials::published_before;
use super::pass::Pass;
use crate::api::{CrossAccountRole, CrossAccountRoleStatus, Reason};
use crate::controller::context::Context;
use crate::controller::{Error, ended_with};
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::status::{Outcome, Report, next_pass, status, transition};
use crate::host::metrics::ReconcileResult;
use crate::host::traces;

/// A status in the middle of a pass is a courtesy to the next process: an API server that does not answer delays nothing
/// in AWS for longer.
const INTERIM_LIMIT: Duration = Duration::from_secs(5);

impl Pass<'_> {
    /// Writes the status if it changed, publishes Events, and says when to come back.
    pub async fn publish(&mut self) -> Result<(ReconcileResult, Action), Error> {
        let before = self.role.status.clone().unwrap_or_default();
        let after = status(&before, self.role.metadata.generation, &self.report, self.now);
        let is_first = self.report.published.as_ref().is_some_and(|set| set.is_first);
        let said = |event: &Event| is_first && !event.warning; // the first credentials have an Event of their own
        self.events.extend(transition(&before.conditions, &after.conditions).filter(|event| !said(event)));
        self.publish_events().await;
        if self.report.progress_reported || before != after {
            self.write_status(&after).await?;
        }
        let problem = self.report.problem().cloned();
        if let Some(verdict) = &problem {
            traces::note("crossaccount.reason", verdict.reason.as_str());
        }
        let now = self.now;
        if problem.is_some() {
            // What waits for a role that AWS may not show yet goes on as soon as a 404 is final.
            let end = self.state().unseen_until(self.ctx.started_at);
            self.report.wake_by(end.filter(|end| *end > now));
        }
        self.report.wake_by(self.state().verify_at().filter(|at| *at > now));
        self.remember(|state| state.record_result(problem.is_some(), now));
        let failures = self.state().failures.saturating_sub(1);
        let look = self.next_look(problem.is_some());
        let wake_at = next_pass(&self.report, failures, &self.object.uid, look, self.now);
        tracing::debug!(
            namespace = self.object.namespace,
            name = self.object.name,
            problem = problem.as_ref().map(|verdict| verdict.reason.as_str()),
            wake_at = %wake_at,
            "reconciled"
        );
        let wait = wake_at.duration_since(self.now).max(SignedDuration::from_secs(1));
        Ok((ended_with(problem.as_ref()), Action::requeue(wait.unsigned_abs())))
    }

    /// Publishes the Events so far: what was done was done, also where the pass breaks off.
    pub async fn publish_events(&mut self) {
        let about = self.role.object_ref(&());
        let events = std::mem::take(&mut self.events);
        if let Some(account) = self.account() {
            let repairs = events.iter().filter(|event| event.reason == EventReason::DriftRepaired).count();
            self.ctx.metrics.drift_repaired(&account.name_any(), repairs as u64);
        }
        join_all(events.iter().map(|event| self.ctx.events.publish(&about, event))).await;
    }

    /// Writes a status in the middle of a pass: the role is about to be changed. AWS is changed also where the API
    /// server does not take it.
    pub async fn report_progress(&mut self, message: &str) {
        let changing = Verdict { reason: Reason::Progressing, message: message.to_owned(), retry: Retry::Soon };
        self.write_interim(Report { role: Outcome::Failing(changing), ..Report::default() }).await;
    }

    /// Writes a status in the middle of a pass: source grants are about to be changed.
    pub async fn report_grants_progress(&mut self) {
        let message = "the source grants are being changed".to_owned();
        let grants = Outcome::Failing(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon });
        self.write_interim(Report { grants, ..Report::default() }).await;
    }

    async fn write_interim(&mut self, report: Report) {
        let before = self.role.status.clone().unwrap_or_default();
        let report = Report { published: published_before(self.role), ..report };
        let interim = status(&before, self.role.metadata.generation, &report, self.now);
        self.report.progress_reported = true;
        let written = tokio::time::timeout(INTERIM_LIMIT, self.write_status(&interim)).await;
        let error = match written {
            Ok(Ok(())) => return,
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer in {INTERIM_LIMIT:?}"),
        };
        tracing::warn!(object = self.role.full_name(), %error, "cannot write the planned change to the status");
    }
}

/// Says in status that the API server refuses to show what an object refers to, without which nothing can be decided.
pub(super) async fn report_unread(ctx: &Context, role: &CrossAccountRole, error: &Error) {
    if !error.is_answer() {
        return;
    }
    let before = role.status.clone().unwrap_or_default();
    let verdict = error.refused("the API server does not show what the object refers to");
    let mut report = Report { published: published_before(role), ..Report::default() };
    report.grants_declared = !role.spec.source_grants.is_empty();
    report.remark(verdict);
    let after = status(&before, before.observed_generation, &report, ctx.now());
    if before == after {
        return;
    }
    match traces::step("write status", ctx.cluster.write_role_status(role, &after)).await {
        Ok(written) => {
            let uid = role.metadata.uid.clone().unwrap_or_default();
            ctx.objects.change(&uid, |state| state.written = Some(Arc::new(written.into())));
        }
        Err(error) => tracing::warn!(object = role.full_name(), %error, "cannot write the status"),
    }
}

impl Pass<'_> {
    async fn write_status(&self, status: &CrossAccountRoleStatus) -> kube::Result<()> {
        let write = self.ctx.cluster.write_role_status(self.role, status);
        let written = traces::step("write status", write).await?;
        self.remember(|state| state.written = Some(Arc::new(written.into())));
        Ok(())
    }
}
