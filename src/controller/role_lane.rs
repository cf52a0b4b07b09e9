//! The lane of the role: looked at when that is due, and made as declared, or, if it is only observed, compared.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::context::Context;
use super::observe::{KnownRole, RoleView, fingerprint};
use super::{Error, apply, observe, publish};
use crate::api::{ConditionType, CrossAccountRole, Lifecycle, Reason, RoleStatus};
use crate::cluster::Notice;
use crate::decide::conditions::is_true_for;
use crate::decide::desired::Desired;
use crate::decide::failure::Verdict;
use crate::decide::planned;
use crate::decide::role_plan::{Goal, RoleStep, created_by_us, denial_on, role_plan};
use crate::decide::status::Outcome;
use crate::domain::{DesiredRole, IamRoleState};

/// How the role stands afterwards.
#[derive(Debug, Default)]
pub struct RoleLane {
    /// Outcome, for the status.
    pub outcome: Outcome,
    /// What is known of the role now; none: what status says still holds.
    pub facts: Option<RoleStatus>,
    /// What would be changed if the role were not only observed; none: what status says still holds.
    pub planned_changes: Option<Vec<String>>,
    /// Whether a status was written in the middle.
    pub announced: bool,
    /// The role, if it may be assumed.
    pub known: Option<KnownRole>,
    /// The role as it was read in this reconcile, before anything was changed.
    pub read: Option<IamRoleState>,
    /// Whether the trust policy was compared or written in this reconcile, and is as declared.
    pub trust_verified: bool,
    /// Whether the trust policy was changed in this reconcile.
    pub trust_changed: bool,
    /// Sessions issued up to this moment are denied.
    pub denied_until: Option<Timestamp>,
}

/// Runs the lane.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    desired: &Desired,
    manageable: Result<(), Verdict>,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<RoleLane, Error> {
    let lane = Lane { ctx, role, desired, now };
    let declared = match &desired.role {
        Ok(declared) => declared,
        Err(refusal) => return Ok(lane.failing(refusal.clone().into())),
    };
    if let Err(verdict) = manageable {
        // An account that was edited is checked in a moment, and that wakes us: no reason to alarm anybody.
        let passing = verdict.reason == Reason::Progressing && lane.was_ready();
        return Ok(if passing { lane.untouched() } else { lane.failing(verdict) });
    }
    match observe::role(ctx, role, desired, now).await {
        RoleView::AsDeclared => Ok(lane.untouched()),
        RoleView::Unreadable(verdict) => Ok(lane.failing(verdict)),
        RoleView::Read(state) => lane.compare(declared, *state, notices).await,
    }
}

struct Lane<'a> {
    ctx: &'a Context,
    role: &'a CrossAccountRole,
    desired: &'a Desired,
    now: Timestamp,
}

impl Lane<'_> {
    /// What was known still holds.
    fn untouched(&self) -> RoleLane {
        let denied_until = self.before().denied_before.map(|time| time.0);
        RoleLane { known: KnownRole::from_status(self.role), denied_until, ..RoleLane::default() }
    }

    /// Nothing was done; what was known may still be assumed.
    fn failing(&self, verdict: Verdict) -> RoleLane {
        RoleLane { outcome: Outcome::Failing(verdict), ..self.untouched() }
    }

    fn was_ready(&self) -> bool {
        let conditions = self.role.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        is_true_for(conditions, ConditionType::RoleReady, self.role.metadata.generation)
    }

    async fn compare(
        &self,
        declared: &DesiredRole,
        state: Option<IamRoleState>,
        notices: &mut Vec<Notice>,
    ) -> Result<RoleLane, Error> {
        let Self { desired, now, .. } = *self;
        let Desired { object, lifecycle, requests, .. } = desired;
        let goal = Goal { object, lifecycle: *lifecycle, role: declared, revoke_requested_at: requests.revoke, now };
        let steps = match role_plan(&goal, state.as_ref()) {
            Ok(steps) => steps,
            Err(refusal) => return Ok(RoleLane { known: None, ..self.failing(refusal.into()) }),
        };
        let lane = match (lifecycle, state) {
            (Lifecycle::Observe, Some(state)) => self.only_told(&steps, state),
            (_, state) => self.make(&steps, state, notices).await?,
        };
        if lane.outcome == Outcome::Done {
            self.ctx.memory.change(&object.uid, |memo| {
                memo.looked_at = Some(now);
                memo.look_again = false;
            });
        }
        Ok(lane)
    }

    /// Of a role that is only observed.
    fn only_told(&self, steps: &[RoleStep], state: IamRoleState) -> RoleLane {
        let known = KnownRole { arn: state.role.arn.clone(), id: state.role.id.clone() };
        let denied_until = denial_on(&state);
        RoleLane {
            outcome: Outcome::Done,
            facts: Some(self.facts(&known, Some(&state), denied_until, &[])),
            planned_changes: Some(planned::lines(steps, &state)),
            known: Some(known),
            read: Some(state),
            denied_until,
            ..RoleLane::default()
        }
    }

    async fn make(
        &self,
        steps: &[RoleStep],
        state: Option<IamRoleState>,
        notices: &mut Vec<Notice>,
    ) -> Result<RoleLane, Error> {
        let Self { ctx, role, desired, now } = *self;
        let found = state.as_ref().map(|state| KnownRole { arn: state.role.arn.clone(), id: state.role.id.clone() });
        let lines = state.as_ref().map(|state| planned::lines(steps, state)).unwrap_or_default();
        let occasion = self.occasion(steps, found.as_ref());
        if !steps.is_empty() && !ctx.cluster.is_current(role).await? {
            return Err(Error::Stale);
        }
        let announced = occasion.announced();
        if announced {
            let facts = found.as_ref().map(|known| self.facts(known, state.as_ref(), None, &lines));
            self.announce(steps, facts).await?;
        }

        let applied = apply::role(ctx, desired, steps, now).await;
        if !applied.subjects.is_empty() {
            notices.push(occasion.told(&applied.subjects));
        }
        let denied_until = applied.denied_until.or_else(|| state.as_ref().and_then(denial_on));
        let known = applied.created.clone().or(found);
        let outcome = applied.failure.map_or(Outcome::Done, Outcome::Failing);
        Ok(RoleLane {
            facts: known.as_ref().map(|known| self.facts(known, state.as_ref(), denied_until, &lines)),
            planned_changes: Some(Vec::new()),
            announced,
            known,
            trust_verified: outcome == Outcome::Done,
            trust_changed: applied.trust_changed,
            denied_until,
            read: state,
            outcome,
        })
    }

    fn occasion(&self, steps: &[RoleStep], found: Option<&KnownRole>) -> Occasion {
        let creates = steps.iter().any(|step| matches!(step, RoleStep::Create(_)));
        let asked = steps.iter().any(|step| matches!(step, RoleStep::DenyOlderSessions(..)));
        match found {
            _ if steps.is_empty() => Occasion::Nothing,
            Some(known) if self.desired.lifecycle == Lifecycle::Adopt && !self.is_known(known) => Occasion::Adoption,
            _ if asked => Occasion::Revocation,
            _ if self.was_ready() => Occasion::Drift { gone: creates },
            _ => Occasion::Declaration { new: creates },
        }
    }

    fn is_known(&self, known: &KnownRole) -> bool {
        self.before().id.as_ref() == Some(&known.id)
    }

    /// Says so before a repair or an adoption begins: a process that dies in its middle then leaves a role that is known not
    /// to be ready, and not to be made by us, and the next one looks at it at once instead of at the next look for drift.
    async fn announce(&self, steps: &[RoleStep], facts: Option<RoleStatus>) -> Result<(), Error> {
        let subjects: Vec<String> = steps.iter().map(RoleStep::subject).collect();
        publish::interim(self.ctx, self.role, &format!("changing: {}", subjects.join(", ")), facts, self.now).await
    }

    fn before(&self) -> RoleStatus {
        self.role.status.as_ref().and_then(|status| status.role.clone()).unwrap_or_default()
    }

    fn facts(
        &self,
        known: &KnownRole,
        state: Option<&IamRoleState>,
        denied_until: Option<Timestamp>,
        changes: &[String],
    ) -> RoleStatus {
        let before = self.before();
        let same = self.is_known(known);
        let Desired { lifecycle, object, .. } = self.desired;
        let created = match state {
            None => true,
            Some(state) => created_by_us(same.then_some(before.created), *lifecycle, &state.role, object),
        };
        let changed_on_adoption = match lifecycle {
            Lifecycle::Adopt if same => before.changed_on_adoption,
            Lifecycle::Adopt => changes.to_vec(),
            Lifecycle::Create | Lifecycle::Observe => Vec::new(),
        };
        RoleStatus {
            arn: Some(known.arn.to_string()),
            id: Some(known.id.clone()),
            created,
            last_used: state.and_then(|state| state.role.last_used).map(Time),
            denied_before: denied_until.map(Time).or(before.denied_before),
            changed_on_adoption,
            declaration_hash: Some(fingerprint(self.desired)),
        }
    }
}

/// Why a role is changed.
enum Occasion {
    Nothing,
    Declaration { new: bool },
    Adoption,
    Revocation,
    Drift { gone: bool },
}

impl Occasion {
    fn announced(&self) -> bool {
        matches!(self, Self::Adoption | Self::Drift { .. })
    }

    fn told(&self, subjects: &[String]) -> Notice {
        let subjects = subjects.join(", ");
        match self {
            Self::Nothing | Self::Declaration { new: false } => {
                Notice::normal("RoleUpdated", format!("Updated {subjects}"))
            }
            Self::Declaration { new: true } => Notice::normal("RoleCreated", format!("Created {subjects}")),
            Self::Adoption => Notice::normal("RoleAdopted", format!("Took the role over and changed {subjects}")),
            Self::Revocation => Notice::normal("Revoked", format!("As requested: {subjects}")),
            Self::Drift { gone: true } => {
                Notice::warning("DriftRepaired", format!("The role was gone and was made anew: {subjects}"))
            }
            Self::Drift { gone: false } => {
                Notice::warning("DriftRepaired", format!("AWS differed from the declaration; repaired {subjects}"))
            }
        }
    }
}
