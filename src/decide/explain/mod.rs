//! Which side refuses, and what to change there.
//!
//! To assume a role of another account both must allow it: the role's trust policy and the caller's own policies. Within
//! one account a trust policy that names the caller is enough (IAM user guide, "Cross-account policy evaluation logic").
//! Two things tell the sides apart: what AWS says, and the trust policy where it can be read. Where neither does, both
//! sides are named and no guess is made.

mod denial;
mod sides;
mod trusted;

pub mod remedy;

use serde_json::Value;

use self::denial::{Denial, account_in};
use self::remedy::Party;
use self::sides::Sides;
use self::trusted::{Caller, Reading, reading};
use super::failure::{Circumstances, Retry, Verdict, Work, verdict};
use super::role::trust::{entry, extras};
use super::status::conditions::MESSAGE_MAX;
use crate::api::Reason;
use crate::domain::policy::PolicyDocument;
use crate::domain::{AccountAccess, AwsFailure, BaseIdentity, FailureKind, IamRole, RoleArn, SessionRequest};

const ASSUME_ROLE: &str = "sts:AssumeRole";
/// What a condition has room for beside the words with which credentials that are good still are told of.
const ROOM: usize = MESSAGE_MAX - 200;
const OPERATORS_OWN: &str = "the operator's own";

/// One call of `AssumeRole`, and what is known around it.
#[derive(Clone, Debug)]
pub struct Attempt<'a> {
    work: Work,
    caller: Caller,
    /// Whose account the caller's is.
    whose: String,
    access: &'a AccountAccess,
    role: &'a RoleArn,
    seconds: i32,
    /// What the session needs besides `sts:AssumeRole`.
    extras: Vec<&'static str>,
    /// The role as it is, where it can be read.
    found: Option<&'a IamRole>,
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
        Self { work: Work::Assume, caller, whose, access, role, seconds, extras, found: None }
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
            work: Work::Enter,
            caller: Caller { external_id: at.external_id.clone(), ..from },
            whose,
            access,
            role: &at.role_arn,
            seconds: 3600,
            extras: if tagged { vec!["sts:TagSession"] } else { Vec::new() },
            found: None,
        })
    }

    /// What a failure of the call means, and who has to change what.
    #[must_use]
    pub fn verdict(&self, failure: &AwsFailure, circumstances: Circumstances) -> Verdict {
        let plain = verdict(self.work, failure, circumstances);
        match (failure.kind, plain.reason) {
            (_, Reason::Propagating) => plain,
            (FailureKind::Denied, _) => self.denied(failure, circumstances),
            (FailureKind::DurationExceedsRole, _) => Verdict { message: self.too_long(failure), ..plain },
            (FailureKind::RegionDisabled, _) => Verdict { message: self.region_disabled(failure), ..plain },
            _ => plain,
        }
    }

    fn denied(&self, failure: &AwsFailure, circumstances: Circumstances) -> Verdict {
        let denial = Denial::read(&failure.message);
        let action = denial.action.as_deref().unwrap_or(ASSUME_ROLE);
        let sides = Sides::of(self, &denial, action);
        let (cause, remedies) = (sides.cause(self, &denial, action), sides.remedies(self, &denial, action));
        let cause = format!("{} cannot assume role {}: {cause}", self.party().name, self.role);
        // A statement that is cut off is none, so AWS's own words yield to it where ARNs are very long.
        let full = format!("{cause}. {failure}. {remedies}");
        let message = if full.len() <= ROOM { full } else { format!("{cause}. {remedies}") };
        let (reason, retry) = match sides {
            Sides::Trust(_) if circumstances.repair_comes => (Reason::Progressing, Retry::Soon),
            Sides::Trust(_) | Sides::RoleOrganization | Sides::Either(_) => (Reason::TrustDenied, Retry::Slow),
            Sides::Caller(_) => (Reason::IdentityDenied, Retry::Slow),
        };
        Verdict { reason, message, retry }
    }

    fn too_long(&self, failure: &AwsFailure) -> String {
        let Self { role, seconds, .. } = self;
        let longest = match self.found {
            Some(role) => format!("allows {} s at most", role.settings.max_session_seconds),
            None => "allows less".to_owned(),
        };
        format!(
            "the session is to last {seconds} s, and role {role} {longest}. {failure}. Lower spec.session.durationSeconds, or \
             raise the role's maximum in account {} (the role's): aws iam update-role --role-name {} \
             --max-session-duration {seconds}",
            role.account, role.name
        )
    }

    /// STS is activated per account and region (IAM user guide, "Manage AWS STS in an AWS Region").
    fn region_disabled(&self, failure: &AwsFailure) -> String {
        let account = account_in(&failure.message).unwrap_or_else(|| self.role.account.clone());
        let whose = if account == self.role.account { "the role's" } else { self.whose.as_str() };
        let AccountAccess { name, region, .. } = self.access;
        let region = region.as_str();
        format!(
            "STS of region {region} is not active for account {account} ({whose}). {failure}. Activate it there (IAM console, \
             Account settings, Security Token Service; for an opt-in region: aws account enable-region --region-name \
             {region}), or choose another spec.region in AWSAccount {name}"
        )
    }

    fn party(&self) -> Party {
        Party::of(&self.caller.principal, &self.whose)
    }

    fn trust(&self) -> Option<&PolicyDocument> {
        self.found?.trust.as_ref()
    }

    /// The refused action, with those that the same session needs after it.
    fn needed(&self, action: &str) -> Vec<&str> {
        let first = action.eq_ignore_ascii_case(ASSUME_ROLE).then_some(ASSUME_ROLE);
        first.into_iter().chain(self.extras.iter().copied()).collect()
    }

    /// The statements that the trust policy lacks; all that are needed, where it was not read.
    fn missing_in_trust(&self, action: &str) -> Vec<Value> {
        let principal = &self.caller.principal;
        let has = |extra: &str| self.trust().is_some_and(|t| reading(t, extra, &self.caller) == Reading::LetsIn);
        let lacking = |extra: &&str| *extra == action || !has(extra);
        let actions: Vec<&str> = self.extras.iter().copied().filter(lacking).collect();
        let entry =
            action.eq_ignore_ascii_case(ASSUME_ROLE).then(|| entry(principal, self.caller.external_id.as_deref()));
        entry.into_iter().chain((!actions.is_empty()).then(|| extras(principal, &actions))).collect()
    }
}

fn caller(base: &BaseIdentity) -> Caller {
    Caller { principal: base.principal_arn.clone(), session: Some(base.caller.arn.clone()), external_id: None }
}

/// What a failed call of IAM on a role means, made as the manager of its account.
#[must_use]
pub fn managing(access: &AccountAccess, role: &RoleArn, failure: &AwsFailure, circumstances: Circumstances) -> Verdict {
    let plain = verdict(Work::Manage, failure, circumstances);
    if failure.kind != FailureKind::Denied {
        return plain;
    }
    let denial = Denial::read(&failure.message);
    let hop = access.chain.last().map(|hop| hop.role_arn.to_string());
    let manager = Party::of(&hop.or_else(|| denial.caller.clone()).unwrap_or_default(), "the role's");
    let action = format!("{}:{}", failure.service, failure.operation);
    let told = remedy::for_caller(&manager, &denial, &[&action], &role.to_string());
    let message = format!(
        "{}, by which the operator manages account {}, is not allowed {action}. {failure}. {told}",
        manager.name, access.id
    );
    Verdict { message, ..plain }
}

#[cfg(test)]
mod tests;
