//! One pass in the model: the product's own pass, whose effects go to the world. What this file and its children repeat is
//! the order of the product's effects; each function names the one that it mirrors. Decisions are the product's own.

mod apply;
mod credentials;
mod end;
mod issue;
mod role;
mod rules;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::effects::{Cut, Effects, Trouble, Weather};
use super::iam::Power;
use super::world::World;
use crate::api::{AWSAccount, CrossAccountRole, CrossAccountRoleStatus, Reason};
use crate::controller::role::pass::Pass;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::status::{Mode, Outcome, Report, next_pass, status};
use crate::decide::target::{Hold, Target};
use crate::domain::{FailureKind, IamRoleState};

/// A deliberate mistake, to see that the properties are able to fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Defect {
    /// None: the product.
    #[default]
    None,
    /// Somebody else's role is taken for ours.
    IgnoresTags,
    /// Every role is taken for one that the operator created.
    DeletesAnything,
    /// The answer of `GetCallerIdentity` is not looked at.
    PublishesUnverified,
    /// The stages of a plan are executed in reverse.
    WidensFirst,
    /// The cache is believed.
    TrustsCache,
    /// A denial is never weakened.
    NeverLifts,
}

/// A pass that is under way.
pub struct Run<'a> {
    /// The product's pass.
    pub pass: Pass<'a>,
    /// The world.
    pub world: &'a mut World,
    /// Whose pass it is.
    pub who: usize,
    /// Its effects.
    pub effects: Effects,
    /// The deliberate mistake.
    pub defect: Defect,
    /// All that anybody can do before the plan under way or after it.
    pub bounds: Option<BTreeSet<Power>>,
    /// Whether it wrote to IAM.
    pub wrote: bool,
    /// When it asks for the next pass.
    pub wake_at: Option<Timestamp>,
    /// What it did that no pass may do.
    pub violations: Vec<String>,
}

impl Run<'_> {
    /// Mirrors `one_pass`.
    pub fn one_pass(&mut self) -> Result<(), Cut> {
        let target = self.pass.target();
        if matches!(target, Target::Absent { .. } | Target::Released { .. }) {
            return self.clean_up(&target);
        }
        self.apply_target(&target)?;
        self.publish()
    }

    /// Mirrors `Pass::apply_target`, and of `reconcile_grants` what it does where none are declared.
    fn apply_target(&mut self, target: &Target) -> Result<(), Cut> {
        let role = self.reconcile_iam_role(target)?;
        self.pass.remember(|state| state.closed.clone_from(&role.closed));
        if let Some(refusal) = &role.closed {
            return self.take_secret_away(refusal);
        }
        match target {
            Target::Open(desired) | Target::Held(Hold { desired: Some(desired), .. }) => {
                self.pass.report_declaration(desired);
                self.reconcile_credentials(desired, &role)
            }
            Target::Held(Hold { problem: None, .. }) => {
                self.pass.report.mode = Mode::Suspended;
                self.keep_credentials();
                Ok(())
            }
            _ => {
                self.keep_credentials();
                Ok(())
            }
        }
    }

    /// Mirrors `Pass::publish`.
    fn publish(&mut self) -> Result<(), Cut> {
        let now = self.pass.now;
        let before = self.pass.role.status.clone().unwrap_or_default();
        let after = status(&before, self.pass.role.metadata.generation, &self.pass.report, now);
        if self.pass.report.progress_reported || before != after {
            self.write_status(&after).map_err(Trouble::of_kubernetes)?;
        }
        let problem = self.pass.report.problem().cloned();
        if problem.is_some() {
            let end = self.pass.state().unseen_until(self.pass.ctx.started_at);
            self.pass.report.wake_by(end.filter(|end| *end > now));
        }
        let verify_at = self.pass.state().verify_at();
        self.pass.report.wake_by(verify_at.filter(|at| *at > now));
        self.pass.remember(|state| state.record_result(problem.is_some(), now));
        let failures = self.pass.state().failures.saturating_sub(1);
        let look = self.pass.next_look(problem.is_some());
        let wake_at = next_pass(&self.pass.report, failures, &self.pass.object.uid, look, now);
        self.wake_at = Some(wake_at);
        Ok(())
    }

    /// Mirrors `Pass::report_progress`.
    fn report_progress(&mut self) -> Result<(), Cut> {
        let changing = Verdict { reason: Reason::Progressing, message: "changing".to_owned(), retry: Retry::Soon };
        let before = self.pass.role.status.clone().unwrap_or_default();
        let published = crate::controller::role::credentials::published_before(self.pass.role);
        let report = Report { role: Outcome::Failing(changing), published, ..Report::default() };
        let interim = status(&before, self.pass.role.metadata.generation, &report, self.pass.now);
        self.pass.report.progress_reported = true;
        match self.write_status(&interim) {
            Err(Trouble::Died) => Err(Cut::Died),
            Ok(()) | Err(Trouble::Failed(_)) => Ok(()),
        }
    }

    fn write_status(&mut self, status: &CrossAccountRoleStatus) -> Result<(), Trouble> {
        let Self { world, effects, who, .. } = self;
        let written = effects.attempt(|| {
            let object = world.objects[*who].as_mut().ok_or(FailureKind::NotFound)?;
            object.live.status = Some(status.clone());
            object.touch();
            Ok(object.live.clone())
        })?;
        self.pass.remember(|state| state.written = Some(std::sync::Arc::new(written.into())));
        Ok(())
    }

    /// Mirrors `Cluster::is_current`.
    fn ensure_current(&self) -> Result<(), Cut> {
        let seen = self.pass.role;
        let current = self.live().is_some_and(|live| {
            live.metadata.generation == seen.metadata.generation && live.metadata.deletion_timestamp.is_none()
        });
        if current || self.defect == Defect::TrustsCache { Ok(()) } else { Err(Cut::Broken) }
    }

    /// The object by the word of the API server.
    pub fn live(&self) -> Option<&CrossAccountRole> {
        self.world.objects[self.who].as_ref().map(|object| &object.live)
    }

    /// The account.
    pub fn account(&self) -> &AWSAccount {
        &self.world.account
    }

    /// Reads the role. With the defect of not looking at tags, it seems to be the object's own.
    fn read_role(&mut self) -> Result<Option<IamRoleState>, Cut> {
        let (lags, now) = (self.effects.weather == Weather::Lag, self.pass.now);
        let iam = &mut self.world.iam;
        let mut found = self.effects.attempt(|| Ok(iam.read(lags, now))).map_err(Trouble::of_aws)?;
        if let Some(state) = &mut found {
            match self.defect {
                Defect::IgnoresTags => state.role.tags.extend(self.pass.object.role_tags()),
                Defect::DeletesAnything => state.role.tags.extend([crate::domain::ObjectIdentity::created_tag()]),
                _ => {}
            }
        }
        Ok(found)
    }
}
