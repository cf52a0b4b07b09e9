//! Source grants that are taken back: one by one, or all of an object that is deleted or no longer allowed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kube::runtime::controller::Action;

use super::policy::Principal;
use crate::api::{AWSAccount, CrossAccountRole, Reason, SourceGrantStatus};
use crate::cluster::Notice;
use crate::controller::context::Context;
use crate::controller::{Error, delete, publish};
use crate::decide::Refusal;
use crate::decide::failure::Verdict;
use crate::decide::grants::policy::may_be_ours;
use crate::decide::grants::remembered::ending;
use crate::decide::status::{Outcome, Report};
use crate::domain::ObjectIdentity;
use crate::runtime::metrics::Outcome as Ending;

/// What an object is known to have given.
pub fn remembered(role: &CrossAccountRole) -> &[SourceGrantStatus] {
    role.status.as_ref().map(|status| status.source_grants.as_slice()).unwrap_or_default()
}

/// The accounts of these grants, those that are still there.
pub async fn accounts_of<'a>(
    ctx: &Context,
    names: impl Iterator<Item = &'a str>,
) -> Result<BTreeMap<String, AWSAccount>, Error> {
    let mut accounts = BTreeMap::new();
    for name in names {
        if !accounts.contains_key(name)
            && let Some(account) = ctx.cluster.account(name).await?
        {
            accounts.insert(name.to_owned(), account);
        }
    }
    Ok(accounts)
}

/// An account that is being deleted waits until nothing is given in it.
pub fn tell_accounts(ctx: &Context, grants: &[SourceGrantStatus]) {
    for grant in grants {
        ctx.wake_account(&grant.account);
    }
}

/// Takes one grant back that no longer counts. An account or a principal that is gone has taken it along.
pub async fn take_back(
    ctx: &Context,
    grant: &SourceGrantStatus,
    account: Option<&AWSAccount>,
) -> Result<Result<(), Verdict>, Error> {
    let Some(account) = account.filter(|_| may_be_ours(&grant.policy)) else { return Ok(Ok(())) };
    let principal = match Principal::find(ctx, &grant.grant(), account).await {
        Ok(Ok(principal)) => principal,
        Ok(Err(_gone)) => return Ok(Ok(())),
        Err(verdict) => return Ok(Err(verdict)),
    };
    Ok(match principal.settle(ctx, &grant.policy).await? {
        Ok(_settled) => Ok(()),
        Err(verdict) if verdict.reason == Reason::PrincipalNotFound => Ok(()), // gone meanwhile
        Err(verdict) => Err(verdict),
    })
}

/// Takes all grants back that are remembered, and gives those that are left, each with what is in the way.
async fn take_all_back(
    ctx: &Context,
    grants: &[SourceGrantStatus],
) -> Result<Vec<(SourceGrantStatus, Verdict)>, Error> {
    let accounts = accounts_of(ctx, grants.iter().map(|grant| grant.account.as_str())).await?;
    let mut left = Vec::new();
    for grant in grants {
        if let Err(verdict) = take_back(ctx, grant, accounts.get(&grant.account)).await? {
            left.push((grant.clone(), verdict));
        }
    }
    Ok(left)
}

/// For an object that is being deleted, which by itself no longer counts. The verdict names all that is left.
pub async fn on_delete(ctx: &Context, role: &CrossAccountRole) -> Result<Result<(), Verdict>, Error> {
    // From the API server: what an older cache does not show must not stay behind.
    let Some(live) = ctx.cluster.role(role).await? else { return Err(Error::Stale) };
    let left = take_all_back(ctx, remembered(&live)).await?;
    let named = |(grant, verdict): &(SourceGrantStatus, Verdict)| {
        let principal = grant.principal_arn.as_deref().unwrap_or("a principal");
        format!("inline policy {} of {principal}: {}", grant.policy, verdict.message)
    };
    let told: Vec<String> = left.iter().map(named).collect();
    Ok(match left.into_iter().next() {
        None => Ok(()),
        Some((_, first)) => Err(Verdict { message: told.join("; "), ..first }),
    })
}

/// Holds a deletion because of grants.
pub async fn hold(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    verdict: Verdict,
    now: Timestamp,
) -> Result<(Ending, Action), Error> {
    let message = format!("source grants cannot be taken back: {}", verdict.message);
    let grants = delete::held(Verdict { message, ..verdict }, "");
    let report = Report { grants, grants_declared: true, ..Report::default() };
    publish::run(ctx, role, object, &report, Vec::new(), now).await
}

/// What to say of an object that was let go with these grants left.
pub fn abandoned(otherwise: &Notice, left: &Verdict) -> Notice {
    let told =
        format!("Let go as the annotation asks. Left behind in AWS: {}. Besides: {}", left.message, otherwise.note);
    Notice::warning(Reason::Abandoned.as_str(), told)
}

/// For an object whose permission was withdrawn.
pub async fn on_withdrawal(
    ctx: &Context,
    role: &CrossAccountRole,
    refusal: &Refusal,
    report: &mut Report,
) -> Result<(), Error> {
    let Some(mut live) = ctx.cluster.role(role).await? else { return Err(Error::Stale) };
    if remembered(&live).is_empty() {
        return Ok(());
    }
    // First they stop to count, for every process.
    let ending: Vec<SourceGrantStatus> = remembered(&live).iter().map(ending).collect();
    if remembered(&live) != ending {
        live = ctx.cluster.remember_grants(&live, &ending).await?.ok_or(Error::Stale)?;
    }
    let left = take_all_back(ctx, &ending).await?;
    let (kept, mut problems): (Vec<SourceGrantStatus>, Vec<Verdict>) = left.into_iter().unzip();
    if kept != ending {
        ctx.cluster.remember_grants(&live, &kept).await?.ok_or(Error::Stale)?;
        tell_accounts(ctx, &ending);
    }
    if problems.is_empty() {
        problems.push(
            Refusal::new(refusal.reason, format!("the source grants were taken back: {}", refusal.message)).into(),
        );
    }
    report.grants_declared = true;
    report.grants = Outcome::of(problems);
    Ok(())
}
