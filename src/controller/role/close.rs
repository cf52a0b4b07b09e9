//! Access that ends or stays as it is: roles that are held, roles that are closed.

use super::apply::Applied;
use super::outcome::RoleOutcome;
use super::pass::{Interrupt, Pass};
use crate::api::{ConditionType, Lifecycle, Reason};
use crate::controller::Error;
use crate::controller::manager::{ManagedAccount, StepFailure};
use crate::controller::state::objects::{LastRead, PROPAGATION};
use crate::decide::Refusal;
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::compliance::{Ended, check_compliance};
use crate::decide::role::denial::Denied;
use crate::decide::role::{Goal, Plan, Step, plan};
use crate::decide::status::Outcome;
use crate::decide::target::Hold;
use crate::decide::target::requests::Requests;
use crate::decide::target::role_location::RoleLocation;
use crate::domain::IamRoleState;

impl Pass<'_> {
    /// Leaves the role as it is, unless what stands in AWS is not allowed any more.
    pub(super) async fn hold(&mut self, hold: &Hold) -> Result<RoleOutcome, Interrupt> {
        self.report_hold(hold);
        let Some(at) = self.place_of_role() else { return Ok(self.remembered_outcome()) };
        let key = format!("held {}", self.bounds());
        let outcome = match self.held_before(&key) {
            Some(outcome) => outcome,
            None => match self.compare_held(&at, &key).await {
                Ok(outcome) => outcome,
                Err(Interrupt::Failing(verdict)) => {
                    let message =
                        format!("cannot check whether the role is within the guardrails: {}", verdict.message);
                    self.report.remark(Verdict { message, retry: verdict.retry.min(Retry::Slow), ..verdict });
                    RoleOutcome { role_failing: true, ..self.remembered_outcome() }
                }
                Err(broken) => return Err(broken),
            },
        };
        Ok(RoleOutcome { role_failing: hold.problem.is_some() || outcome.role_failing, ..outcome })
    }

    /// What the last look at a held role found, as long as no other look is due.
    pub(super) fn held_before(&mut self, key: &str) -> Option<RoleOutcome> {
        if self.revocation_is_unmet() || self.now >= self.next_comparison() {
            return None;
        }
        let state = self.state();
        if let Some(refusal) = state.closed.clone().filter(|_| state.is_compared(key)) {
            self.report.role = Outcome::Failing(refusal.clone().into());
            self.report.closed_in_aws = state.denied == Denied::Everyone;
            return Some(RoleOutcome { closed: Some(refusal), ..self.remembered_outcome() });
        }
        (state.within == Some(self.bounds())).then(|| self.remembered_outcome())
    }

    /// An account that was edited is checked in a moment, and that wakes the object: no reason to alarm anybody.
    pub(super) fn report_hold(&mut self, hold: &Hold) {
        let passing =
            |problem: &Verdict| problem.reason == Reason::Progressing && self.role.is_true(ConditionType::RoleReady);
        let problem = hold.problem.clone().filter(|problem| !passing(problem));
        match (problem, &hold.desired) {
            (Some(problem), Some(_)) => self.report.role = Outcome::Failing(problem),
            (Some(problem), None) => self.report.credentials = Outcome::Failing(problem),
            (None, _) => {}
        }
    }

    pub(super) async fn compare_held(&mut self, at: &RoleLocation, key: &str) -> Result<RoleOutcome, Interrupt> {
        let account = ManagedAccount::enter(self.ctx, &at.access).await?;
        let (planned, state) = self.plan_without_declaration(&account, at, Goal::Kept).await?;
        self.saw_role(state.as_ref().is_some_and(|state| self.owns(state)));
        if state.as_ref().is_none_or(|state| !self.owns(state)) {
            let revoke = Requests::of(self.role).revoke;
            let observed = state.is_some() && self.role.spec.role.lifecycle == Lifecycle::Observe;
            self.remember(|state| {
                state.revocation_met = revoke; // there is nothing to revoke
                if !observed {
                    state.last_read = LastRead::NotOurs;
                }
            });
            self.remember_compliance(key);
            return Ok(self.remembered_outcome());
        }
        let applied = self.apply(&account, &at.role_arn, &planned, state).await;
        let (mut applied, closed) = self.close_unless_within(&account, at, applied).await;
        if applied.done.iter().any(|step| matches!(step, Step::Deny(_))) && closed.is_none() {
            self.events.push(Event::normal(
                EventReason::Revoked,
                "Sessions issued before the requested revocation are now denied",
            ));
        }
        let failure = applied.failure.take();
        self.report_role(applied.state.as_ref(), None, key, None);
        let outcome = self.outcome_of(at, applied, closed);
        match (failure, &outcome.closed) {
            (Some(failure), None) => return Err(failure.verdict.into()),
            // tried again in the next pass
            (Some(_), Some(_)) => return Ok(RoleOutcome { unclosed: true, ..outcome }),
            (None, None) => self.remember_compliance(key),
            (None, Some(_)) => self.remember_comparison(key),
        }
        Ok(outcome)
    }

    /// Closes the role, if there is one of ours. AWS comes first: no trouble in Kubernetes delays a denial.
    pub(super) async fn close(&mut self, refusal: &Refusal) -> Result<RoleOutcome, Interrupt> {
        self.report.role = Outcome::Failing(refusal.clone().into());
        let closed = RoleOutcome { closed: Some(refusal.clone()), denied: Denied::Everyone, ..RoleOutcome::default() };
        let Some(at) = self.place_of_role() else {
            return Ok(RoleOutcome { unclosed: self.may_have_role(), ..closed });
        };
        let key = format!("closed {}", self.bounds());
        let before = self.state();
        if before.is_compared(&key) && self.now < self.next_comparison() {
            self.report.closed_in_aws = before.denied == Denied::Everyone;
            return Ok(closed);
        }
        if let Ok(false) = self.ctx.cluster.is_current(self.role).await {
            return Err(Error::Stale.into());
        }
        let manager = ManagedAccount::enter(self.ctx, &at.access).await?;
        let (state, unread) = manager.read_to_close(&at.role_arn).await?;
        self.ensure_shown(&at, state.as_ref())?;
        let boundary = self.boundary();
        let planned = plan(Goal::Closed, &self.given(&at, boundary.as_ref(), &[]), state.as_ref())?;
        self.announce_closing(&planned).await;
        let applied = self.apply(&manager, &at.role_arn, &planned, state).await;
        if !applied.done.is_empty() {
            self.events.push(closing_event(refusal, &applied));
        }
        if let Some(verdict) = applied.failure.map(|failure| failure.verdict).or(unread) {
            return Err(verdict.into());
        }
        let ours = applied.state.as_ref().filter(|state| self.owns(state)).cloned();
        let denied = ours.as_ref().map_or(Denied::Nobody, |state| self.denied_on(state));
        self.remember(|state| state.denied = denied);
        self.report.closed_in_aws = denied == Denied::Everyone;
        self.report_role(ours.as_ref(), None, &key, None);
        self.remember_comparison(&key);
        Ok(RoleOutcome { read: applied.state, ..closed })
    }

    /// Closes a role that breaks the guardrails by what stands in AWS.
    pub(super) async fn close_unless_within(
        &mut self,
        manager: &ManagedAccount<'_>,
        at: &RoleLocation,
        applied: Applied,
    ) -> (Applied, Option<Refusal>) {
        let (Some(account), Some(state)) = (self.account(), applied.state.clone()) else { return (applied, None) };
        let boundary = self.boundary();
        let given = self.given(at, boundary.as_ref(), &[]);
        let ended = self.ended(applied.failure.as_ref());
        let Err(refusal) = check_compliance(account, &given, &state, ended) else { return (applied, None) };
        let planned = plan(Goal::Closed, &given, Some(&state)).unwrap_or_default();
        self.announce_closing(&planned).await;
        let closing = self.apply(manager, &at.role_arn, &planned, Some(state)).await;
        if !closing.done.is_empty() {
            self.events.push(closing_event(&refusal, &closing));
        }
        self.report.closed_in_aws = closing.failure.is_none();
        self.report.role = Outcome::Failing(match &closing.failure {
            Some(failure) => incomplete(&refusal, &failure.verdict),
            None => refusal.clone().into(),
        });
        (Applied { side_failure: applied.side_failure, ..closing }, Some(refusal))
    }

    /// Says in status that a role that is ready is about to be closed. A process that dies in the middle then leaves a role
    /// that is known not to be ready: should access return before the next process looks, that one compares the role and
    /// does not take it for open.
    async fn announce_closing(&mut self, planned: &Plan) {
        if self.closes_a_ready_role(planned) {
            self.report_progress("closing the role in AWS").await;
        }
    }

    pub(super) fn closes_a_ready_role(&self, planned: &Plan) -> bool {
        !planned.is_empty() && self.role.is_true(ConditionType::RoleReady)
    }

    /// How a plan of the role ended. A fault that passes by itself is given two minutes.
    pub(super) fn ended(&self, failure: Option<&StepFailure>) -> Ended {
        let now = self.now;
        let passing = failure.is_some_and(|failure| failure.verdict.retry == Retry::Soon);
        self.remember(|state| state.passing_since = state.passing_since.or(Some(now)).filter(|_| passing));
        let since = self.state().passing_since;
        match failure {
            None => Ended::Well,
            Some(_) if since.is_some_and(|since| now.duration_since(since) < PROPAGATION) => Ended::Briefly,
            Some(failure) => Ended::Badly(failure.verdict.reason),
        }
    }

    /// Reads the role and plans towards a goal that needs no declaration. A role that AWS does not show may still come.
    pub(super) async fn plan_without_declaration(
        &self,
        manager: &ManagedAccount<'_>,
        at: &RoleLocation,
        goal: Goal<'_>,
    ) -> Result<(Plan, Option<IamRoleState>), Verdict> {
        let state = manager.read_role(&at.role_arn).await?;
        self.ensure_shown(at, state.as_ref())?;
        let profiles = match goal {
            // Where they cannot be listed, IAM says on deletion whether there are any.
            Goal::Absent { .. } if self.state().deletion_failed && state.is_some() => {
                let listed = manager.instance_profiles(&at.role_arn).await;
                let unlisted = |verdict: &Verdict| tracing::warn!(role = %at.role_arn, reason = verdict.message, "cannot list the instance profiles of a role that is to be deleted");
                listed.inspect_err(unlisted).unwrap_or_default()
            }
            _ => Vec::new(),
        };
        let boundary = self.boundary();
        let given = self.given(at, boundary.as_ref(), &profiles);
        Ok((plan(goal, &given, state.as_ref())?, state))
    }

    /// A role that AWS does not show may still come: a 404 is final only after the propagation time. Nor is somebody else's role
    /// before that time, where the operator wrote to it: IAM may show it as it was before it was adopted.
    pub(super) fn ensure_shown(&self, at: &RoleLocation, state: Option<&IamRoleState>) -> Result<(), Verdict> {
        let remembered = self.state();
        let what = match state {
            None if remembered.may_be_unseen(self.ctx.started_at, self.now) => "created",
            Some(state) if !self.owns(state) && remembered.is_settling(self.now) => "adopted",
            None | Some(_) => return Ok(()),
        };
        let message = format!(
            "IAM does not show role {} as the object's, which may have been {what} in the last two minutes",
            at.role_arn
        );
        Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon })
    }
}

/// Access is to be closed, and a part of that failed.
pub(super) fn incomplete(refusal: &Refusal, verdict: &Verdict) -> Verdict {
    let message = format!("{}. Access is not closed completely: {}", refusal.message, verdict.message);
    Verdict { reason: refusal.reason, message, retry: verdict.retry }
}

fn closing_event(refusal: &Refusal, applied: &Applied) -> Event {
    Event::warning(
        EventReason::Revoked,
        format!("Access is closed ({}): changed {}", refusal.message, applied.subjects().join(", ")),
    )
}
