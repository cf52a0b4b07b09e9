//! A plan, executed.

use super::{Defect, Run};
use crate::controller::manager::StepFailure;
use crate::controller::role::apply::Applied;
use crate::controller::role::model::effects::{Cut, Trouble, Weather};
use crate::controller::role::model::iam::{failure, powers};
use crate::decide::credentials::proof::Proof;
use crate::decide::failure::{FailureContext, Phase, says_not_created, verdict};
use crate::decide::role::denial::Denied;
use crate::decide::role::{Plan, Step};
use crate::domain::{IamRole, IamRoleState};

impl Run<'_> {
    /// Mirrors `Pass::apply`.
    pub(super) fn apply(&mut self, plan: &Plan, state: Option<IamRoleState>) -> Result<Applied, Cut> {
        let now = self.pass.now;
        self.bounds = (self.effects.weather != Weather::Lag && !plan.is_empty()).then(|| {
            let before = self.world.iam.role.as_ref();
            powers(before, now).union(&powers(plan.result(before).as_ref(), now)).copied().collect()
        });
        let mut plan = plan.clone();
        match self.defect {
            Defect::WidensFirst => plan.stages.reverse(),
            Defect::NeverLifts => {
                let lifts = |step: &Step| matches!(step, Step::Deny(denial) if denial.everyone != Denied::Everyone);
                plan.stages.retain(|stage| !stage.iter().all(lifts));
            }
            _ => {}
        }
        let mut applied = Applied { state, ..Applied::default() };
        if !plan.is_empty() {
            self.pass.remember(|state| (state.compared, state.within, state.written_at) = (None, None, Some(now)));
        }
        for (number, stage) in plan.stages.iter().enumerate() {
            if number > 0 || stage.iter().any(|step| matches!(step, Step::Create(_))) {
                self.pass.remember(|state| state.opened_at = Some(now));
            }
            for step in stage {
                match self.execute(step, applied.state.as_ref())? {
                    Ok(created) => applied.record(step.clone(), created),
                    Err(failure) => drop(applied.failure.get_or_insert(failure)),
                }
            }
            if applied.failure.is_some() {
                break;
            }
        }
        for step in plan.side_steps(&self.pass.object, applied.state.as_ref()) {
            match self.execute(step, applied.state.as_ref())? {
                Ok(_) => applied.record(step.clone(), None),
                Err(failure) => drop(applied.side_failure.get_or_insert(failure.verdict)),
            }
        }
        if applied.shut() {
            self.pass.remember(|state| state.opened_at = None);
        }
        if applied.trust_changed() {
            self.pass.remember(|state| (state.trust_changed_at, state.proof) = (Some(now), Proof::Due));
        }
        Ok(applied)
    }

    /// Mirrors `Pass::execute`.
    fn execute(
        &mut self,
        step: &Step,
        seen: Option<&IamRoleState>,
    ) -> Result<Result<Option<IamRole>, StepFailure>, Cut> {
        let now = self.pass.now;
        let creates = matches!(step, Step::Create(_));
        if creates {
            self.pass.remember(|state| state.create_sent_at = Some(now));
        }
        let propagating = self.pass.state().is_failing_only_lately(now);
        let before = self.world.iam.role.clone();
        if !self.wrote {
            (self.wrote, self.world.iam.before) = (true, Some((now, before.clone())));
        }
        let iam = &mut self.world.iam;
        let outcome = self.effects.attempt(|| iam.write(step, now));
        let broken = self.broken_by_write(step, seen, before.as_ref());
        self.violations.extend(broken);
        match outcome {
            Err(Trouble::Died) => Err(Cut::Died),
            Err(Trouble::Failed(kind)) => {
                if creates && says_not_created(kind) {
                    self.pass.remember(|state| state.create_sent_at = None);
                }
                let context = FailureContext { propagating, ..FailureContext::default() };
                Ok(Err(StepFailure { verdict: verdict(Phase::Manage, &failure(kind), context), kind }))
            }
            Ok(made) => {
                if *step == Step::DeleteRole {
                    self.pass.remember(|state| (state.create_sent_at, state.had_finalizer) = (None, Some(false)));
                }
                Ok(Ok(made))
            }
        }
    }
}
