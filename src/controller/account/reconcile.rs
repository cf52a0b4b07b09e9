//! The controller of accounts: is the way in still open, and does it lead where it should?

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube::runtime::controller::Action;
use kube::runtime::reflector::Store;
use kube::{Resource, ResourceExt};

use super::cleanup;
use crate::api::{AWSAccount, AWSAccountStatus, ConditionType, CrossAccountRole};
use crate::aws::ChainFailure;
use crate::controller::context::{Context, Shared};
use crate::controller::manager;
use crate::controller::{Error, ended_with};
use crate::decide::account::access::{access, check_account};
use crate::decide::account::partition::{guardrails_in_one, operator_reaches, trusts_can_name};
use crate::decide::account::readiness::{needs, unusable};
use crate::decide::account::status::conditions;
use crate::decide::explain::Attempt;
use crate::decide::failure::{FailureContext, Verdict};
use crate::decide::failure::{Retry, delay, next_on_grid};
use crate::decide::status::transition;
use crate::domain::{AccountAccess, BaseIdentity, CallerIdentity};
use crate::host::metrics::ReconcileResult;
use crate::host::traces::{self, Subject};

/// The least time between two writes of a status in which only counts changed.
const COUNTS_INTERVAL: SignedDuration = SignedDuration::from_secs(5);

/// What the account controller is given.
pub struct AccountContext {
    /// What all share.
    pub shared: Shared,
    /// The objects, to find roles without one.
    pub roles: Vec<Store<CrossAccountRole>>,
}

impl AccountContext {
    /// Puts the finalizer back on an account that lost it, as by `kubectl replace`, while an object needs it. Where that fails,
    /// the account is checked all the same, and the next check tries again.
    async fn keep_finalizer(&self, account: &AWSAccount) {
        let name = account.name_any();
        let mut roles = self.roles.iter().flat_map(Store::state);
        if account.has_finalizer() || !roles.any(|role| needs(&role, &name)) {
            return;
        }
        if let Err(error) = self.shared.cluster.add_account_finalizer(account).await {
            tracing::warn!(name, %error, "cannot put the finalizer on an account that objects need");
        }
    }
}

/// Checks one account.
pub async fn reconcile(account: Arc<AWSAccount>, ctx: Arc<AccountContext>) -> Result<Action, Error> {
    ctx.shared.record_account(&account);
    if !ctx.shared.shard.has_account(&account.spec.account_id) {
        return Ok(Action::await_change()); // of another shard, which watches it as well
    }
    let name = account.name_any();
    let subject = Subject { kind: "AWSAccount", namespace: None, name: &name, account: &name };
    traces::reconcile(subject, Box::pin(one_pass(&account, &ctx))).await
}

async fn one_pass(account: &AWSAccount, ctx: &AccountContext) -> Result<Action, Error> {
    let result = check_and_report(account, ctx).await;
    let ended = result.as_ref().map_or(ReconcileResult::Failed, |(problem, _)| ended_with(problem.as_ref()));
    traces::reconcile_ended(ended.into(), result.is_err());
    if let Ok((Some(problem), _)) = &result {
        traces::note("crossaccount.reason", problem.reason.as_str());
    }
    result.map(|(_, action)| action)
}

/// What is wrong with the account, and when to come back.
async fn check_and_report(account: &AWSAccount, ctx: &AccountContext) -> Result<(Option<Verdict>, Action), Error> {
    let shared = &ctx.shared;
    let now = shared.now();
    if account.metadata.deletion_timestamp.is_some() {
        return cleanup::run(shared, account, now).await.map(|action| (None, action));
    }
    let name = account.name_any();
    ctx.keep_finalizer(account).await;
    let reported = account.status.clone().unwrap_or_default();
    let roles = shared.counts.of(&name, shared.wake_role.len()).or(reported.roles);

    let verdict = if check_is_due(shared, account, &name, now) {
        let checked = check(shared, account).await;
        shared.accounts.change(&name, |state| state.record_check(checked.is_err(), now));
        Some(checked)
    } else {
        None
    };
    let entered = verdict.as_ref().is_some_and(Result::is_ok);
    if entered && let Some(orphans) = ctx.read_in_bulk(account, now).await {
        shared.accounts.change(&name, |state| state.orphans = Some(orphans)); // its status may be written later
    }
    let problem = verdict.as_ref().and_then(|checked| checked.as_ref().err()).cloned();
    let orphans = shared.accounts.of(&name).orphans.or(reported.orphans);
    let after = status(account, &AWSAccountStatus { orphans, ..reported.clone() }, verdict, roles, now);
    if let Some(wait) = counts_wait(shared, &name, (&reported, &after), now) {
        return Ok((problem, Action::requeue(wait.unsigned_abs())));
    }
    if shared.cluster.write_account_status(account, &after).await? {
        shared.accounts.change(&name, |state| state.status_written = Some(now));
    }
    if let Some(event) = transition(&reported.conditions, &after.conditions) {
        shared.events.publish(&account.object_ref(&()), &event).await;
    }
    let wait = wait(shared, &name, problem.as_ref(), now);
    Ok((problem, Action::requeue(wait.unsigned_abs())))
}

/// How long the status waits, if only counts changed in it: in a wave of new roles they change with each of them.
fn counts_wait(
    ctx: &Context,
    name: &str,
    (before, after): (&AWSAccountStatus, &AWSAccountStatus),
    now: Timestamp,
) -> Option<SignedDuration> {
    let counted = AWSAccountStatus { roles: after.roles, orphans: after.orphans, ..before.clone() };
    let next = ctx.accounts.of(name).status_written? + COUNTS_INTERVAL;
    (counted == *after && before != after && now < next).then(|| next.duration_since(now))
}

/// What could not be reported is tried again.
#[expect(clippy::needless_pass_by_value, reason = "the signature that kube calls")]
pub fn error_policy(account: Arc<AWSAccount>, error: &Error, ctx: Arc<AccountContext>) -> Action {
    let name = account.name_any();
    tracing::warn!(name, %error, "reconcile of an account failed; retrying");
    ctx.shared.accounts.change(&name, |state| state.record_check(true, ctx.shared.now()));
    let retry = if error.is_answer() { Retry::Steadily } else { Retry::Soon };
    let wait = delay(retry, ctx.shared.accounts.of(&name).failures, None, &name).unwrap_or_default();
    Action::requeue(wait.unsigned_abs())
}

/// Not for every look: while the account was fine, it is asked again only when its time comes, when it was edited, or
/// when a role could not be reached through it.
fn check_is_due(ctx: &Context, account: &AWSAccount, name: &str, now: Timestamp) -> bool {
    let state = ctx.accounts.of(name);
    let fine = account.is_true(ConditionType::Ready);
    !fine || state.check_again || now >= ctx.next_comparison(state.checked_at, name)
}

/// Enters the account and asks where we are.
async fn check(ctx: &Context, account: &AWSAccount) -> Result<CallerIdentity, Verdict> {
    let access = access(account)?;
    guardrails_in_one(account)?;
    let base = ctx.base_identity().map_err(|failure| unusable(&failure))?;
    operator_reaches(&access, &base)?;
    trusts_can_name(&access, &base)?;
    let caller = ctx.aws.manager_identity(&access).await.map_err(|chain| not_entered(&access, &base, &chain))?;
    check_account(&access, &caller).map(|()| caller)
}

/// Where on the way it failed, and on which side of that hop.
fn not_entered(access: &AccountAccess, base: &BaseIdentity, chain: &ChainFailure) -> Verdict {
    let context = FailureContext::default();
    let verdict = match Attempt::of_hop(base, access, chain.hop) {
        Some(attempt) if chain.failure.operation == "AssumeRole" && !chain.is_of_session() => {
            attempt.verdict(&chain.failure, context)
        }
        _ => manager::not_entered(chain, context),
    };
    Verdict { message: format!("{}: {}", chain.place(), verdict.message), ..verdict }
}

fn status(
    account: &AWSAccount,
    before: &AWSAccountStatus,
    verdict: Option<Result<CallerIdentity, Verdict>>,
    roles: Option<u32>,
    now: Timestamp,
) -> AWSAccountStatus {
    let generation = account.metadata.generation;
    let conditions = conditions(&before.conditions, generation, verdict.as_ref(), now);
    let entered = verdict.and_then(Result::ok).map(|caller| caller.arn);
    AWSAccountStatus {
        observed_generation: generation,
        conditions,
        caller_arn: entered.or_else(|| before.caller_arn.clone()),
        roles,
        orphans: before.orphans,
    }
}

fn wait(ctx: &Context, name: &str, problem: Option<&Verdict>, now: Timestamp) -> SignedDuration {
    let next_comparison =
        next_on_grid(now, ctx.drift_interval, name).duration_since(now).max(SignedDuration::from_secs(1));
    let failures = ctx.accounts.of(name).failures.saturating_sub(1);
    let retry = problem.and_then(|verdict| delay(verdict.retry, failures, None, name));
    retry.map_or(next_comparison, |retry| retry.min(next_comparison))
}
