//! Executes a plan. It decides nothing: a stage begins when all before it succeeded, and every step of a stage is tried.

use crate::controller::manager::{ManagedAccount, StepFailure};
use crate::controller::role::outcome::Verified;
use crate::controller::role::pass::Pass;
use crate::decide::credentials::proof::Proof;
use crate::decide::failure::{FailureContext, Verdict, says_not_created};
use crate::decide::role::denial::Denied;
use crate::decide::role::{Plan, Step};
use crate::domain::{FailureKind, IamRole, IamRoleState, RoleArn};

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// What stands in AWS now, by what was read and written.
    pub state: Option<IamRoleState>,
    /// The steps that succeeded.
    pub done: Vec<Step>,
    /// The first failure, if one of a stage failed.
    pub failure: Option<StepFailure>,
    /// The first failure of a side step.
    pub side_failure: Option<Verdict>,
    /// The first session of a role that was created.
    pub first_session: Option<Result<Verified, Verdict>>,
}

impl Applied {
    /// Whether the trust policy was written.
    pub fn trust_changed(&self) -> bool {
        self.done.iter().any(Step::changes_trust)
    }

    /// Whether the role could not be created because there is one already.
    pub fn role_exists(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.kind == FailureKind::AlreadyExists)
    }

    /// Whether everyone was denied and the trust policy reduced.
    pub(super) fn shut(&self) -> bool {
        let denies_everyone = |step: &Step| matches!(step, Step::Deny(denial) if denial.everyone == Denied::Everyone);
        self.trust_changed() && self.done.iter().any(denies_everyone)
    }

    /// A step succeeded. `created` is AWS's answer to `CreateRole`.
    pub(super) fn record(&mut self, step: Step, created: Option<IamRole>) {
        self.state = step.apply(self.state.take());
        if let (Some(state), Some(created)) = (&mut self.state, created) {
            state.role = IamRole { trust: state.role.trust.take(), ..created };
        }
        self.done.push(step);
    }

    /// What was written, each subject once.
    pub fn subjects(&self) -> Vec<String> {
        let mut subjects: Vec<String> = Vec::new();
        for subject in self.done.iter().map(Step::subject) {
            if !subjects.contains(&subject) {
                subjects.push(subject);
            }
        }
        subjects
    }

    /// What came of this plan and of one that was executed after it.
    pub fn followed_by(self, later: Self) -> Self {
        let done = self.done.into_iter().chain(later.done).collect();
        Self { done, ..later }
    }
}

impl Pass<'_> {
    /// Executes a plan on a role that was read as `state`.
    pub async fn apply(
        &self,
        account: &ManagedAccount<'_>,
        role: &RoleArn,
        plan: &Plan,
        state: Option<IamRoleState>,
    ) -> Applied {
        let mut applied = Applied { state, ..Applied::default() };
        if !plan.is_empty() {
            // What was compared before no longer counts: an answer may be lost.
            let now = self.now;
            self.remember(|state| (state.compared, state.within, state.written_at) = (None, None, Some(now)));
        }
        for (number, stage) in plan.stages.iter().enumerate() {
            if number > 0 || stage.iter().any(|step| matches!(step, Step::Create(_))) {
                // What widens is in later stages. It may take effect although it seems to fail.
                let now = self.now;
                self.remember(|state| state.opened_at = Some(now));
            }
            for step in stage {
                match self.execute(account, role, step).await {
                    Ok((done, created)) => applied.record(done, created),
                    Err(failure) => drop(applied.failure.get_or_insert(failure)),
                }
            }
            if applied.failure.is_some() {
                break;
            }
        }
        for step in plan.side_steps(&self.object, applied.state.as_ref()) {
            match self.execute(account, role, step).await {
                Ok((done, _)) => applied.record(done, None),
                Err(failure) => drop(applied.side_failure.get_or_insert(failure.verdict)),
            }
        }
        if applied.shut() {
            self.remember(|state| state.opened_at = None);
        }
        if applied.trust_changed() {
            let now = self.now;
            self.remember(|state| {
                state.trust_changed_at = Some(now);
                state.proof = Proof::Due;
            });
        }
        applied
    }

    async fn execute(
        &self,
        account: &ManagedAccount<'_>,
        role: &RoleArn,
        step: &Step,
    ) -> Result<(Step, Option<IamRole>), StepFailure> {
        let creates = matches!(step, Step::Create(_));
        if creates {
            let now = self.now;
            self.remember(|state| state.create_sent_at = Some(now)); // its answer may be lost
        }
        let propagating = self.state().is_failing_only_lately(self.now);
        let context = FailureContext { propagating, ..FailureContext::default() };
        let executed = account.execute(role, step, context).await;
        if let (Ok(_), Some(later)) = (&executed, step.corrected(self.now, self.ctx.now())) {
            // Sessions that began during a slow write are meant, too.
            account.execute(role, &later, context).await?;
            return Ok((later, None));
        }
        if *step == Step::DeleteRole && executed.is_ok() {
            self.remember(|state| (state.create_sent_at, state.had_finalizer) = (None, Some(false)));
        }
        if creates && executed.as_ref().is_err_and(|failure| says_not_created(failure.kind)) {
            self.remember(|state| state.create_sent_at = None);
        }
        Ok((step.clone(), executed?))
    }
}
