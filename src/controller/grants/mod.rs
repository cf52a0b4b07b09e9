//! The lane of the source grants: permission on the other side, given to users, groups and roles of other accounts.
//!
//! Three rules keep it whole through crashes and beside other processes. What is given is remembered in status before it
//! is written to AWS. What is taken back stops to count there before AWS is cleaned, and is forgotten after. And the policy
//! of a principal is always computed from all objects, see [`crate::decide::grants`].

pub mod end;
pub mod policy;

use std::collections::BTreeMap;

use jiff::Timestamp;

use self::end::{accounts_of, remembered, take_back, tell_accounts};
use self::policy::Principal;
use super::context::Context;
use super::observe::Surroundings;
use super::{Error, publish};
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason, SourceGrant, SourceGrantStatus};
use crate::cluster::Notice;
use crate::decide::admit::manageable;
use crate::decide::allowed::Namespace;
use crate::decide::conditions::is_true_for;
use crate::decide::failure::Verdict;
use crate::decide::grants::policy::{full, policy_name};
use crate::decide::grants::remembered::{Standing, to_remember};
use crate::decide::grants::{covered, own_role, permitted, remembers_all};
use crate::decide::retry::Retry;
use crate::decide::status::{Outcome, Report};

/// A declared grant, as far as it can be given now.
enum Vetted {
    /// To this principal.
    Given(Box<Principal>),
    /// Not, and what was given goes.
    Refused(Verdict),
    /// It cannot be told now; what was given stays.
    Unknown(Verdict),
}

/// Gives what is declared and permitted, and takes the rest back. Says in the report how it went.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    around: &Surroundings,
    report: &mut Report,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<(), Error> {
    let declared = &role.spec.source_grants;
    report.grants_declared = !declared.is_empty();
    if declared.is_empty() && remembered(role).is_empty() {
        report.grants = Outcome::Done;
        return Ok(());
    }
    let uid = role.metadata.uid.as_deref().ok_or(Error::NotStored)?;
    let known = report.role_facts.as_ref().or(role.status.as_ref().and_then(|status| status.role.as_ref()));
    let role_arn = known.and_then(|known| known.arn.clone());
    let lane = Lane {
        ctx,
        role,
        own_account: around.account.as_ref(),
        policy: policy_name(&ctx.cluster_name),
        accounts: accounts_of(ctx, names(role)).await?,
        namespace: &around.namespace,
        now,
    };

    let conditions = role.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let was_ready = is_true_for(conditions, ConditionType::SourceGrantsReady, role.metadata.generation);
    let as_remembered = role_arn
        .as_deref()
        .is_some_and(|role_arn| remembers_all(role, role_arn, &lane.policy, &lane.accounts, &around.namespace));
    if was_ready && as_remembered && now < ctx.memory.next_look_at_grants(uid, ctx.drift_interval) {
        return Ok(()); // as declared when last compared, and no comparison is due
    }
    if was_ready && !as_remembered {
        // A process that dies now leaves grants that are known not to be ready.
        publish::interim_grants(ctx, role, now).await?;
        report.announced = true;
    }
    let done = lane.bring_about(role_arn.as_deref()).await?;
    notices.extend(done.told(was_ready && as_remembered));
    if done.problems.is_empty() {
        ctx.memory.change(uid, |memo| memo.grants_looked_at = Some(now));
    }
    report.grants = Outcome::of(done.problems);
    Ok(())
}

/// What the lane works with.
struct Lane<'a> {
    ctx: &'a Context,
    role: &'a CrossAccountRole,
    own_account: Option<&'a AWSAccount>,
    policy: String,
    accounts: BTreeMap<String, AWSAccount>,
    namespace: &'a Namespace,
    now: Timestamp,
}

/// What it did.
#[derive(Default)]
struct Done {
    problems: Vec<Verdict>,
    /// Principals whose policies were written without a change of what is remembered.
    repaired: Vec<String>,
    given: Vec<String>,
    taken_back: Vec<String>,
}

impl Lane<'_> {
    async fn bring_about(mut self, role_arn: Option<&str>) -> Result<Done, Error> {
        let current = |live: &CrossAccountRole| {
            live.metadata.generation == self.role.metadata.generation && live.metadata.deletion_timestamp.is_none()
        };
        let mut live = self.ctx.cluster.role(self.role).await?.filter(current).ok_or(Error::Stale)?;
        let before = remembered(&live).to_vec();
        self.accounts = accounts_of(self.ctx, names(&live)).await?; // it may remember more than an older cache
        let mut done = Done::default();
        let mut principals = Vec::new();
        let mut standings = Vec::new();
        for grant in &self.role.spec.source_grants {
            let standing = match self.vet(grant, role_arn).await {
                Vetted::Given(principal) => {
                    let arn = principal.arn.clone();
                    principals.push(principal);
                    Standing::Given(arn)
                }
                Vetted::Refused(verdict) => {
                    done.problems.push(verdict);
                    Standing::Refused
                }
                Vetted::Unknown(verdict) => {
                    done.problems.push(verdict);
                    Standing::Unknown
                }
            };
            standings.push((grant.clone(), standing));
        }
        let entries = to_remember(&before, &standings, &self.policy, role_arn, self.now);
        for entry in entries.iter().filter(|entry| entry.role_arn.is_some()) {
            if let Some(account) = self.accounts.get(&entry.account) {
                self.ctx.cluster.put_account_finalizer(account).await?; // to be able to take back what is given
            }
        }
        if entries != before {
            live = self.ctx.cluster.remember_grants(&live, &entries).await?.ok_or(Error::Stale)?;
        }

        for principal in &principals {
            let new = !before.iter().any(|entry| entry.principal_arn.as_ref() == Some(&principal.arn));
            self.give(principal, role_arn.unwrap_or_default(), new, &mut done).await?;
        }
        let kept = self.take_back(&entries, &mut done).await?;
        if kept != entries {
            self.ctx.cluster.remember_grants(&live, &kept).await?.ok_or(Error::Stale)?;
            tell_accounts(self.ctx, &entries);
        }
        Ok(done)
    }

    async fn vet(&self, grant: &SourceGrant, role_arn: Option<&str>) -> Vetted {
        let account = match permitted(grant, self.accounts.get(&grant.account_ref.name), self.namespace) {
            Ok(account) => account,
            Err(refusal) => return Vetted::Refused(refusal.into()),
        };
        let Some(role_arn) = role_arn else {
            let message = "the role that is to be assumed is not there yet".to_owned();
            return Vetted::Unknown(Verdict { reason: Reason::Progressing, message, retry: Retry::OnChange });
        };
        if let Some(own_account) = self.own_account
            && let Err(refusal) = own_role(self.role, own_account, role_arn)
        {
            return Vetted::Refused(refusal.into());
        }
        if let Err(verdict) = manageable(Some(account)) {
            return Vetted::Unknown(verdict);
        }
        match Principal::find(self.ctx, grant, account).await {
            Ok(Ok(principal)) => match covered(account, &principal.arn) {
                Ok(()) => Vetted::Given(Box::new(principal)),
                Err(refusal) => Vetted::Refused(refusal.into()),
            },
            Ok(Err(missing)) => Vetted::Refused(missing.0),
            Err(verdict) if verdict.reason == Reason::InvalidSpec => Vetted::Refused(verdict),
            Err(verdict) => Vetted::Unknown(verdict),
        }
    }

    async fn give(&self, principal: &Principal, role_arn: &str, new: bool, done: &mut Done) -> Result<(), Error> {
        let Principal { grantee, arn, .. } = principal;
        let settled = match principal.settle(self.ctx, &self.policy).await? {
            Ok(settled) => settled,
            Err(verdict) => {
                done.problems.push(verdict);
                return Ok(());
            }
        };
        match settled.lines.iter().position(|line| line.role_arn == role_arn) {
            Some(place) if place < settled.fitting && new => done.given.push(arn.clone()),
            Some(place) if place < settled.fitting => done.repaired.extend(settled.written.then(|| arn.clone())),
            Some(_) => done.problems.push(full(grantee, &self.policy, &settled.lines, settled.fitting)),
            None => {
                let message = format!("the declaration of the grant to {grantee} changed meanwhile; looking again");
                done.problems.push(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon });
            }
        }
        Ok(())
    }

    /// Gives what is still to be remembered.
    async fn take_back(&self, entries: &[SourceGrantStatus], done: &mut Done) -> Result<Vec<SourceGrantStatus>, Error> {
        let mut kept = Vec::new();
        for entry in entries {
            if entry.role_arn.is_some() {
                kept.push(entry.clone());
                continue;
            }
            match take_back(self.ctx, entry, self.accounts.get(&entry.account)).await? {
                Ok(()) => done.taken_back.push(entry.principal_arn.clone().unwrap_or_default()),
                Err(verdict) => {
                    kept.push(entry.clone());
                    let message = format!("a source grant cannot be taken back: {}", verdict.message);
                    done.problems.push(Verdict { message, ..verdict });
                }
            }
        }
        Ok(kept)
    }
}

/// The accounts that an object grants in, or did.
fn names(role: &CrossAccountRole) -> impl Iterator<Item = &str> {
    let declared = role.spec.source_grants.iter().map(|grant| grant.account_ref.name.as_str());
    declared.chain(remembered(role).iter().map(|grant| grant.account.as_str()))
}

impl Done {
    fn told(&self, is_drift: bool) -> Vec<Notice> {
        let mut notices = Vec::new();
        let mut tell = |principals: &[String], notice: &dyn Fn(String) -> Notice| {
            if !principals.is_empty() {
                notices.push(notice(principals.join(", ")));
            }
        };
        tell(&self.given, &|who| Notice::normal("SourceGrantGiven", format!("May assume the role: {who}")));
        tell(&self.taken_back, &|who| {
            Notice::normal("SourceGrantTakenBack", format!("May no longer assume the role: {who}"))
        });
        if is_drift {
            tell(&self.repaired, &|who| {
                Notice::warning(
                    "DriftRepaired",
                    format!("The source grant differed from the declaration; repaired for {who}"),
                )
            });
        }
        notices
    }
}
