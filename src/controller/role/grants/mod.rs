//! The part of a pass that is about source grants: permission on the other side, given to users, groups and roles of other
//! accounts.
//!
//! Three rules keep it whole through crashes and beside other processes. A grant is announced in status before it is
//! written to AWS. One that is taken back stops to count there before AWS is cleaned, and is forgotten after. And the
//! policy of a principal is always computed from all objects, see [`crate::decide::grants`].

pub mod principal;

use std::collections::BTreeMap;

use futures::future::join_all;

use self::principal::{Principal, settle};
use super::outcome::RoleOutcome;
use super::pass::{Interrupt, Pass};
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason, SourceGrant, SourceGrantStatus};
use crate::controller::Error;
use crate::controller::state::principals::Settled;
use crate::decide::Refusal;
use crate::decide::account::readiness::manageable;
use crate::decide::event::{Event, EventReason};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::grants::ledger::{Decision, Giving, ending, to_announce};
use crate::decide::grants::policy::{full, may_be_ours, policy_name};
use crate::decide::grants::{Line, covered, own_role, permitted, remembers_all};
use crate::decide::status::Outcome;
use crate::decide::target::Target;

/// A declared grant, as far as it can be given now.
enum Vetted {
    /// To this principal.
    Given(Principal),
    /// Not, and what was given is taken back.
    Refused(Verdict),
    /// It cannot be decided now; what was given stays.
    Unknown(Verdict),
}

/// What the part works with.
struct Grants {
    /// Name of the policy on principals.
    policy: String,
    accounts: BTreeMap<String, AWSAccount>,
    /// ARN of the object's own role, if it is known.
    role_arn: Option<String>,
}

/// What it did.
#[derive(Default)]
struct Done {
    problems: Vec<Verdict>,
    /// Principals whose policies were written although what is announced did not change.
    repaired: Vec<String>,
    given: Vec<String>,
    taken_back: Vec<String>,
}

impl Pass<'_> {
    /// Gives what is declared and permitted, and takes the rest back. An object whose access is closed gives nothing;
    /// one that is held gives nothing new.
    pub async fn reconcile_grants(&mut self, target: &Target, role: &RoleOutcome) -> Result<(), Error> {
        let closed = role.closed.is_some();
        self.remember(|state| state.closed.clone_from(&role.closed));
        let declared = !self.role.spec.source_grants.is_empty();
        self.report.grants_declared = declared;
        if !declared && self.role.reported_grants().is_empty() {
            self.report.grants = if closed { Outcome::Untouched } else { Outcome::Done };
            return Ok(());
        }
        match &role.closed {
            Some(refusal) => self.take_all_grants_back(refusal).await,
            None => self.give(target, role).await,
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
        let as_announced = self.are_as_announced(&grants);
        let last = self.state().grants_looked_at;
        let next = self.ctx.objects.next_look(last, self.ctx.drift_interval, &self.object.uid);
        if was_ready && as_announced && self.now < next || held && !self.has_refused(&grants) {
            return Ok(()); // as declared when last compared, or left as it is
        }
        if was_ready && !as_announced {
            self.report_grants_progress().await; // a process that dies now leaves grants that are known not to be ready
        }
        let done = match self.change_grants(grants, held).await {
            Ok(done) => done,
            Err(Interrupt::Broken(error)) => return Err(error),
            Err(Interrupt::Failing(verdict)) => Done { problems: vec![verdict], ..Done::default() },
        };
        self.events.extend(done.events(was_ready && as_announced));
        if done.problems.is_empty() {
            let now = self.now;
            self.remember(|state| state.grants_looked_at = Some(now));
        }
        self.report.grants = Outcome::of(done.problems);
        Ok(())
    }

    /// Takes back everything that an object gave whose access is closed.
    async fn take_all_grants_back(&mut self, refusal: &Refusal) -> Result<(), Error> {
        let Some(mut live) = self.ctx.cluster.role(self.role).await? else { return Err(Error::Stale) };
        // First they stop to count, for every process.
        let ending: Vec<SourceGrantStatus> = live.reported_grants().iter().map(ending).collect();
        if live.reported_grants() != ending {
            match self.ctx.cluster.remember_grants(&live, &ending).await {
                Ok(written) => live = written.ok_or(Error::Stale)?,
                // They are taken back all the same.
                Err(error) => {
                    tracing::warn!(object = self.role.full_name(), %error, "cannot record in the status that grants end");
                }
            }
        }
        let (kept, mut problems) = self.take_back_all(&ending).await?.into_iter().unzip::<_, _, Vec<_>, Vec<_>>();
        if kept != ending {
            self.ctx.cluster.remember_grants(&live, &kept).await?.ok_or(Error::Stale)?;
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

    /// Takes back what an object that is being deleted gave or may have given. Gives what is in the way.
    pub(super) async fn end_grants(&mut self) -> Result<Option<Verdict>, Error> {
        // From the API server: what an older cache does not show must not stay behind.
        let Some(live) = self.ctx.cluster.role(self.role).await? else { return Err(Error::Stale) };
        let policy = policy_name(&self.ctx.cluster_name);
        let mut grants = live.reported_grants().to_vec();
        for grant in &live.spec.source_grants {
            if !grants.iter().any(|entry| entry.policy == policy && entry.grant() == *grant) {
                grants.push(SourceGrantStatus::of(grant, &policy));
            }
        }
        let left = self.take_back_all(&grants).await?;
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
    pub(super) fn wake_source_accounts(&self) {
        for name in grant_accounts(self.role) {
            self.ctx.wake_account(name);
        }
    }

    /// Takes grants back that no longer count. Gives those that are left, each with what is in the way.
    async fn take_back_all(&self, grants: &[SourceGrantStatus]) -> Result<Vec<(SourceGrantStatus, Verdict)>, Error> {
        let accounts = self.accounts_of(grants.iter().map(|grant| grant.account.as_str())).await?;
        let mut left = Vec::new();
        for grant in grants {
            match self.take_back(grant, accounts.get(&grant.account)).await {
                Ok(()) => {}
                Err(Interrupt::Failing(verdict)) => left.push((grant.clone(), verdict)),
                Err(Interrupt::Broken(error)) => return Err(error),
            }
        }
        Ok(left)
    }

    /// An account or a principal that is gone has taken the permission along.
    async fn take_back(&self, grant: &SourceGrantStatus, account: Option<&AWSAccount>) -> Result<(), Interrupt> {
        let Some(account) = account.filter(|_| may_be_ours(&grant.policy)) else { return Ok(()) };
        let settled = match Principal::find(self.ctx, &grant.grant(), account).await {
            Ok(principal) => settle(self.ctx, &principal, &grant.policy).await.map(drop),
            Err(verdict) => Err(verdict.into()),
        };
        match settled {
            Err(Interrupt::Failing(Verdict { reason: Reason::PrincipalNotFound | Reason::InvalidSpec, .. })) => Ok(()),
            other => other,
        }
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
}

impl Pass<'_> {
    fn are_as_announced(&self, grants: &Grants) -> bool {
        let Grants { policy, accounts, role_arn } = grants;
        let Some(role_arn) = role_arn.as_deref() else { return false };
        remembers_all(self.role, role_arn, policy, accounts, &self.refs.namespace)
    }

    /// Whether something that is announced is not permitted or not declared any more, as far as Kubernetes shows.
    fn has_refused(&self, grants: &Grants) -> bool {
        let role = self.role;
        role.reported_grants().iter().any(|entry| {
            let grant = entry.grant();
            let account = permitted(&grant, grants.accounts.get(&grant.account_ref.name), &self.refs.namespace);
            let principal = entry.principal_arn.as_deref().unwrap_or_default();
            let refused = account.is_err() || account.is_ok_and(|account| covered(account, principal).is_err());
            refused || entry.role_arn.is_none() || !role.spec.source_grants.contains(&grant)
        })
    }

    async fn change_grants(&self, grants: Grants, held: bool) -> Result<Done, Interrupt> {
        let current =
            |live: &CrossAccountRole| live.metadata.generation == self.role.metadata.generation && !live.is_deleted();
        let mut live = self.ctx.cluster.role(self.role).await?.filter(current).ok_or(Error::Stale)?;
        let before = live.reported_grants().to_vec();
        // It may announce more than an older cache.
        let grants = Grants { accounts: self.accounts_of(grant_accounts(&live)).await?, ..grants };
        let mut done = Done::default();
        let mut principals = Vec::new();
        let mut decisions = Vec::new();
        for grant in &self.role.spec.source_grants {
            let decision = match self.vet(grant, &grants, held).await {
                Vetted::Given(principal) => {
                    let arn = principal.arn.clone();
                    principals.push(principal);
                    Decision::Given(arn)
                }
                Vetted::Refused(verdict) => {
                    done.problems.push(verdict);
                    Decision::Refused
                }
                Vetted::Unknown(verdict) => {
                    done.problems.push(verdict);
                    Decision::Unknown
                }
            };
            decisions.push((grant.clone(), decision));
        }
        let giving = Giving { policy: &grants.policy, role_arn: grants.role_arn.as_deref(), now: self.now };
        let entries = to_announce(&before, &decisions, giving);
        for entry in entries.iter().filter(|entry| entry.role_arn.is_some()) {
            if let Some(account) = grants.accounts.get(&entry.account) {
                self.ctx.cluster.add_account_finalizer(account).await?; // to be able to take back what is given
            }
        }
        if entries != before {
            live = self.ctx.cluster.remember_grants(&live, &entries).await?.ok_or(Error::Stale)?;
        }

        let settled = join_all(principals.iter().map(|principal| settle(self.ctx, principal, &grants.policy))).await;
        for (principal, settled) in principals.iter().zip(settled) {
            let new = !before.iter().any(|entry| entry.principal_arn.as_ref() == Some(&principal.arn));
            match settled {
                Ok(settled) => done.placed(place_of(principal, &grants, &settled), &principal.arn, new),
                Err(Interrupt::Failing(verdict)) => done.problems.push(verdict),
                Err(broken) => return Err(broken),
            }
        }
        let (kept, ended): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|entry| entry.role_arn.is_some());
        let left = self.take_back_all(&ended).await?;
        let gone = ended.iter().filter(|entry| !left.iter().any(|(left, _)| left == *entry));
        done.taken_back.extend(gone.map(|entry| entry.principal_arn.clone().unwrap_or_default()));
        done.problems.extend(left.iter().map(|(_, verdict)| Verdict {
            message: format!("a source grant cannot be taken back: {}", verdict.message),
            ..verdict.clone()
        }));
        let kept: Vec<_> = kept.into_iter().chain(left.into_iter().map(|(entry, _)| entry)).collect();
        if kept != entries {
            self.ctx.cluster.remember_grants(&live, &kept).await?.ok_or(Error::Stale)?;
            self.wake_accounts(&entries);
        }
        Ok(done)
    }

    async fn vet(&self, grant: &SourceGrant, grants: &Grants, held: bool) -> Vetted {
        let account = match permitted(grant, grants.accounts.get(&grant.account_ref.name), &self.refs.namespace) {
            Ok(account) => account,
            Err(refusal) => return Vetted::Refused(refusal.into()),
        };
        let Some(role_arn) = grants.role_arn.as_deref().filter(|_| !held) else {
            let message = "the role that is to be assumed is not ready".to_owned();
            return Vetted::Unknown(Verdict { reason: Reason::Progressing, message, retry: Retry::OnChange });
        };
        if let Some(own_account) = self.account()
            && let Err(refusal) = own_role(self.role, own_account, role_arn)
        {
            return Vetted::Refused(refusal.into());
        }
        if let Err(verdict) = manageable(account) {
            return Vetted::Unknown(verdict);
        }
        match Principal::find(self.ctx, grant, account).await {
            Ok(principal) => match covered(account, &principal.arn) {
                Ok(()) => Vetted::Given(principal),
                Err(refusal) => Vetted::Refused(refusal.into()),
            },
            Err(verdict) if matches!(verdict.reason, Reason::InvalidSpec | Reason::PrincipalNotFound) => {
                Vetted::Refused(verdict)
            }
            Err(verdict) => Vetted::Unknown(verdict),
        }
    }

    fn wake_accounts(&self, grants: &[SourceGrantStatus]) {
        for grant in grants {
            self.ctx.wake_account(&grant.account);
        }
    }
}

/// Whether the object's line is in place after the policy was settled: whether that took a write, or what is in the way.
fn place_of(principal: &Principal, grants: &Grants, settled: &Settled) -> Result<bool, Verdict> {
    let own = |line: &Line| Some(&line.role_arn) == grants.role_arn.as_ref();
    match settled.lines.iter().position(own) {
        Some(place) if place < settled.fitting => Ok(settled.written),
        Some(_) => Err(full(&principal.grantee, &grants.policy, &settled.lines, settled.fitting)),
        None => {
            let message =
                format!("the declaration of the grant to {} changed in the meantime; retrying", principal.grantee);
            Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon })
        }
    }
}

impl Done {
    fn placed(&mut self, place: Result<bool, Verdict>, principal_arn: &str, new: bool) {
        match place {
            Ok(_) if new => self.given.push(principal_arn.to_owned()),
            Ok(written) => self.repaired.extend(written.then(|| principal_arn.to_owned())),
            Err(verdict) => self.problems.push(verdict),
        }
    }

    fn events(&self, is_drift: bool) -> Vec<Event> {
        let names = |principals: &[String]| (!principals.is_empty()).then(|| principals.join(", "));
        let given = names(&self.given)
            .map(|who| Event::normal(EventReason::SourceGrantGiven, format!("May assume the role: {who}")));
        let taken_back = names(&self.taken_back).map(|who| {
            Event::normal(EventReason::SourceGrantTakenBack, format!("May no longer assume the role: {who}"))
        });
        let repaired = names(&self.repaired).filter(|_| is_drift).map(|who| {
            let note = format!("The source grant differed from the declaration; repaired for {who}");
            Event::warning(EventReason::DriftRepaired, note)
        });
        [given, taken_back, repaired].into_iter().flatten().collect()
    }
}

/// The accounts that an object grants in, or did.
fn grant_accounts(role: &CrossAccountRole) -> impl Iterator<Item = &str> {
    let declared = role.spec.source_grants.iter().map(|grant| grant.account_ref.name.as_str());
    declared.chain(role.reported_grants().iter().map(|grant| grant.account.as_str()))
}
