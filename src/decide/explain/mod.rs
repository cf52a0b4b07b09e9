//! Which side refuses, and what to change there.
//!
//! To assume a role of another account both must allow it: the role's trust policy and the caller's own policies. Within
//! one account a trust policy that names the caller is enough (IAM user guide, "Cross-account policy evaluation logic").
//! Two things tell the sides apart: what AWS says, and the trust policy where it can be read. Where neither does, both
//! sides are named and no guess is made.

mod attempt;
mod denial;
mod sides;
mod trusted;

pub mod remedy;

use self::attempt::ASSUME_ROLE;
pub use self::attempt::Attempt;
use self::denial::{AccessDenied, account_in};
use self::remedy::Party;
use self::sides::Sides;
use super::failure::{FailureContext, Phase, Retry, Verdict, verdict};
use super::status::conditions::MESSAGE_MAX;
use crate::api::Reason;
use crate::domain::{AccountAccess, AwsFailure, FailureKind, RoleArn};

/// What a condition has room for beside the words that say until when credentials are good.
const ROOM: usize = MESSAGE_MAX - 200;

impl Attempt<'_> {
    /// What a failure of the call means, and who has to change what.
    #[must_use]
    pub fn verdict(&self, failure: &AwsFailure, context: FailureContext) -> Verdict {
        let plain = verdict(self.phase, failure, context);
        match (failure.kind, plain.reason) {
            (_, Reason::Propagating) => plain,
            (FailureKind::Denied, _) => self.denied(failure, context),
            (FailureKind::DurationExceedsRole, _) => Verdict { message: self.too_long(failure), ..plain },
            (FailureKind::RegionDisabled, _) => Verdict { message: self.region_disabled(failure), ..plain },
            _ => plain,
        }
    }

    fn denied(&self, failure: &AwsFailure, context: FailureContext) -> Verdict {
        let denial = AccessDenied::read(&failure.message);
        let action = denial.action.as_deref().unwrap_or(ASSUME_ROLE);
        let sides = Sides::of(self, &denial, action);
        let (cause, remedies) = (sides.cause(self, &denial, action), sides.remedies(self, &denial, action));
        let cause = format!("{} cannot assume role {}: {cause}", self.party().name, self.role);
        // A statement that is cut off is none, so AWS's own words yield to it where ARNs are very long.
        let full = format!("{cause}. {failure}. {remedies}");
        let message = if full.len() <= ROOM { full } else { format!("{cause}. {remedies}") };
        let (reason, retry) = match sides {
            Sides::Trust(_) if context.repair_comes => (Reason::Progressing, Retry::Soon),
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
            "the requested session lasts {seconds} s, but role {role} {longest}. {failure}. Lower \
             spec.session.durationSeconds, or raise the role's maximum in account {} (the role's): aws iam update-role \
             --role-name {} --max-session-duration {seconds}",
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
            "STS of region {region} is not active for account {account} ({whose}). {failure}. Activate it there (IAM \
             console, Account settings, Security Token Service; for an opt-in region: aws account enable-region \
             --region-name {region}), or choose another spec.region in AWSAccount {name}"
        )
    }
}

/// What a failed call of IAM on a role means, made as the manager of its account.
#[must_use]
pub fn managing(access: &AccountAccess, role: &RoleArn, failure: &AwsFailure, context: FailureContext) -> Verdict {
    let plain = verdict(Phase::Manage, failure, context);
    if failure.kind != FailureKind::Denied {
        return plain;
    }
    let denial = AccessDenied::read(&failure.message);
    let hop = access.chain.last().map(|hop| hop.role_arn.to_string());
    let manager = Party::of(&hop.or_else(|| denial.caller.clone()).unwrap_or_default(), "the role's");
    let action = format!("{}:{}", failure.service, failure.operation);
    let message = remedy::for_caller(&manager, &denial, &[&action], &role.to_string());
    let message = format!(
        "{}, by which the operator manages account {}, is not allowed {action}. {failure}. {message}",
        manager.name, access.id
    );
    Verdict { message, ..plain }
}

#[cfg(test)]
mod tests;
