//! What a plan is made from, and what it is.

use jiff::Timestamp;

use super::step::Step;
use crate::domain::{DesiredRole, IamRoleState, ObjectIdentity, PolicyArn};

/// What a role is to become.
#[derive(Clone, Copy, Debug)]
pub enum Goal<'a> {
    /// As declared; made if there is none.
    Declared(&'a DesiredRole),
    /// As declared; taken over if nobody owns it.
    Adopted(&'a DesiredRole),
    /// As it is, except for what the platform team or a revocation demands.
    Kept,
    /// Closed to everybody.
    Closed,
    /// Gone, if the operator created it; else released.
    Absent {
        /// Whether it is closed first, because the object has no permission any more.
        closed: bool,
    },
    /// Given up: it stays, without the operator's tags.
    Released {
        /// Whether it is closed first, because the object has no permission any more.
        closed: bool,
    },
}

/// What is known besides goal and role.
#[derive(Clone, Debug)]
pub struct Given<'a> {
    /// The object.
    pub object: &'a ObjectIdentity,
    /// The operator's principal, if it is known.
    pub operator: Option<&'a str>,
    /// The account's permissions boundary.
    pub boundary: Option<&'a PolicyArn>,
    /// Time of the annotation `revoke-requested-at`, if set.
    pub revoke: Option<Timestamp>,
    /// `aws:userid` of the sessions that the operator itself begins, without the role id.
    pub session_name: &'a str,
    /// Names of inline policies that the object declared before, as a hint.
    pub declared_inline: &'a [String],
    /// Keys of tags that the object declared before, as a hint.
    pub declared_tags: &'a [String],
    /// Instance profiles that keep the role from being deleted, where they were asked for.
    pub instance_profiles: &'a [String],
    /// Whether an earlier try to delete the role failed, so that it is closed first.
    pub deletion_failed: bool,
    /// Whether the operator opened the role so lately that IAM may still show it as closed. Then a role that is to be closed is
    /// written whatever it seems to be.
    pub unsettled: bool,
    /// AWS's time.
    pub now: Timestamp,
}

/// The writes, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Stages; see [`super::plan`].
    pub stages: Vec<Vec<Step>>,
    /// Steps that are about nobody's access.
    pub side: Vec<Step>,
}

impl Plan {
    pub(super) fn of(stages: impl IntoIterator<Item = Vec<Step>>, side: Vec<Step>) -> Self {
        Self { stages: stages.into_iter().filter(|stage| !stage.is_empty()).collect(), side }
    }

    /// All steps, in the order in which they are tried.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.stages.iter().flatten().chain(&self.side)
    }

    /// The side steps that may be tried on a role that stands so after the stages: none on a role that nobody owns yet and
    /// whose claim failed.
    #[must_use]
    pub fn side_steps(&self, object: &ObjectIdentity, state: Option<&IamRoleState>) -> &[Step] {
        let is_ours = state.is_none_or(|state| object.ownership(&state.role.tags).is_ours());
        if is_ours { &self.side } else { &[] }
    }

    /// Whether there is nothing to write.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps().next().is_none()
    }

    /// The creation of the role, and what comes after it. Without a creation, everything comes after.
    #[must_use]
    pub fn split_creation(mut self) -> (Self, Self) {
        let creates = self.stages.first().is_some_and(|stage| stage.iter().any(|step| matches!(step, Step::Create(_))));
        let rest = self.stages.split_off(usize::from(creates));
        (Self { stages: self.stages, side: Vec::new() }, Self { stages: rest, side: self.side })
    }

    /// What stands in AWS when all steps succeeded.
    #[must_use]
    pub fn result(&self, observed: Option<&IamRoleState>) -> Option<IamRoleState> {
        self.steps().fold(observed.cloned(), |state, step| step.apply(state))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::role::fixture;

    #[test]
    fn side_steps_wait_for_the_claim_of_a_role_that_nobody_owns_and_for_nothing_else() {
        let side = vec![Step::Untag(vec!["old".to_owned()])];
        let plan = Plan { stages: Vec::new(), side: side.clone() };
        let (object, ours) = (fixture::object(), fixture::state());
        let mut unclaimed = fixture::state();
        unclaimed.role.tags.clear();
        assert_eq!(plan.side_steps(&object, Some(&ours)), side);
        assert_eq!(plan.side_steps(&object, None), side);
        assert!(plan.side_steps(&object, Some(&unclaimed)).is_empty());
    }
}
