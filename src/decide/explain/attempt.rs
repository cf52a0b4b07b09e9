//! One attempt to assume a role, and what is known around it.

use serde_json::Value;

use super::remedy::Party;
use super::trusted::{Caller, Reading, reading};
use crate::decide::failure::Phase;
use crate::decide::role::trust::{entry, extras};
use crate::domain::policy::PolicyDocument;
use crate::domain::{AccountAccess, BaseIdentity, IamRole, RoleArn, SessionRequest};

pub(super) const ASSUME_ROLE: &str = "sts:AssumeRole";
const OPERATORS_OWN: &str = "the operator's own";

/// One call of `AssumeRole`, and what is known around it.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    pub(super) phase: Phase,
    pub(super) caller: Caller,
    /// Whose account the caller's is.
    pub(super) whose: String,
    pub(super) access: &'a AccountAccess,
    pub(super) role: &'a RoleArn,
    pub(super) seconds: i32,
    /// What the session needs besides `sts:AssumeRole`.
    pub(super) extras: Vec<&'static str>,
    /// The role as it is, where it can be read.
    pub(super) found: Option<&'a IamRole>,
}

impl<'a> Attempt<'a> {
    /// Into the role that an object declares.
    #[must_use]
    pub fn into_role(
        base: &BaseIdentity,
        access: &'a AccountAccess,
        role: &'a RoleArn,
        session: &SessionRequest,
    ) -> Self {
        let (seconds, extras) = (session.duration_seconds, session.extra_actions());
        let (caller, whose) = (caller(base), OPERATORS_OWN.into());
        Self { phase: Phase::Assume, caller, whose, access, role, seconds, extras, found: None }
    }

    /// The external id that is sent.
    #[must_use]
    pub fn with_external_id(mut self, external_id: &str) -> Self {
        self.caller.external_id = Some(external_id.to_owned());
        self
    }

    /// The role as it was read once it had refused.
    #[must_use]
    pub fn found(self, found: Option<&'a IamRole>) -> Self {
        Self { found, ..self }
    }

    /// Into the role of one hop, counted from 1; none if there is no such hop.
    #[must_use]
    pub fn of_hop(base: &BaseIdentity, access: &'a AccountAccess, hop: usize) -> Option<Self> {
        let index = hop.checked_sub(1)?;
        let (at, before) = (access.chain.get(index)?, access.chain.get(..index)?);
        let (from, whose) = match before.last() {
            None => (caller(base), OPERATORS_OWN.to_owned()),
            Some(last) => {
                let caller = Caller { principal: last.role_arn.to_string(), session: None, external_id: None };
                (caller, format!("that of hop {index}"))
            }
        };
        let tagged = !at.session_tags.is_empty() || before.iter().any(|hop| !hop.transitive_tag_keys.is_empty());
        Some(Self {
            phase: Phase::Enter,
            caller: Caller { external_id: at.external_id.clone(), ..from },
            whose,
            access,
            role: &at.role_arn,
            seconds: 3600,
            extras: if tagged { vec!["sts:TagSession"] } else { Vec::new() },
            found: None,
        })
    }

    pub(super) fn party(&self) -> Party {
        Party::of(&self.caller.principal, &self.whose)
    }

    pub(super) fn trust(&self) -> Option<&PolicyDocument> {
        self.found?.trust.as_ref()
    }

    /// The refused action, with those that the same session needs after it.
    pub(super) fn needed(&self, action: &str) -> Vec<&str> {
        let first = action.eq_ignore_ascii_case(ASSUME_ROLE).then_some(ASSUME_ROLE);
        first.into_iter().chain(self.extras.iter().copied()).collect()
    }

    /// The statements that the trust policy lacks; all that are needed, where it was not read.
    pub(super) fn missing_in_trust(&self, action: &str) -> Vec<Value> {
        let principal = &self.caller.principal;
        let has = |extra: &str| self.trust().is_some_and(|t| reading(t, extra, &self.caller) == Reading::Allows);
        let lacking = |extra: &&str| *extra == action || !has(extra);
        let actions: Vec<&str> = self.extras.iter().copied().filter(lacking).collect();
        let entry =
            action.eq_ignore_ascii_case(ASSUME_ROLE).then(|| entry(principal, self.caller.external_id.as_deref()));
        entry.into_iter().chain((!actions.is_empty()).then(|| extras(principal, &actions))).collect()
    }
}

pub(super) fn caller(base: &BaseIdentity) -> Caller {
    Caller { principal: base.principal_arn.clone(), session: Some(base.caller.arn.clone()), external_id: None }
}
