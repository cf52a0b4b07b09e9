//! The part of a pass that is about the IAM role: looked at when that is due, and brought to the target.

use super::close::incomplete;
use super::outcome::RoleOutcome;
use super::pass::{Interrupt, Pass};
use crate::api::{ConditionType, Lifecycle};
use crate::controller::Error;
use crate::controller::manager::ManagedAccount;
use crate::controller::state::bulk::BulkEntry;
use crate::controller::state::objects::LastRead;
use crate::decide::Refusal;
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::Verdict;
use crate::decide::names::Kind;
use crate::decide::role::change_reason::{Before, ChangeReason, claimed_by};
use crate::decide::role::compliance::{Ended, check_compliance};
use crate::decide::role::denial::Denied;
use crate::decide::role::plan::{differences, foreign_denials, not_found};
use crate::decide::role::{Goal, describe, plan};
use crate::decide::status::Outcome;
use crate::decide::target::Target;
use crate::decide::target::desired::Desired;
use crate::decide::target::requests::LEAST_INTERVAL;
use crate::decide::target::role_location::RoleLocation;
use crate::domain::{DesiredRole, IamRoleState, digest_hex};

/// What a role is to be like.
struct Wanted<'a> {
    desired: &'a Desired,
    declared: &'a DesiredRole,
    goal: Goal<'a>,
    /// Hash of the declaration.
    key: String,
}

/// What is known of the role in AWS.
enum Found {
    /// It was not looked for, because there can be none of the object.
    Presumed,
    /// It was read; none if there is none.
    Read(Option<Box<IamRoleState>>),
}

impl Pass<'_> {
    /// Brings the role to the target. What stands in AWS may turn a held role into a closed one.
    pub async fn reconcile_iam_role(&mut self, target: &Target) -> Result<RoleOutcome, Error> {
        let worked = match target {
            Target::Open(desired) if desired.lifecycle == Lifecycle::Observe => self.observe(desired).await,
            Target::Open(desired) => match &desired.role {
                Ok(declared) => self.declare(desired, declared).await,
                Err(refusal) => Err(refusal.clone().into()),
            },
            Target::Held(hold) => self.hold(hold).await,
            Target::Closed(refusal) => self.close(refusal).await,
            Target::Absent { .. } | Target::Released { .. } => Ok(RoleOutcome::default()),
        };
        if let (true, Denied::Before(last)) = (self.revocation_is_unmet(), self.state().denied) {
            let rested = last.checked_add(LEAST_INTERVAL).ok(); // anybody may have written that moment
            self.report.wake_by(rested.filter(|at| *at > self.now)); // not so soon after the last one
        }
        match worked {
            Ok(outcome) => Ok(outcome),
            Err(Interrupt::Broken(error)) if !error.is_answer() => Err(error),
            Err(interrupt) => {
                let verdict = match interrupt {
                    Interrupt::Failing(verdict) => verdict,
                    Interrupt::Broken(error) => {
                        error.refused("the API server refuses what comes before a change in AWS")
                    }
                };
                let closed = match target {
                    Target::Closed(refusal) => Some(refusal.clone()),
                    _ => None,
                };
                self.report.role = Outcome::Failing(match &closed {
                    Some(refusal) => incomplete(refusal, &verdict),
                    None => verdict,
                });
                let unclosed = closed.is_some();
                Ok(RoleOutcome { role_failing: true, closed, unclosed, ..self.remembered_outcome() })
            }
        }
    }

    /// Makes the role as declared.
    async fn declare(&mut self, desired: &Desired, declared: &DesiredRole) -> Result<RoleOutcome, Interrupt> {
        let at = &desired.at;
        let key = declaration_hash(desired);
        let goal = match desired.lifecycle {
            Lifecycle::Adopt => Goal::Adopted(declared),
            Lifecycle::Create | Lifecycle::Observe => Goal::Declared(declared),
        };
        match self.bulk_entry(at, &key) {
            Some(BulkEntry::Found(state)) if self.is_settled(goal, declared, at, &state) => {
                self.remember_compliance(&key);
                return Ok(self.remembered_outcome());
            }
            Some(_) => {}
            None if self.must_compare(at, &key) || self.now >= self.next_single_read() => {}
            None => return Ok(self.remembered_outcome()),
        }
        self.add_finalizers().await?;
        let account = ManagedAccount::enter(self.ctx, &at.access).await?;
        let wanted = Wanted { desired, declared, goal, key };
        let found = if self.is_new(desired.lifecycle) {
            Found::Presumed
        } else {
            Found::Read(account.read_role(&at.role_arn).await?.map(Box::new))
        };
        self.make(&wanted, &account, found).await
    }

    /// Whether no process can have made a role for the object: then `CreateRole` says at once whether there is one.
    fn is_new(&self, lifecycle: Lifecycle) -> bool {
        let state = self.state();
        let made_by_this = state.create_sent_at.is_some() || state.compared.is_some();
        let made_before = state.had_finalizer != Some(false) || self.role.reported_role().is_some();
        lifecycle == Lifecycle::Create && !made_by_this && !made_before
    }

    /// Makes the role as declared.
    async fn make(
        &mut self,
        wanted: &Wanted<'_>,
        account: &ManagedAccount<'_>,
        found: Found,
    ) -> Result<RoleOutcome, Interrupt> {
        let Wanted { desired, declared, goal, key } = wanted;
        let at = &desired.at;
        let (presumed, state) = match found {
            Found::Presumed => (true, None),
            Found::Read(state) => (false, state.map(|state| *state)),
        };
        let boundary = self.boundary();
        let given = self.given(at, boundary.as_ref(), &[]);
        let planned = match plan(*goal, &given, state.as_ref()) {
            Ok(planned) => planned,
            Err(refusal) => return Err(self.refused_by(refusal).into()),
        };
        if planned.steps().next().is_some() {
            self.ensure_current().await?;
        }
        let reason = ChangeReason::of(
            &planned,
            Before {
                found: state.as_ref().map(|state| self.owns(state)),
                was_ready: self.role.is_true(ConditionType::RoleReady),
                adopts: desired.lifecycle == Lifecycle::Adopt,
            },
        );
        let changes = describe::changes(state.as_ref(), planned.result(state.as_ref()).as_ref());
        let claimed = claimed_by(state.as_ref().map(|state| self.object.ownership(&state.role.tags)));
        let kept = state.as_ref().map(|state| foreign_denials(declared, &given, state)).unwrap_or_default();
        if reason.is_reported_before() && !self.report.progress_reported {
            self.report_progress(&format!("changing: {}", changes.join("; "))).await;
        }
        let applied = match state {
            None => self.create(account, desired, planned).await,
            Some(state) => self.apply(account, &at.role_arn, &planned, Some(state)).await,
        };
        if presumed && applied.role_exists() {
            self.remember(|state| state.written_at = None); // IAM refused it: there is nothing that a read may not show yet
            let state = account.read_role(&at.role_arn).await?.map(Box::new);
            return Box::pin(self.make(wanted, account, Found::Read(state))).await;
        }
        if !applied.done.is_empty() {
            let mut event = reason.event(&applied.subjects());
            event.note.extend(claimed.filter(|_| event.warning));
            self.events.push(event);
        }
        self.report_kept_denials(kept);
        self.saw_role(applied.state.is_some());
        let (applied, closed) = self.close_unless_within(account, at, applied).await;
        self.report_role(
            applied.state.as_ref(),
            Some(desired),
            key,
            (reason == ChangeReason::Adoption).then_some(changes),
        );
        Ok(self.concluded(key, at, applied, closed))
    }

    /// Whether a bulk read shows the role as it should be. What differs in it is read by itself: IAM collects a bulk
    /// read over several calls.
    fn is_settled(&self, goal: Goal<'_>, declared: &DesiredRole, at: &RoleLocation, state: &IamRoleState) -> bool {
        let Some(account) = self.account() else { return false };
        let boundary = self.boundary();
        let given = self.given(at, boundary.as_ref(), &[]);
        let as_planned = plan(goal, &given, Some(state)).is_ok_and(|planned| planned.is_empty());
        // Somebody else may have denied sessions, and then credentials have to be issued again.
        let as_denied = self.denied_on(state) == self.state().denied;
        let as_kept = foreign_denials(declared, &given, state) == self.state().kept_denials;
        as_planned && as_denied && as_kept && check_compliance(account, &given, state, Ended::Well).is_ok()
    }

    /// An Event for denials that somebody else put on the role, whenever these change.
    fn report_kept_denials(&mut self, kept: Vec<String>) {
        if !kept.is_empty() && kept != self.state().kept_denials {
            let note = format!("Kept inline policies that only deny and are not declared: {}", kept.join(", "));
            self.events.push(Event::warning(EventReason::DenialKept, note));
        }
        self.remember(|state| state.kept_denials = kept);
    }

    /// Compares a role that is only observed. If it is ours all the same, since the object made or adopted it before, it
    /// obeys the account's guardrails.
    async fn observe(&mut self, desired: &Desired) -> Result<RoleOutcome, Interrupt> {
        let at = &desired.at;
        let key = declaration_hash(desired);
        if !self.must_compare(at, &key) && self.now < self.next_comparison() {
            return Ok(self.remembered_outcome());
        }
        let declared = desired.role.as_ref().map_err(Refusal::clone)?;
        self.add_finalizers().await?;
        let account = ManagedAccount::enter(self.ctx, &at.access).await?;
        let Some(state) = account.read_role(&at.role_arn).await? else {
            return Err(self.refused_by(not_found(declared)).into());
        };
        let boundary = self.boundary();
        let given = self.given(at, boundary.as_ref(), &[]);
        let would_be = differences(declared, &given, &state).result(Some(&state));
        let ours = self.owns(&state);
        let planned = plan(Goal::Kept, &given, Some(&state))?;
        self.report.planned_changes = Some(describe::changes(Some(&state), would_be.as_ref()));
        let applied = self.apply(&account, &at.role_arn, &planned, Some(state)).await;
        self.saw_role(ours);
        let (applied, closed) =
            if ours { self.close_unless_within(&account, at, applied).await } else { (applied, None) };
        self.report_role(applied.state.as_ref(), Some(desired), &key, None);
        Ok(self.concluded(&key, at, applied, closed))
    }

    /// The role is not the object's, or there is none: it is not assumed, whatever status says of it.
    pub(super) fn refused_by(&self, refusal: Refusal) -> Verdict {
        self.saw_role(false);
        self.remember(|state| state.last_read = LastRead::NotOurs);
        refusal.into()
    }

    pub(super) fn saw_role(&self, owns: bool) {
        self.ctx.wake_roles(self.ctx.names.saw(self.role, Kind::Role, owns));
    }
}

/// Hash of what a role is compared with, so that a change of the account's guardrails or of the operator's own principal
/// is seen without a change of the object.
pub(super) fn declaration_hash(desired: &Desired) -> String {
    digest_hex(&[format!("{} {:?}", desired.lifecycle, desired.role).as_bytes()])
}
