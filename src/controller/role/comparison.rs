//! When the role is looked at in AWS, what is known without a look, and what a look leaves behind.

use std::collections::BTreeMap;
use std::time::Instant;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::apply::Applied;
use super::outcome::RoleOutcome;
use super::pass::Pass;
use crate::api::{ConditionType, Reason, RoleStatus};
use crate::controller::state::bulk::BulkEntry;
use crate::controller::state::objects::{Compared, KnownRole, LastRead};
use crate::decide::Refusal;
use crate::decide::role::compliance::reported_as;
use crate::decide::role::denial::{Denied, denies_new_sessions, is_over, own_denial};
use crate::decide::role::due::{LastComparison, must_compare};
use crate::decide::status::Outcome;
use crate::decide::target::desired::Desired;
use crate::decide::target::requests::{Requests, is_due};
use crate::decide::target::role_location::RoleLocation;
use crate::domain::{IamRoleState, RoleArn};

impl Pass<'_> {
    /// Whether the role is to be compared with AWS now, apart from the regular check for drift: it was not compared with this
    /// declaration, it was written two minutes ago, AWS denied something unexplained, or a revocation is requested.
    pub(super) fn must_compare(&self, at: &RoleLocation, key: &str) -> bool {
        let state = self.state();
        let known = self.known(at);
        let last = LastComparison {
            with: state.compared.as_ref().map(|last| last.with.as_str()),
            reported: reported_as(self.role, key),
            doubted: state.compare_again,
            located: known.is_some() && known == self.reported(at),
        };
        let verified = state.verify_at().is_none_or(|at| at > self.now);
        must_compare(key, last) || !verified || self.revocation_is_unmet()
    }

    /// The role in a bulk read of its account that is later than the last comparison, if a look for drift is all that is due.
    pub(super) fn bulk_entry(&self, at: &RoleLocation, key: &str) -> Option<BulkEntry> {
        if self.must_compare(at, key) {
            return None;
        }
        let since = self.state().compared.map(|last| last.done);
        self.ctx.bulk.take(&at.access.name, &at.role_arn.name, since)
    }

    /// When a role that is declared is read by itself. While its account is read in bulk, that is only for roles that the bulk
    /// reads leave out.
    pub(super) fn next_single_read(&self) -> Timestamp {
        if !self.is_read_in_bulk() {
            return self.next_comparison();
        }
        let last = self.state().compared.map_or(self.ctx.started_at, |last| last.at);
        let interval = self.ctx.drift_interval;
        self.ctx.next_comparison(Some(last + interval + interval), &self.object.uid)
    }

    /// Whether the account is read in bulk at each drift interval, as far as is known.
    fn is_read_in_bulk(&self) -> bool {
        let Some(account) = self.account() else { return false };
        let failed = self.ctx.accounts.of(&account.name_any()).bulk_read.is_some_and(|last| !last.worked);
        !failed && self.ctx.shard.has_account(&account.spec.account_id)
    }

    /// When the object is looked at again although nothing asks for it: after now, not after the last look, since one that
    /// keeps failing is for the retry to repeat. A bulk read wakes its objects, so that one without problems and source grants
    /// waits for it.
    pub(super) fn next_look(&self, has_problem: bool) -> Timestamp {
        let regular = self.ctx.next_comparison(Some(self.now), &self.object.uid);
        let grants = self.role.spec.source_grants.len() + self.role.reported_grants().len();
        let waits_for_bulk = !has_problem && grants == 0 && self.role.has_finalizer() && self.is_read_in_bulk();
        if waits_for_bulk { regular.max(self.next_single_read()) } else { regular }
    }

    pub(super) fn next_comparison(&self) -> Timestamp {
        let state = self.state();
        let regular = self.ctx.next_comparison(state.compared.as_ref().map(|last| last.at), &self.object.uid);
        state.verify_at().map_or(regular, |at| at.min(regular))
    }

    /// Whether a request to revoke is due that this process has not seen met in AWS.
    pub(super) fn revocation_is_unmet(&self) -> bool {
        let requests = Requests::of(self.role);
        let now = self.now;
        requests
            .revoke
            .is_some_and(|at| is_due(at, now) && !is_over(at, now) && self.state().revocation_met != Some(at))
    }

    /// What was known still holds.
    pub(super) fn remembered_outcome(&self) -> RoleOutcome {
        let at = self.account().and_then(|account| RoleLocation::of(self.role, account, &self.object).ok());
        let known = at.and_then(|at| self.known(&at));
        RoleOutcome { known, denied: self.last_denied(), ..RoleOutcome::default() }
    }

    /// Which sessions the role denies, by its last read. Until this process has read it, also by what status says: that hint can
    /// only have credentials replaced, or requested a second later. A moment far ahead is forged, since denials begin at once.
    pub(super) fn last_denied(&self) -> Denied {
        let state = self.state();
        let reported = self.role.reported_role().and_then(|role| role.denied_before.as_ref());
        let hint = reported.map_or(Denied::Nobody, |moment| Denied::Before(moment.0));
        let counts = state.last_read == LastRead::Unread && !denies_new_sessions(hint, self.now);
        if counts { state.denied.max(hint) } else { state.denied }
    }

    /// The role that was last read, or that status remembers, if it is the declared one. This is a hint: the id is compared with
    /// AWS's answer before anything is published.
    fn known(&self, at: &RoleLocation) -> Option<KnownRole> {
        let not_ours = |reason| self.role.has_reason(ConditionType::RoleReady, reason);
        match self.state().last_read {
            LastRead::NotOurs => None,
            LastRead::Usable(known) if at.is_role(&known.arn) => Some(known),
            LastRead::Unread if [Reason::RoleNotOwned, Reason::RoleNotFound].into_iter().any(not_ours) => None,
            LastRead::Unread | LastRead::Usable(_) => self.reported(at),
        }
    }

    fn reported(&self, at: &RoleLocation) -> Option<KnownRole> {
        let reported = self.role.reported_role()?;
        let arn = RoleArn::parse(reported.arn.as_deref()?).ok()?;
        at.is_role(&arn).then_some(())?;
        Some(KnownRole { arn, id: reported.id.clone()? })
    }

    pub(super) fn remember_comparison(&self, key: &str) {
        let compared = Compared { with: key.to_owned(), at: self.now, done: Instant::now() };
        let settling = self.state().is_settling(self.now);
        self.remember(|state| {
            state.compared = Some(compared);
            state.compare_again = false;
            state.written_at = state.written_at.filter(|_| settling);
        });
    }

    pub(super) fn remember_compliance(&self, key: &str) {
        let bounds = self.bounds();
        self.remember(|state| state.within = Some(bounds));
        self.remember_comparison(key);
    }

    /// Whether the tags of a role say that it is the object's.
    pub(super) fn owns(&self, state: &IamRoleState) -> bool {
        self.object.ownership(&state.role.tags).is_ours()
    }

    /// What the part ends with after a plan was executed.
    pub(super) fn concluded(
        &mut self,
        key: &str,
        at: &RoleLocation,
        mut applied: Applied,
        closed: Option<Refusal>,
    ) -> RoleOutcome {
        let failure = applied.failure.take();
        let side_failed = applied.side_failure.is_some();
        self.report.side_failure(applied.side_failure.take());
        let outcome = self.outcome_of(at, applied, closed);
        match (failure, &outcome.closed) {
            (None, None) => {
                self.report.role = Outcome::Done;
                self.remember_compliance(key);
                self.remember(|state| state.compare_again = side_failed);
                RoleOutcome { trust_verified: true, ..outcome }
            }
            (Some(failure), None) => {
                self.report.role = Outcome::Failing(failure.verdict);
                RoleOutcome { role_failing: true, ..outcome }
            }
            (failure, Some(_)) => RoleOutcome { unclosed: failure.is_some(), ..outcome },
        }
    }

    pub(super) fn outcome_of(&self, at: &RoleLocation, applied: Applied, closed: Option<Refusal>) -> RoleOutcome {
        let Applied { state, first_session, .. } = applied;
        let found = state.as_ref().filter(|state| at.is_role(&state.role.arn));
        let known = found.map(|state| KnownRole { arn: state.role.arn.clone(), id: state.role.id.clone() });
        let denied = state.as_ref().map_or(Denied::Nobody, |state| self.denied_on(state));
        let revoke = Requests::of(self.role).revoke;
        // A role that is not ours is never written: there is nothing to wait for.
        let met = revoke
            .filter(|at| state.as_ref().is_some_and(|state| !self.owns(state) || own_denial(state).satisfies(*at)));
        self.remember(|remembered| {
            remembered.denied = denied;
            remembered.last_read = known.clone().map_or(LastRead::Unread, LastRead::Usable);
            remembered.revocation_met = met.or(remembered.revocation_met);
        });
        let known = known.filter(|_| closed.is_none());
        RoleOutcome { known, read: state, denied, first_session, closed, ..RoleOutcome::default() }
    }

    /// What status says of the role, by what was read and written.
    pub(super) fn report_role(
        &mut self,
        state: Option<&IamRoleState>,
        desired: Option<&Desired>,
        key: &str,
        adopted: Option<Vec<String>>,
    ) {
        let Some(state) = state else { return };
        let before = self.role.reported_role().cloned().unwrap_or_default();
        let declared = desired.and_then(|desired| desired.role.as_ref().ok());
        let same = before.id.as_deref() == Some(&state.role.id);
        let denied_before = match self.denied_on(state) {
            Denied::Before(moment) => Some(Time(moment)),
            Denied::Nobody | Denied::Everyone => None,
        };
        let spec = &self.role.spec.role;
        self.report.role_facts = Some(RoleStatus {
            arn: Some(state.role.arn.to_string()),
            id: Some(state.role.id.clone()),
            created: self.object.has_created(&state.role.tags),
            last_used: state.role.last_used.map(Time),
            denied_before,
            changed_on_adoption: adopted.unwrap_or(if same { before.changed_on_adoption } else { Vec::new() }),
            inline_policies: remembered(before.inline_policies, declared.map(|role| &role.inline), &state.inline),
            tag_keys: remembered(before.tag_keys, declared.map(|_| &spec.tags), &state.role.tags),
            declaration_hash: Some(key.to_owned()),
        });
    }
}

/// What the object declares, and what it declared before and could not be taken off yet.
fn remembered<T, U>(
    before: Vec<String>,
    declared: Option<&BTreeMap<String, T>>,
    current: &BTreeMap<String, U>,
) -> Vec<String> {
    let Some(declared) = declared else { return before };
    let left = before.into_iter().filter(|key| current.contains_key(key) && !declared.contains_key(key));
    declared.keys().cloned().chain(left).collect()
}
