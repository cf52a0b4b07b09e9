//! The end of an object.

use super::Run;
use crate::controller::role::cleanup::waiting;
use crate::controller::role::model::effects::{Cut, Trouble};
use crate::controller::role::secret_cleanup::secret_stays;
use crate::decide::failure::Verdict;
use crate::decide::role::{Goal, plan};
use crate::decide::status::Outcome;
use crate::decide::target::Target;
use crate::decide::target::role_location::RoleLocation;
use crate::domain::IamRoleState;

impl Run<'_> {
    /// Mirrors `Pass::clean_up`, in a world without source grants.
    pub(super) fn clean_up(&mut self, target: &Target) -> Result<(), Cut> {
        if !self.pass.role.has_finalizer() {
            return Ok(());
        }
        let role = match self.delete_or_release_role(target) {
            Ok(()) => None,
            Err(Cut::Failing(verdict)) => Some(verdict),
            Err(cut) => return Err(cut),
        };
        let secret = match self.delete_secret() {
            Ok(()) => None,
            Err(Trouble::Died) => return Err(Cut::Died),
            Err(Trouble::Failed(_)) => Some(secret_stays(&kube::Error::LinesCodecMaxLineLengthExceeded)),
        };
        if role.is_some() || secret.is_some() {
            let waits =
                |verdict: Option<Verdict>| verdict.map_or(Outcome::Untouched, |verdict| waiting(verdict, target));
            (self.pass.report.role, self.pass.report.credentials) = (waits(role), waits(secret));
            return self.publish();
        }
        let Self { world, effects, who, .. } = self;
        let removed = effects.attempt(|| {
            world.objects[*who] = None;
            Ok(())
        });
        removed.map_err(Trouble::of_kubernetes)
    }

    /// Mirrors `Pass::delete_or_release_role`.
    fn delete_or_release_role(&mut self, target: &Target) -> Result<(), Cut> {
        let account = self.account().clone();
        let Ok(at) = RoleLocation::of(self.pass.role, &account, &self.pass.object) else { return Ok(()) };
        let goal = match target {
            Target::Released { closed } => Goal::Released { closed: closed.is_some() },
            Target::Absent { closed } => Goal::Absent { closed: closed.is_some() },
            Target::Open(_) | Target::Held(_) | Target::Closed(_) => Goal::Absent { closed: true },
        };
        let (planned, state) = self.plan_without_declaration(&at, goal)?;
        let applied = self.apply(&planned, state)?;
        let Some(failure) = applied.failure else { return Ok(()) };
        self.pass.remember(|state| state.deletion_failed = true);
        self.close_what_stays(&at, goal, applied.state)?;
        Err(failure.verdict.into())
    }

    /// Mirrors `Pass::close_what_stays`.
    fn close_what_stays(&mut self, at: &RoleLocation, goal: Goal<'_>, state: Option<IamRoleState>) -> Result<(), Cut> {
        let created = state.as_ref().is_some_and(|state| self.pass.object.has_created(&state.role.tags));
        if !created || !matches!(goal, Goal::Absent { .. }) {
            return Ok(());
        }
        let boundary = self.pass.boundary();
        let planned = plan(Goal::Closed, &self.pass.given(at, boundary.as_ref(), &[]), state.as_ref());
        self.apply(&planned.unwrap_or_default(), state).map(drop)
    }
}
