//! The lane of the role: looked at when that is due, and made as declared.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::context::Context;
use super::observe::{KnownRole, RoleView, fingerprint};
use super::{Error, apply, observe, publish};
use crate::api::{ConditionType, CrossAccountRole, Reason, RoleStatus};
use crate::cluster::Notice;
use crate::decide::conditions::is_true_for;
use crate::decide::desired::Desired;
use crate::decide::failure::Verdict;
use crate::decide::retry::Retry;
use crate::decide::revocation::denied_until;
use crate::decide::role_plan::{DENY_OLDER_SESSIONS, RoleStep, created_by_us, owned, role_plan};
use crate::decide::status::Outcome;
use crate::domain::policy::PolicyDocument;
use crate::domain::{DesiredRole, IamRoleState};

/// How the role stands afterwards.
pub struct RoleLane {
    /// Outcome, for the status.
    pub outcome: Outcome,
    /// What is known of the role now; none: what status says still holds.
    pub facts: Option<RoleStatus>,
    /// The role, if it may be assumed.
    pub known: Option<KnownRole>,
    /// Whether the trust policy was compared or written in this reconcile, and is as declared.
    pub trust_verified: bool,
    /// Whether the trust policy was changed in this reconcile.
    pub trust_changed: bool,
    /// When IAM made the role, if it was read.
    pub created_at: Option<Timestamp>,
    /// Sessions issued up to this moment are denied, if the role was read and says so.
    pub denied_until: Option<Timestamp>,
}

impl RoleLane {
    fn failing(verdict: Verdict, known: Option<KnownRole>) -> Self {
        let outcome = Outcome::Failing(verdict);
        Self {
            outcome,
            facts: None,
            known,
            trust_verified: false,
            trust_changed: false,
            created_at: None,
            denied_until: None,
        }
    }
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
    let before = KnownRole::from_status(role);
    let declared = match &desired.role {
        Ok(declared) => declared,
        Err(refusal) => return Ok(RoleLane::failing(refusal.clone().into(), before)),
    };
    if let Err(verdict) = manageable {
        return Ok(RoleLane::failing(verdict, before));
    }
    match observe::role(ctx, role, desired, now).await {
        RoleView::AsDeclared(known) => Ok(RoleLane {
            outcome: Outcome::Untouched,
            facts: None,
            known: Some(known),
            trust_verified: false,
            trust_changed: false,
            created_at: None,
            denied_until: None,
        }),
        RoleView::Unreadable(verdict) => Ok(RoleLane::failing(verdict, before)),
        RoleView::Read(state) => make(ctx, role, desired, declared, state, now, notices).await,
    }
}

async fn make(
    ctx: &Context,
    role: &CrossAccountRole,
    desired: &Desired,
    declared: &DesiredRole,
    state: Option<IamRoleState>,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<RoleLane, Error> {
    let steps = match role_plan(declared, state.as_ref(), &desired.object) {
        Ok(steps) => steps,
        Err(refusal) => return Ok(RoleLane::failing(refusal.into(), None)),
    };
    let is_drift = !steps.is_empty() && was_ready(role);
    if !steps.is_empty() && !ctx.cluster.is_current(role).await? {
        return Err(Error::Stale);
    }
    if is_drift {
        announce_repair(ctx, role, &steps, now).await?;
    }
    let applied = apply::role(ctx, desired, &steps, now).await;
    if !applied.subjects.is_empty() {
        notices.push(told(&applied.subjects, applied.created.is_some(), is_drift));
    }
    let known = match (&state, applied.created.clone()) {
        (_, Some(created)) => Some(created),
        (Some(state), None) => Some(KnownRole { arn: state.role.arn.clone(), id: state.role.id.clone() }),
        (None, None) => None,
    };
    let facts = known.as_ref().map(|known| facts(role, desired, known, state.as_ref()));
    let outcome = match applied.failure {
        Some(verdict) => Outcome::Failing(verdict),
        None => Outcome::Done,
    };
    if outcome == Outcome::Done {
        ctx.memory.change(&desired.object.uid, |memo| {
            memo.looked_at = Some(now);
            memo.looked_for = Some(fingerprint(desired));
            memo.look_again = false;
        });
    }
    Ok(RoleLane {
        trust_verified: outcome == Outcome::Done,
        trust_changed: applied.trust_changed,
        created_at: state.as_ref().map(|state| state.role.created_at),
        denied_until: state.as_ref().and_then(denial_in).and_then(denied_until),
        outcome,
        facts,
        known,
    })
}

fn denial_in(state: &IamRoleState) -> Option<&PolicyDocument> {
    state.inline.get(DENY_OLDER_SESSIONS)?.as_ref()
}

fn was_ready(role: &CrossAccountRole) -> bool {
    let conditions = role.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    is_true_for(conditions, ConditionType::RoleReady, role.metadata.generation)
}

/// Says so before a repair begins: a process that dies in its middle then leaves a role that is known not to be ready,
/// and the next one looks at it at once instead of at the next look for drift.
async fn announce_repair(
    ctx: &Context,
    role: &CrossAccountRole,
    steps: &[RoleStep],
    now: Timestamp,
) -> Result<(), Error> {
    let subjects: Vec<String> = steps.iter().map(RoleStep::subject).collect();
    let message = format!("repairing: {}", subjects.join(", "));
    let verdict = Verdict { reason: Reason::Progressing, message, retry: Retry::Soon };
    publish::interim(ctx, role, verdict, now).await
}

fn told(subjects: &[String], created: bool, is_drift: bool) -> Notice {
    let subjects = subjects.join(", ");
    match (created, is_drift) {
        (true, true) => Notice::warning("DriftRepaired", format!("The role was gone and was made anew: {subjects}")),
        (true, false) => Notice::normal("RoleCreated", format!("Created {subjects}")),
        (false, true) => {
            Notice::warning("DriftRepaired", format!("AWS differed from the declaration; repaired {subjects}"))
        }
        (false, false) => Notice::normal("RoleUpdated", format!("Updated {subjects}")),
    }
}

fn facts(role: &CrossAccountRole, desired: &Desired, known: &KnownRole, state: Option<&IamRoleState>) -> RoleStatus {
    let before = role.status.as_ref().and_then(|status| status.role.as_ref());
    let created = match state {
        None => true,
        Some(state) => {
            debug_assert!(owned(&state.role, &desired.object).is_ok(), "a foreign role was refused before");
            created_by_us(before.map(|before| before.created), &state.role, &desired.object)
        }
    };
    RoleStatus {
        arn: Some(known.arn.to_string()),
        id: Some(known.id.clone()),
        created,
        last_used: state.and_then(|state| state.role.last_used).map(Time),
    }
}
