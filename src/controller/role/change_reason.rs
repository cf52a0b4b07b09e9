//! Why a role is changed, for Events.

use super::pass::Pass;
use crate::api::{ConditionType, Lifecycle};
use crate::decide::event::{Event, EventReason};
use crate::decide::role::{Plan, Step};
use crate::decide::target::desired::Desired;
use crate::domain::IamRoleState;

/// Why a role is changed.
pub(super) enum ChangeReason {
    Nothing,
    Declaration { new: bool },
    Adoption,
    Revocation,
    Drift { gone: bool },
}

impl ChangeReason {
    /// Whether status says so before the change: a process that dies in its middle then leaves a role that is known not
    /// to be ready, and the next one looks at it at once instead of at the next look for drift.
    pub(super) fn is_reported_before(&self) -> bool {
        matches!(self, Self::Drift { .. })
    }

    pub(super) fn event(&self, subjects: &[String]) -> Event {
        let subjects = subjects.join(", ");
        match self {
            Self::Nothing | Self::Declaration { new: false } => {
                Event::normal(EventReason::RoleUpdated, format!("Updated {subjects}"))
            }
            Self::Declaration { new: true } => Event::normal(EventReason::RoleCreated, format!("Created {subjects}")),
            Self::Adoption => {
                Event::normal(EventReason::RoleAdopted, format!("Adopted the role and changed {subjects}"))
            }
            Self::Revocation => {
                Event::normal(EventReason::Revoked, format!("Revoked sessions as requested: changed {subjects}"))
            }
            Self::Drift { gone: true } => {
                Event::warning(EventReason::DriftRepaired, format!("The role was gone; created it again: {subjects}"))
            }
            Self::Drift { gone: false } => Event::warning(
                EventReason::DriftRepaired,
                format!("AWS differed from the declaration; repaired {subjects}"),
            ),
        }
    }
}

impl Pass<'_> {
    pub(super) fn change_reason(
        &self,
        desired: &Desired,
        planned: &Plan,
        state: Option<&IamRoleState>,
    ) -> ChangeReason {
        let ours = state.is_some_and(|state| self.owns(state));
        let revokes = planned.steps().any(|step| matches!(step, Step::Deny(_)));
        let was_ready = self.role.is_true(ConditionType::RoleReady);
        match state {
            _ if planned.is_empty() => ChangeReason::Nothing,
            Some(_) if desired.lifecycle == Lifecycle::Adopt && !ours => ChangeReason::Adoption,
            _ if revokes && was_ready => ChangeReason::Revocation,
            _ if was_ready => ChangeReason::Drift { gone: state.is_none() },
            _ => ChangeReason::Declaration { new: state.is_none() },
        }
    }
}
