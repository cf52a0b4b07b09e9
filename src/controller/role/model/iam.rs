//! IAM and STS as far as one role goes: what a write does, what a read shows, who gets in, who can do what.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::decide::role::Step;
use crate::decide::role::denial::{Denied, denied};
use crate::decide::role::fixture::OPERATOR;
use crate::domain::policy::{PolicyDocument, Statement};
use crate::domain::{AwsFailure, ExternalId, FailureKind, IamRole, IamRoleState, glob_covers};

/// A principal that no declaration lets in.
pub const STRANGER: &str = "arn:aws:iam::333333333333:root";

/// IAM of the account.
#[derive(Clone, Debug, Default)]
pub struct Iam {
    /// The role that both objects name.
    pub role: Option<IamRoleState>,
    /// What stood before the last pass that wrote, and when it wrote. IAM may show that for a while.
    pub before: Option<(Timestamp, Option<IamRoleState>)>,
    /// Whether the last read showed something that stands no more.
    pub misled: bool,
    /// Number of roles that were made so far.
    pub made: u32,
}

/// An answer of IAM that is no success.
pub fn failure(kind: FailureKind) -> AwsFailure {
    AwsFailure { service: "iam", operation: "Write", kind, code: "Code".into(), message: "message".into() }
}

impl Iam {
    /// What a read shows: the truth, or while IAM lags what stood before.
    pub fn read(&mut self, lags: bool, now: Timestamp) -> Option<IamRoleState> {
        let recent = |at: Timestamp| now.duration_since(at) < SignedDuration::from_mins(2);
        let shown = match &self.before {
            Some((at, before)) if lags && recent(*at) => before.clone(),
            _ => self.role.clone(),
        };
        self.misled = shown != self.role;
        shown
    }

    /// Executes one step (IAM API reference).
    pub fn write(&mut self, step: &Step, now: Timestamp) -> Result<Option<IamRole>, FailureKind> {
        if let Step::Create(_) = step {
            if self.role.is_some() {
                return Err(FailureKind::AlreadyExists);
            }
            self.made += 1;
            let mut made = step.apply(None);
            if let Some(state) = &mut made {
                (state.role.id, state.role.created_at) = (format!("AROA{}", self.made), now);
            }
            self.role = made;
            return Ok(self.role.as_ref().map(|state| state.role.clone()));
        }
        let Some(state) = &self.role else {
            let takes = matches!(step, Step::Detach(_) | Step::DeleteInline(_) | Step::DeleteRole);
            return if takes { Ok(None) } else { Err(FailureKind::NotFound) };
        };
        if *step == Step::DeleteRole && !(state.inline.is_empty() && state.attached.is_empty()) {
            return Err(FailureKind::DeleteConflict);
        }
        self.role = step.apply(self.role.take());
        Ok(None)
    }

    /// Whether STS lets the operator in with this external id.
    pub fn admits_operator(&self, external_id: Option<&ExternalId>) -> bool {
        let trust = self.role.as_ref().and_then(|state| state.role.trust.as_ref());
        trust.is_some_and(|trust| admits(trust, OPERATOR, external_id.map(ExternalId::as_str)))
    }

    /// Whether all sessions of the role are denied everything, new ones as well.
    pub fn denies_everyone(&self) -> bool {
        self.role.as_ref().is_some_and(|state| denied(state, []) == Denied::Everyone)
    }
}

fn admits(trust: &PolicyDocument, caller: &str, external_id: Option<&str>) -> bool {
    let applies = |statement: &Statement<'_>| {
        let named = statement.principals().contains(&caller);
        named
            && statement.conditions().all(|(_, key, values)| key == "sts:ExternalId" && external_id == Some(values[0]))
    };
    let mut applying = trust.statements().filter(applies).peekable();
    applying.peek().is_some() && applying.all(|statement| statement.allows())
}

/// Actions that a policy of this world may allow.
const ACTIONS: [&str; 2] = ["s3:getobject", "s3:putobject"];

/// Who can do what with the role: a session that began before, or a caller who begins one now; and an action.
pub type Power = (&'static str, &'static str);

/// All that can be done with the role at a time, except by the operator with an external id of its own.
pub fn powers(state: Option<&IamRoleState>, now: Timestamp) -> BTreeSet<Power> {
    let Some(state) = state else { return BTreeSet::new() };
    let lets_in = |caller| state.role.trust.as_ref().is_none_or(|trust| admits(trust, caller, None));
    let earlier = ("a session that began before", now - SignedDuration::from_secs(1));
    let later = now + SignedDuration::from_hours(1);
    let callers = [OPERATOR, super::world::DEPLOYER, STRANGER].into_iter().filter(|caller| lets_in(caller));
    let sessions = callers.map(|caller| (caller, later)).chain([earlier]);
    sessions
        .flat_map(|(name, issued)| {
            let may = move |action: &&str| allows(state, action) && !denies(state, issued, action);
            ACTIONS.into_iter().filter(may).map(move |action| (name, action))
        })
        .collect()
}

fn is_about(statement: Statement<'_>, action: &str) -> bool {
    statement.texts("Action").iter().any(|glob| glob_covers(&glob.to_lowercase(), action))
}

fn allows(state: &IamRoleState, action: &str) -> bool {
    let found = state.inline.values().any(|document| {
        document.as_ref().is_none_or(|document| document.statements().any(|one| one.allows() && is_about(one, action)))
    });
    found || !state.attached.is_empty()
}

fn denies(state: &IamRoleState, issued: Timestamp, action: &str) -> bool {
    let met = |(_, key, values): (&str, &str, Vec<&str>)| {
        key.eq_ignore_ascii_case("aws:TokenIssueTime")
            && values.iter().any(|moment| moment.parse().is_ok_and(|moment: Timestamp| issued < moment))
    };
    let applies = |one: Statement<'_>| !one.allows() && is_about(one, action) && one.conditions().all(met);
    state.inline.values().flatten().flat_map(PolicyDocument::statements).any(applies)
}
