//! Takes source grants back: those of an object that is closed or deleted, and those that it no longer declares.

use futures::future::join_all;

use super::grant_accounts;
use super::principal::{Principal, sync_policy};
use crate::api::{AWSAccount, CrossAccountRole, Reason, SourceGrant, SourceGrantStatus};
use crate::controller::Error;
use crate::controller::role::pass::{Interrupt, Pass};
use crate::decide::Refusal;
use crate::decide::account::access::access;
use crate::decide::failure::Verdict;
use crate::decide::grants::grantee;
use crate::decide::grants::ledger::ending;
use crate::decide::grants::policy::policy_name;
use crate::decide::status::Outcome;

impl Pass<'_> {
    /// Takes back everything that an object gave whose access is closed.
    pub(super) async fn take_all_grants_back(&mut self, refusal: &Refusal) -> Result<(), Error> {
        let Some(mut live) = self.ctx.cluster.role(self.role).await? else { return Err(Error::Stale) };
        // First they stop to count, for every process.
        let ending: Vec<SourceGrantStatus> = live.reported_grants().iter().map(ending).collect();
        if live.reported_grants() != ending {
            match self.ctx.cluster.write_grant_ledger(&live, &ending).await {
                Ok(written) => live = written.ok_or(Error::Stale)?,
                // They are taken back all the same.
                Err(error) => {
                    tracing::warn!(object = self.role.full_name(), %error, "cannot record in the status that grants end");
                }
            }
        }
        let all =
            if self.must_look_for_grants() { may_stand(&live, &ending, &self.policy_name()) } else { ending.clone() };
        let (kept, mut problems) = self.take_back_all(&all).await?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        if problems.is_empty() {
            let now = self.now;
            self.remember(|state| state.no_grants_at = Some(now));
        }
        if kept != ending {
            self.ctx.cluster.write_grant_ledger(&live, &kept).await?.ok_or(Error::Stale)?;
            self.wake_accounts(&ending);
        }
        if problems.is_empty() {
            let what = if ending.is_empty() { "" } else { "the source grants were taken back: " };
            let message = format!("{what}{}", refusal.message);
            problems.push(Refusal::new(refusal.reason, message).into());
        }
        self.report.grants_declared = true;
        self.report.grants = Outcome::of(problems);
        Ok(())
    }

    /// Whether a declared grant that status does not report is looked for in AWS: status may have been lost.
    fn must_look_for_grants(&self) -> bool {
        let last = self.state().no_grants_at;
        let due = last.is_none() || self.now >= self.ctx.next_comparison(last, &self.object.uid);
        due && self.may_have_role()
    }

    fn policy_name(&self) -> String {
        policy_name(&self.ctx.cluster_name)
    }

    /// Takes back what an object that is being deleted gave or may have given. Gives what is in the way.
    pub(in crate::controller::role) async fn clean_up_grants(
        &mut self,
        live: &CrossAccountRole,
    ) -> Result<Option<Verdict>, Error> {
        let left = self.take_back_all(&may_stand(live, live.reported_grants(), &self.policy_name())).await?;
        let described = |(grant, verdict): &(SourceGrantStatus, Verdict)| {
            let principal = grant.principal_arn.as_deref().unwrap_or("a principal");
            format!("inline policy {} of {principal}: {}", grant.policy, verdict.message)
        };
        let messages: Vec<String> = left.iter().map(described).collect();
        let first = left.into_iter().next();
        Ok(first.map(|(_, first)| Verdict {
            message: format!("source grants cannot be taken back: {}", messages.join("; ")),
            ..first
        }))
    }

    /// Has the accounts looked at in which the object gave something: one that is being deleted waits for that.
    pub(in crate::controller::role) fn wake_source_accounts(&self) {
        for name in grant_accounts(self.role) {
            self.ctx.wake_account(name);
        }
    }

    /// Takes grants back that no longer count. Gives those that are left, each with what is in the way.
    pub(super) async fn take_back_all(
        &self,
        grants: &[SourceGrantStatus],
    ) -> Result<Vec<(SourceGrantStatus, Verdict)>, Error> {
        let accounts = self.accounts_of(grants.iter().map(|grant| grant.account.as_str())).await?;
        // All at a time: an account that hangs delays no other.
        let taken = join_all(grants.iter().map(|grant| self.take_back(grant, accounts.get(&grant.account)))).await;
        let mut left = Vec::new();
        for (grant, taken) in grants.iter().zip(taken) {
            match taken {
                Ok(()) => {}
                Err(Interrupt::Failing(verdict)) => left.push((grant.clone(), verdict)),
                Err(Interrupt::Broken(error)) => return Err(error),
            }
        }
        Ok(left)
    }

    /// An account or a principal that is gone has taken the permission along. A policy of another name is another cluster's, or
    /// no policy of source grants at all: whatever status says, it is left alone.
    async fn take_back(&self, grant: &SourceGrantStatus, account: Option<&AWSAccount>) -> Result<(), Interrupt> {
        let Some(account) = account.filter(|_| grant.policy == self.policy_name()) else { return Ok(()) };
        access(account)?;
        let Ok(grantee) = grantee(&grant.grant(), account) else { return Ok(()) }; // IAM cannot have such a principal
        match Principal::find(self.ctx, grantee, account).await {
            Ok(principal) => sync_policy(self.ctx, &principal, &grant.policy).await.map(drop),
            Err(Verdict { reason: Reason::PrincipalNotFound, .. }) => Ok(()),
            Err(verdict) => Err(verdict.into()),
        }
    }
}

/// The reported grants and those that are declared and not reported.
fn may_stand(live: &CrossAccountRole, reported: &[SourceGrantStatus], policy: &str) -> Vec<SourceGrantStatus> {
    let known = |grant: &&SourceGrant| reported.iter().any(|entry| entry.policy == policy && entry.grant() == **grant);
    let others = live.spec.source_grants.iter().filter(|grant| !known(grant));
    reported.iter().cloned().chain(others.map(|grant| SourceGrantStatus::of(grant, policy))).collect()
}
