//! The part of a pass that is about the role.

use super::{Defect, Run};
use crate::api::{ConditionType, Lifecycle};
use crate::controller::role::apply::Applied;
use crate::controller::role::close::incomplete;
use crate::controller::role::iam_role::declaration_hash;
use crate::controller::role::model::effects::{Cut, Trouble};
use crate::controller::role::outcome::RoleOutcome;
use crate::controller::state::objects::LastRead;
use crate::decide::Refusal;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::change_reason::{Before, ChangeReason};
use crate::decide::role::compliance::check_compliance;
use crate::decide::role::denial::Denied;
use crate::decide::role::{Goal, Plan, plan};
use crate::decide::status::Outcome;
use crate::decide::target::desired::Desired;
use crate::decide::target::role_location::RoleLocation;
use crate::decide::target::{Hold, Target};
use crate::domain::{DesiredRole, FailureKind, IamRoleState};

impl Run<'_> {
    /// Mirrors `Pass::reconcile_iam_role`.
    pub(super) fn reconcile_iam_role(&mut self, target: &Target) -> Result<RoleOutcome, Cut> {
        let worked = match target {
            Target::Open(desired) => match &desired.role {
                Ok(declared) => self.declare(desired, declared),
                Err(refusal) => Err(Verdict::from(refusal.clone()).into()),
            },
            Target::Held(hold) => self.hold(hold),
            Target::Closed(refusal) => self.close(refusal),
            Target::Absent { .. } | Target::Released { .. } => Ok(RoleOutcome::default()),
        };
        match worked {
            Err(Cut::Failing(verdict)) => {
                let closed = match target {
                    Target::Closed(refusal) => Some(refusal.clone()),
                    _ => None,
                };
                self.pass.report.role = Outcome::Failing(match &closed {
                    Some(refusal) => incomplete(refusal, &verdict),
                    None => verdict,
                });
                Ok(RoleOutcome { role_failing: true, closed, ..self.pass.remembered_outcome() })
            }
            other => other,
        }
    }

    /// Mirrors `Pass::declare`, without bulk reads.
    fn declare(&mut self, desired: &Desired, declared: &DesiredRole) -> Result<RoleOutcome, Cut> {
        let at = &desired.at;
        let key = declaration_hash(desired);
        let adopts = desired.lifecycle == Lifecycle::Adopt;
        let goal = if adopts { Goal::Adopted(declared) } else { Goal::Declared(declared) };
        if !self.pass.must_compare(at, &key) && self.pass.now < self.pass.next_single_read() {
            return Ok(self.pass.remembered_outcome());
        }
        self.add_finalizer()?;
        let state = self.read_role()?;
        let planned = match self.plan(goal, at, state.as_ref()) {
            Ok(planned) => planned,
            Err(refusal) => return Err(self.pass.refused_by(refusal).into()),
        };
        if !planned.is_empty() {
            self.ensure_current()?;
        }
        let before = Before {
            found: state.as_ref().map(|state| self.pass.owns(state)),
            was_ready: self.pass.role.is_true(ConditionType::RoleReady),
            adopts,
        };
        if ChangeReason::of(&planned, before).is_reported_before() {
            self.report_progress()?;
        }
        let applied = self.apply(&planned, state)?;
        self.pass.saw_role(applied.state.is_some());
        let (applied, closed) = self.close_unless_within(at, applied)?;
        self.pass.report_role(applied.state.as_ref(), Some(desired), &key, None);
        Ok(self.pass.concluded(&key, at, applied, closed))
    }

    /// Mirrors `Pass::hold`.
    fn hold(&mut self, hold: &Hold) -> Result<RoleOutcome, Cut> {
        self.pass.report_hold(hold);
        let Some(at) = self.pass.place_of_role() else { return Ok(self.pass.remembered_outcome()) };
        let key = format!("held {}", self.pass.bounds());
        let outcome = match self.pass.held_before(&key) {
            Some(outcome) => outcome,
            None => match self.compare_held(&at, &key) {
                Err(Cut::Failing(verdict)) => {
                    self.pass.report.remark(Verdict { retry: verdict.retry.min(Retry::Slow), ..verdict });
                    RoleOutcome { role_failing: true, ..self.pass.remembered_outcome() }
                }
                other => other?,
            },
        };
        Ok(RoleOutcome { role_failing: hold.problem.is_some() || outcome.role_failing, ..outcome })
    }

    /// Mirrors `Pass::compare_held`.
    fn compare_held(&mut self, at: &RoleLocation, key: &str) -> Result<RoleOutcome, Cut> {
        let (planned, state) = self.plan_without_declaration(at, Goal::Kept)?;
        let ours = state.as_ref().is_some_and(|state| self.pass.owns(state));
        self.pass.saw_role(ours);
        if !ours {
            self.pass.remember(|state| state.last_read = LastRead::NotOurs);
            self.pass.remember_compliance(key);
            return Ok(self.pass.remembered_outcome());
        }
        let applied = self.apply(&planned, state)?;
        let (mut applied, closed) = self.close_unless_within(at, applied)?;
        let failure = applied.failure.take();
        self.pass.report_role(applied.state.as_ref(), None, key, None);
        let outcome = self.pass.outcome_of(at, applied, closed);
        match (failure, &outcome.closed) {
            (Some(failure), None) => return Err(failure.verdict.into()),
            (Some(_), Some(_)) => {}
            (None, None) => self.pass.remember_compliance(key),
            (None, Some(_)) => self.pass.remember_comparison(key),
        }
        Ok(outcome)
    }

    /// Mirrors `Pass::close`.
    fn close(&mut self, refusal: &Refusal) -> Result<RoleOutcome, Cut> {
        self.pass.report.role = Outcome::Failing(refusal.clone().into());
        let closed = RoleOutcome { closed: Some(refusal.clone()), denied: Denied::Everyone, ..RoleOutcome::default() };
        let Some(at) = self.pass.place_of_role() else { return Ok(closed) };
        let key = format!("closed {}", self.pass.bounds());
        let before = self.pass.state();
        if before.is_compared(&key) && self.pass.now < self.pass.next_comparison() {
            self.pass.report.closed_in_aws = before.denied == Denied::Everyone;
            return Ok(closed);
        }
        self.ensure_current()?;
        let state = self.read_role()?;
        self.pass.ensure_shown(&at, state.as_ref())?;
        let planned = self.plan(Goal::Closed, &at, state.as_ref()).map_err(Verdict::from)?;
        self.announce_closing(&planned)?;
        let applied = self.apply(&planned, state)?;
        if let Some(failure) = applied.failure {
            return Err(failure.verdict.into());
        }
        let ours = applied.state.as_ref().filter(|state| self.pass.owns(state)).cloned();
        let denied = ours.as_ref().map_or(Denied::Nobody, |state| self.pass.denied_on(state));
        self.pass.remember(|state| state.denied = denied);
        self.pass.report.closed_in_aws = denied == Denied::Everyone;
        self.pass.report_role(ours.as_ref(), None, &key, None);
        self.pass.remember_comparison(&key);
        Ok(RoleOutcome { read: applied.state, ..closed })
    }

    /// Mirrors `Pass::close_unless_within`.
    fn close_unless_within(&mut self, at: &RoleLocation, applied: Applied) -> Result<(Applied, Option<Refusal>), Cut> {
        let Some(state) = applied.state.clone() else { return Ok((applied, None)) };
        let ended = self.pass.ended(applied.failure.as_ref());
        let boundary = self.pass.boundary();
        let given = self.pass.given(at, boundary.as_ref(), &[]);
        let Err(refusal) = check_compliance(self.account(), &given, &state, ended) else { return Ok((applied, None)) };
        let planned = plan(Goal::Closed, &given, Some(&state)).unwrap_or_default();
        self.announce_closing(&planned)?;
        let closing = self.apply(&planned, Some(state))?;
        self.pass.report.closed_in_aws = closing.failure.is_none();
        self.pass.report.role = Outcome::Failing(match &closing.failure {
            Some(failure) => incomplete(&refusal, &failure.verdict),
            None => refusal.clone().into(),
        });
        Ok((Applied { side_failure: applied.side_failure, ..closing }, Some(refusal)))
    }

    /// Mirrors `Pass::announce_closing`.
    fn announce_closing(&mut self, planned: &Plan) -> Result<(), Cut> {
        if self.pass.closes_a_ready_role(planned) { self.report_progress() } else { Ok(()) }
    }

    /// Mirrors `Pass::plan_without_declaration`, in a world without instance profiles.
    pub(super) fn plan_without_declaration(
        &mut self,
        at: &RoleLocation,
        goal: Goal<'_>,
    ) -> Result<(Plan, Option<IamRoleState>), Cut> {
        let state = self.read_role()?;
        self.pass.ensure_shown(at, state.as_ref())?;
        let planned = self.plan(goal, at, state.as_ref()).map_err(Verdict::from)?;
        Ok((planned, state))
    }

    /// The product's plan.
    pub(super) fn plan(
        &self,
        goal: Goal<'_>,
        at: &RoleLocation,
        state: Option<&IamRoleState>,
    ) -> Result<Plan, Refusal> {
        let boundary = self.pass.boundary();
        plan(goal, &self.pass.given(at, boundary.as_ref(), &[]), state)
    }

    /// Mirrors `Pass::add_finalizers`.
    fn add_finalizer(&mut self) -> Result<(), Cut> {
        if self.pass.role.has_finalizer() {
            return Ok(());
        }
        let Self { world, effects, who, .. } = self;
        let added = effects.attempt(|| {
            world.object(*who).ok_or(FailureKind::NotFound)?.add_finalizer();
            Ok(())
        });
        added.map_err(Trouble::of_kubernetes)
    }

    /// Whether the defect is this one.
    pub(super) fn is(&self, defect: Defect) -> bool {
        self.defect == defect
    }
}
