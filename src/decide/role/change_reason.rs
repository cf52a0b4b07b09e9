//! Why a role is changed, for Events.

use super::goal::Plan;
use super::step::Step;
use crate::decide::event::{Event, EventReason};
use crate::domain::Ownership;

/// Why a role is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeReason {
    /// It is not.
    Nothing,
    /// Something else is declared than before.
    Declaration {
        /// Whether there was no role.
        new: bool,
    },
    /// The role is taken over.
    Adoption,
    /// Somebody asked to revoke its sessions.
    Revocation,
    /// AWS differed from what was compared before.
    Drift {
        /// Whether the role was gone.
        gone: bool,
    },
}

/// What was known before the change.
#[derive(Clone, Copy, Debug)]
pub struct Before {
    /// Whether the role that was found is the object's; none if there was no role.
    pub found: Option<bool>,
    /// Whether the condition `RoleReady` was true for the present declaration.
    pub was_ready: bool,
    /// Whether the lifecycle is `Adopt`.
    pub adopts: bool,
}

/// What an Event about drift adds where the role had the UID of another object of this name: of an earlier one, whose status was
/// restored, or of one in a second cluster of the same name.
#[must_use]
pub fn claimed_by(found: Option<Ownership>) -> Option<String> {
    let Some(Ownership::OursBefore { uid }) = found else { return None };
    Some(format!(
        ". The role had the UID {uid} of another object of this cluster, namespace and name: if a second cluster has the same \
         --cluster-name, give each its own"
    ))
}

impl ChangeReason {
    /// Why a plan changes a role.
    #[must_use]
    pub fn of(plan: &Plan, Before { found, was_ready, adopts }: Before) -> Self {
        let revokes = plan.steps().any(|step| matches!(step, Step::Deny(_)));
        match found {
            _ if plan.is_empty() => Self::Nothing,
            Some(false) if adopts => Self::Adoption,
            _ if revokes && was_ready => Self::Revocation,
            _ if was_ready => Self::Drift { gone: found.is_none() },
            _ => Self::Declaration { new: found.is_none() },
        }
    }

    /// Whether status says so before the change: a process that dies in its middle then leaves a role that is known not
    /// to be ready, and the next one looks at it at once instead of at the next look for drift.
    #[must_use]
    pub fn is_reported_before(&self) -> bool {
        matches!(self, Self::Drift { .. })
    }

    /// The Event about what was changed.
    #[must_use]
    pub fn event(&self, subjects: &[String]) -> Event {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::role::denial::Denial;

    #[test]
    fn a_change_is_told_by_its_reason() {
        let writes = Plan::of([vec![Step::DeleteBoundary]], Vec::new());
        let denies = Plan::of([vec![Step::Deny(Denial::of_everyone())]], Vec::new());
        let new = Before { found: None, was_ready: false, adopts: false };
        let ours = Before { found: Some(true), ..new };
        let others = Before { found: Some(false), adopts: true, ..new };
        for (what, plan, before, expected) in [
            ("nothing to do", &Plan::default(), ours, ChangeReason::Nothing),
            ("a new role", &writes, new, ChangeReason::Declaration { new: true }),
            ("another declaration", &writes, ours, ChangeReason::Declaration { new: false }),
            ("an adoption", &writes, others, ChangeReason::Adoption),
            (
                "a role adopted before",
                &writes,
                Before { adopts: true, ..ours },
                ChangeReason::Declaration { new: false },
            ),
            ("a revocation", &denies, Before { was_ready: true, ..ours }, ChangeReason::Revocation),
            ("a denial while the role is not ready", &denies, ours, ChangeReason::Declaration { new: false }),
            ("drift", &writes, Before { was_ready: true, ..ours }, ChangeReason::Drift { gone: false }),
            ("a role that is gone", &writes, Before { was_ready: true, ..new }, ChangeReason::Drift { gone: true }),
        ] {
            assert_eq!(ChangeReason::of(plan, before), expected, "{what}");
        }
    }

    #[test]
    fn only_drift_is_a_warning_and_reported_before_the_change() {
        let subjects = ["trust policy".to_owned(), "tags a".to_owned()];
        for (reason, drift) in [
            (ChangeReason::Declaration { new: true }, false),
            (ChangeReason::Declaration { new: false }, false),
            (ChangeReason::Adoption, false),
            (ChangeReason::Revocation, false),
            (ChangeReason::Drift { gone: true }, true),
            (ChangeReason::Drift { gone: false }, true),
        ] {
            let event = reason.event(&subjects);
            assert_eq!((event.warning, reason.is_reported_before()), (drift, drift), "{reason:?}");
            assert!(event.note.ends_with("trust policy, tags a"), "{}", event.note);
        }
    }
}
