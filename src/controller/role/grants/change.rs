//! Gives what is declared and permitted, and takes the rest back.

use futures::future::join_all;

use super::changes::Changes;
use super::principal::{Principal, sync_policy};
use super::{Grants, grant_accounts};
use crate::api::{CrossAccountRole, Reason, SourceGrant, SourceGrantStatus};
use crate::controller::Error;
use crate::controller::role::pass::{Interrupt, Pass};
use crate::decide::account::readiness::manageable;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::grants::ledger::{Decision, LedgerInput, next_ledger};
use crate::decide::grants::policy::check_in_place;
use crate::decide::grants::{check_grant_allowed, check_grantee, grantee, own_role};

/// A declared grant: what is decided about it, to whom it is given, and what is in the way.
struct Judged {
    decision: Decision,
    principal: Option<Principal>,
    problem: Option<Verdict>,
}

impl Judged {
    fn given(principal: Principal) -> Self {
        Self { decision: Decision::Given(principal.arn.clone()), principal: Some(principal), problem: None }
    }

    fn refused(problem: impl Into<Verdict>) -> Self {
        Self { decision: Decision::Refused, principal: None, problem: Some(problem.into()) }
    }

    fn unknown(problem: Verdict) -> Self {
        Self { decision: Decision::Unknown, principal: None, problem: Some(problem) }
    }
}

impl Pass<'_> {
    /// Announces what is decided, writes the policies, and forgets what was taken back.
    pub(super) async fn change_grants(&self, grants: Grants, held: bool) -> Result<Changes, Interrupt> {
        let current =
            |live: &CrossAccountRole| live.metadata.generation == self.role.metadata.generation && !live.is_deleted();
        let mut live = self.ctx.cluster.role(self.role).await?.filter(current).ok_or(Error::Stale)?;
        let before = live.reported_grants().to_vec();
        // It may announce more than an older cache.
        let grants = Grants { accounts: self.accounts_of(grant_accounts(&live)).await?, ..grants };
        let mut changes = Changes::default();
        let mut principals = Vec::new();
        let mut decisions = Vec::new();
        // All at a time: an account that hangs delays no other.
        let declared = &self.role.spec.source_grants;
        let judged = join_all(declared.iter().map(|grant| self.judge_grant(grant, &grants, held))).await;
        for (grant, Judged { decision, principal, problem }) in declared.iter().zip(judged) {
            decisions.push((grant.clone(), decision));
            principals.extend(principal);
            changes.problems.extend(problem);
        }
        let giving = LedgerInput { policy: &grants.policy, role_arn: grants.role_arn.as_deref(), now: self.now };
        let entries = next_ledger(&before, &decisions, giving);
        self.hold_accounts(&grants, &entries).await?;
        if entries != before {
            live = self.ctx.cluster.write_grant_ledger(&live, &entries).await?.ok_or(Error::Stale)?;
        }
        let mut changes = self.write_policies(&grants, &principals, &before, changes).await?;
        let (mut kept, ended): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|entry| entry.role_arn.is_some());
        let left = self.take_back_all(&ended).await?;
        changes.ended(&ended, &left);
        kept.extend(left.into_iter().map(|(entry, _)| entry));
        if kept != entries {
            self.ctx.cluster.write_grant_ledger(&live, &kept).await?.ok_or(Error::Stale)?;
            self.wake_accounts(&entries);
        }
        Ok(changes)
    }

    /// An account stays until what was given in it is taken back.
    async fn hold_accounts(&self, grants: &Grants, entries: &[SourceGrantStatus]) -> Result<(), Interrupt> {
        for entry in entries.iter().filter(|entry| entry.role_arn.is_some()) {
            if let Some(account) = grants.accounts.get(&entry.account) {
                self.ctx.cluster.add_account_finalizer(account).await?;
            }
        }
        Ok(())
    }

    async fn write_policies(
        &self,
        grants: &Grants,
        principals: &[Principal],
        before: &[SourceGrantStatus],
        mut changes: Changes,
    ) -> Result<Changes, Interrupt> {
        let synced =
            join_all(principals.iter().map(|principal| sync_policy(self.ctx, principal, &grants.policy))).await;
        for (principal, synced) in principals.iter().zip(synced) {
            let new = !before.iter().any(|entry| entry.principal_arn.as_ref() == Some(&principal.arn));
            match synced {
                Ok(synced) => {
                    let Grants { policy, role_arn, .. } = grants;
                    let place = check_in_place(&principal.grantee, policy, role_arn.as_deref(), &synced.placed);
                    changes.placed(place.map(|()| synced.written), &principal.arn, new);
                }
                Err(Interrupt::Failing(verdict)) => changes.problems.push(verdict),
                Err(broken) => return Err(broken),
            }
        }
        Ok(changes)
    }

    async fn judge_grant(&self, grant: &SourceGrant, grants: &Grants, held: bool) -> Judged {
        let account =
            match check_grant_allowed(grant, grants.accounts.get(&grant.account_ref.name), &self.refs.namespace) {
                Ok(account) => account,
                Err(refusal) => return Judged::refused(refusal),
            };
        let Some(role_arn) = grants.role_arn.as_deref().filter(|_| !held) else {
            let message = "the role that is to be assumed is not ready".to_owned();
            return Judged::unknown(Verdict { reason: Reason::Progressing, message, retry: Retry::OnChange });
        };
        if let Some(own_account) = self.account()
            && let Err(refusal) = own_role(self.role, own_account, role_arn)
        {
            return Judged::refused(refusal);
        }
        if let Err(verdict) = manageable(account) {
            return Judged::unknown(verdict);
        }
        let grantee = match grantee(grant, account) {
            Ok(grantee) => grantee,
            Err(refusal) => return Judged::refused(refusal),
        };
        match Principal::find(self.ctx, grantee, account).await {
            Ok(principal) => match check_grantee(account, &principal.arn) {
                Ok(()) => Judged::given(principal),
                Err(refusal) => Judged::refused(refusal),
            },
            Err(verdict) if verdict.reason == Reason::PrincipalNotFound => Judged::refused(verdict),
            Err(verdict) => Judged::unknown(verdict),
        }
    }
}
