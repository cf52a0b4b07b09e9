//! The part of a pass that is about source grants: permission on the other side, given to users, groups and roles of other
//! accounts.
//!
//! Three rules keep it whole through crashes and beside other processes. A grant is announced in status before it is
//! written to AWS. One that is taken back stops to count there before AWS is cleaned, and is forgotten after. And the
//! policy of a principal is always computed from all objects, see [`crate::decide::grants`].

mod change;
mod changes;
pub mod principal;
mod take_back;

use std::collections::BTreeMap;

use self::changes::Changes;
use super::outcome::RoleOutcome;
use super::pass::{Interrupt, Pass};
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason, SourceGrantStatus};
use crate::controller::{Error, answer_of};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::grants::policy::policy_name;
use crate::decide::grants::{has_refused, ledger_matches};
use crate::decide::status::Outcome;
use crate::decide::target::Target;

/// What the part works with.
struct Grants {
    /// Name of the policy on principals.
    policy: String,
    accounts: BTreeMap<String, AWSAccount>,
    /// ARN of the object's own role, if it is known.
    role_arn: Option<String>,
}

impl Pass<'_> {
    /// Gives what is declared and permitted, and takes the rest back. An object whose access is closed gives nothing;
    /// one that is held gives nothing new.
    pub async fn reconcile_grants(&mut self, target: &Target, role: &RoleOutcome) -> Result<(), Error> {
        let closed = role.closed.is_some();
        self.remember(|state| {
            state.closed.clone_from(&role.closed);
            state.no_grants_at = state.no_grants_at.filter(|_| closed);
        });
        let declared = !self.role.spec.source_grants.is_empty();
        self.report.grants_declared = declared;
        if !declared && self.role.reported_grants().is_empty() {
            self.report.grants = if closed { Outcome::Untouched } else { Outcome::Done };
            return Ok(());
        }
        let ended = match &role.closed {
            Some(refusal) => self.take_all_grants_back(refusal).await,
            None => self.give(target, role).await,
        };
        match ended {
            Err(error) if error.is_answer() => {
                self.report.grants = Outcome::Failing(error.refused("the source grants cannot be brought up to date"));
                Ok(())
            }
            ended => ended,
        }
    }

    async fn grants(&self, role: &RoleOutcome) -> Result<Grants, Error> {
        Ok(Grants {
            policy: policy_name(&self.ctx.cluster_name),
            accounts: self.accounts_of(grant_accounts(self.role)).await?,
            role_arn: role.known.as_ref().map(|known| known.arn.to_string()),
        })
    }

    async fn give(&mut self, target: &Target, role: &RoleOutcome) -> Result<(), Error> {
        let held = matches!(target, Target::Held(_));
        let grants = self.grants(role).await?;
        let was_ready = self.role.is_true(ConditionType::SourceGrantsReady);
        let as_announced = self.ledger_is_current(&grants);
        let last = self.state().grants_looked_at;
        let next = self.ctx.next_comparison(last, &self.object.uid);
        if was_ready && as_announced && self.now < next
            || held && !has_refused(self.role, &grants.accounts, &self.refs.namespace)
        {
            return Ok(()); // as declared when last compared, or left as it is
        }
        if was_ready && !as_announced {
            self.report_grants_progress().await; // a process that dies now leaves grants that are known not to be ready
        }
        let changes = match self.change_grants(grants, held).await {
            Ok(changes) => changes,
            // The API server failed. What does not depend on the grants goes on.
            Err(Interrupt::Broken(Error::Kubernetes(error))) => {
                Changes { problems: vec![unannounced(&error)], ..Changes::default() }
            }
            Err(Interrupt::Broken(error)) => return Err(error),
            Err(Interrupt::Failing(verdict)) => Changes { problems: vec![verdict], ..Changes::default() },
        };
        self.events.extend(changes.events(was_ready && as_announced));
        if changes.problems.is_empty() {
            let now = self.now;
            self.remember(|state| state.grants_looked_at = Some(now));
        }
        self.report.grants = Outcome::of(changes.problems);
        Ok(())
    }

    async fn accounts_of<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Result<BTreeMap<String, AWSAccount>, Error> {
        let mut accounts = BTreeMap::new();
        for name in names {
            if !accounts.contains_key(name)
                && let Some(account) = self.ctx.cluster.account(name).await?
            {
                accounts.insert(name.to_owned(), account);
            }
        }
        Ok(accounts)
    }

    fn ledger_is_current(&self, grants: &Grants) -> bool {
        let Grants { policy, accounts, role_arn } = grants;
        let Some(role_arn) = role_arn.as_deref() else { return false };
        ledger_matches(self.role, role_arn, policy, accounts, &self.refs.namespace)
    }

    fn wake_accounts(&self, grants: &[SourceGrantStatus]) {
        for grant in grants {
            self.ctx.wake_account(&grant.account);
        }
    }
}

fn unannounced(error: &kube::Error) -> Verdict {
    let message = format!("the source grants cannot be brought up to date: {}", answer_of(error));
    Verdict { reason: Reason::Progressing, message, retry: Retry::Steadily }
}

/// The accounts that an object grants in, or did.
fn grant_accounts(role: &CrossAccountRole) -> impl Iterator<Item = &str> {
    let declared = role.spec.source_grants.iter().map(|grant| grant.account_ref.name.as_str());
    declared.chain(role.reported_grants().iter().map(|grant| grant.account.as_str()))
}
