//! The driver: one pass over an object, from what Kubernetes says to the status.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kube::ResourceExt;
use kube::runtime::controller::Action;
use kube::runtime::reflector::{ObjectRef, Store};

use super::confirm::confirmed;
use super::credentials::published_before;
use super::pass::Pass;
use super::publish::report_unread;
use crate::api::{CrossAccountRole, Lifecycle};
use crate::controller::Error;
use crate::controller::context::{Context, Shared};
use crate::controller::state::objects::Cached;
use crate::controller::state::workers::SLOW;
use crate::decide::failure::{Retry, delay};
use crate::decide::status::Mode;
use crate::decide::target::desired::Desired;
use crate::decide::target::requests::Requests;
use crate::decide::target::warnings::warning;
use crate::decide::target::{Hold, Target};
use crate::decide::urgency::urgency;
use crate::host::metrics::ReconcileResult;
use crate::host::traces::{self, Subject};

/// A pass that takes longer has met something that hangs. Each call has its own, shorter limit.
const TIME_LIMIT: Duration = Duration::from_mins(3);

/// What the role controller is given.
pub struct RoleContext {
    /// What all share.
    pub shared: Shared,
    /// The objects as they are watched.
    pub roles: Store<CrossAccountRole>,
}

/// Reconciles one object once its account has a worker for it.
pub async fn reconcile(role: Arc<CrossAccountRole>, ctx: Arc<RoleContext>) -> Result<Action, Error> {
    let RoleContext { shared, roles } = ctx.as_ref();
    if !shared.shard.has_namespace(role.metadata.namespace.as_deref().unwrap_or_default()) {
        return Ok(Action::await_change()); // of another shard, which watches it as well
    }
    // All objects that name an account that does not exist share one lane: an invented name must not buy a turn.
    let account = shared.names.account_id(&role.spec.account_ref.name).unwrap_or_default();
    let Some(mut worker) = shared.workers.acquire(&account, urgency(&role, shared.now())).await else {
        return Ok(Action::await_change()); // the process ends
    };
    // It may have changed while it waited. What is gone from the cache is left to the event that took it away.
    let role = roles.get(&ObjectRef::from_obj(role.as_ref())).unwrap_or(role);
    let mut pass = pin!(traced_pass(&role, shared));
    tokio::select! {
        action = &mut pass => return action,
        () = tokio::time::sleep(SLOW) => worker.is_slow(),
    }
    pass.await
}

/// One pass as a trace.
async fn traced_pass(role: &CrossAccountRole, ctx: &Context) -> Result<Action, Error> {
    let subject = Subject {
        kind: "CrossAccountRole",
        namespace: role.metadata.namespace.as_deref(),
        name: role.metadata.name.as_deref().unwrap_or_default(),
        account: &role.spec.account_ref.name,
    };
    traces::reconcile(subject, Box::pin(timed_pass(role, ctx))).await
}

/// One pass, within a time limit and counted.
async fn timed_pass(role: &CrossAccountRole, ctx: &Context) -> Result<Action, Error> {
    let start = Instant::now();
    let result = tokio::time::timeout(TIME_LIMIT, one_pass(role, ctx)).await;
    let result = result.unwrap_or(Err(Error::Timeout(TIME_LIMIT.as_secs())));
    let ended = result.as_ref().map_or(ReconcileResult::Failed, |(ended, _)| *ended);
    ctx.metrics.reconcile(ended, start.elapsed().as_secs_f64());
    traces::reconcile_ended(ended.into(), result.is_err());
    result.map(|(_, action)| action)
}

/// What could not be reported is tried again soon, and less soon each time.
#[expect(clippy::needless_pass_by_value, reason = "the signature that kube calls")]
pub fn error_policy(role: Arc<CrossAccountRole>, error: &Error, ctx: Arc<RoleContext>) -> Action {
    let (uid, ctx) = (role.metadata.uid.clone().unwrap_or_default(), &ctx.shared);
    tracing::warn!(object = role.full_name(), %error, "reconcile failed; retrying");
    ctx.objects.change(&uid, |state| {
        state.record_result(true, ctx.now());
        if matches!(error, Error::Stale) {
            state.cache = Cached::Outdated;
        }
    });
    let left = published_before(&role).map(|set| set.expires_at.duration_since(ctx.now()));
    let retry = if error.is_answer() { Retry::Steadily } else { Retry::Soon };
    let wait = delay(retry, ctx.objects.of(&uid).failures, left, &uid).unwrap_or_default();
    Action::requeue(wait.unsigned_abs())
}

async fn one_pass(cached: &CrossAccountRole, ctx: &Context) -> Result<(ReconcileResult, Action), Error> {
    let Some(role) = confirmed(ctx, cached).await? else {
        return Ok((ReconcileResult::Settled, Action::await_change()));
    };
    let role = role.as_ref();
    let newer = ctx.objects.of(&role.uid().unwrap_or_default()).newer_status(role);
    let role = newer.as_ref().unwrap_or(role);
    let mut pass = match Pass::begin(ctx, role).await {
        Ok(pass) => pass,
        Err(error) => {
            Box::pin(report_unread(ctx, role, &error)).await;
            return Err(error);
        }
    };
    let target = pass.target(); // pure
    if matches!(target, Target::Absent { .. } | Target::Released { .. }) {
        return Box::pin(pass.clean_up(&target)).await; // writes AWS, then Kubernetes
    }
    if let Err(broken) = pass.apply_target(&target).await {
        pass.publish_events().await;
        return Err(broken);
    }
    pass.publish().await // writes status and Events
}

impl Pass<'_> {
    /// First the role, then what depends on it. Trouble in one part does not stop the others.
    async fn apply_target(&mut self, target: &Target) -> Result<(), Error> {
        let role = Box::pin(self.reconcile_iam_role(target)).await?; // the largest future, and often done at once
        let now = self.now;
        self.remember(|state| {
            state.unclosed_since = state.unclosed_since.or(Some(now)).filter(|_| role.unclosed);
        });
        self.keep_finalizer().await?;
        Box::pin(self.reconcile_grants(target, &role)).await?; // few objects have grants
        if let Some(refusal) = &role.closed {
            return self.take_secret_away(refusal).await;
        }
        match target {
            Target::Open(desired) | Target::Held(Hold { desired: Some(desired), .. }) => {
                self.report_declaration(desired);
                self.reconcile_credentials(desired, &role).await?;
            }
            Target::Held(Hold { problem: None, .. }) => {
                self.report.mode = Mode::Suspended;
                self.keep_credentials().await?;
            }
            Target::Held(_) | Target::Closed(_) | Target::Absent { .. } | Target::Released { .. } => {
                self.keep_credentials().await?;
            }
        }
        self.report.wake_by(Requests::of(self.role).next_due(self.now));
        for ended in [self.reconcile_workloads().await, self.delete_expired_secret().await] {
            match ended {
                Err(error) if error.is_answer() => {
                    self.report.remark(error.refused("what depends on the Secret waits"));
                }
                ended => ended?,
            }
        }
        Box::pin(self.report_usage(&role)).await; // asked for by people, and seldom
        Ok(())
    }

    pub(super) fn report_declaration(&mut self, desired: &Desired) {
        if desired.lifecycle == Lifecycle::Observe {
            self.report.mode = Mode::Observed;
        }
        self.report.external_id = Some(desired.at.external_id.clone());
        self.report.warning = warning(desired);
        for refusal in &desired.requests.unreadable {
            self.report.remark(refusal.clone().into());
        }
    }
}
