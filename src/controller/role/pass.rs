//! What every step of one pass over an object needs, and what the steps leave behind.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;

use super::references::References;
use crate::api::{AWSAccount, CrossAccountRole, Reason};
use crate::controller::context::{Context, Identity};
use crate::controller::state::objects::ObjectState;
use crate::controller::{Error, answer_of};
use crate::decide::Refusal;
use crate::decide::event::Event;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::Given;
use crate::decide::role::compliance::bounds_hash;
use crate::decide::role::denial::{Denied, denied, own_sessions_denied};
use crate::decide::status::Report;
use crate::decide::target::requests::Requests;
use crate::decide::target::role_location::RoleLocation;
use crate::decide::target::{Situation, Target, target};
use crate::domain::{BaseIdentity, IamRoleState, ObjectIdentity, PolicyArn, SessionName};

/// One pass over one object.
pub struct Pass<'a> {
    /// What all passes share.
    pub ctx: &'a Context,
    /// The object as the cache has it.
    pub role: &'a CrossAccountRole,
    /// Its identity.
    pub object: ObjectIdentity,
    /// AWS's time.
    pub now: Timestamp,
    /// What the object refers to.
    pub refs: References,
    /// Who the operator is.
    pub identity: Identity,
    /// What people should learn of.
    pub events: Vec<Event>,
    /// What the status is made of.
    pub report: Report,
    /// Whether the API server said in this pass that the object is what the cache said.
    is_current: AtomicBool,
}

/// Why a step of a pass ended early.
#[derive(Debug)]
pub enum Interrupt {
    /// Something failed, and the status says so.
    Failing(Verdict),
    /// The pass breaks off and is repeated.
    Broken(Error),
}

impl From<Verdict> for Interrupt {
    fn from(verdict: Verdict) -> Self {
        Self::Failing(verdict)
    }
}

impl From<Refusal> for Interrupt {
    fn from(refusal: Refusal) -> Self {
        Self::Failing(refusal.into())
    }
}

impl From<Error> for Interrupt {
    fn from(error: Error) -> Self {
        Self::Broken(error)
    }
}

impl From<kube::Error> for Interrupt {
    fn from(error: kube::Error) -> Self {
        Self::Broken(error.into())
    }
}

impl<'a> Pass<'a> {
    /// Reads what the object refers to.
    pub async fn begin(ctx: &'a Context, role: &'a CrossAccountRole) -> Result<Self, Error> {
        let object = ctx.object(role)?;
        ctx.objects.change(&object.uid, |state| {
            state.had_finalizer.get_or_insert(role.has_finalizer());
        });
        Ok(Self::over(ctx, role, object, References::read(ctx, role).await?))
    }

    pub(super) fn over(ctx: &'a Context, role: &'a CrossAccountRole, object: ObjectIdentity, refs: References) -> Self {
        Self {
            ctx,
            role,
            object,
            now: ctx.now(),
            refs,
            identity: ctx.base_identity(),
            events: Vec::new(),
            report: Report::default(),
            is_current: AtomicBool::new(false),
        }
    }

    /// What is to become of the object's access (pure).
    pub fn target(&self) -> Target {
        let References { account, namespace, managers, conflict } = &self.refs;
        target(&Situation {
            role: self.role,
            object: &self.object,
            account: account.as_ref(),
            namespace,
            conflict: conflict.as_ref(),
            identity: self.identity.as_ref(),
            operators_own: managers,
        })
    }

    /// The account that the object names.
    pub fn account(&self) -> Option<&AWSAccount> {
        self.refs.account.as_ref()
    }

    /// Id of that account.
    pub fn account_id(&self) -> Option<&str> {
        self.account().map(|account| account.spec.account_id.as_str())
    }

    /// What this process remembers of the object.
    pub fn state(&self) -> ObjectState {
        self.ctx.objects.of(&self.object.uid)
    }

    /// Changes what this process remembers of the object.
    pub fn remember(&self, change: impl FnOnce(&mut ObjectState)) {
        self.ctx.objects.change(&self.object.uid, change);
    }

    /// Whether the role may exist: an earlier pass may have made it.
    pub fn may_have_role(&self) -> bool {
        let state = self.state();
        let made_by_this = state.create_sent_at.is_some() || state.seen_in_bulk;
        self.role.has_finalizer() || self.role.reported_role().is_some() || made_by_this
    }

    /// Which role may exist; none if no pass has made one, or if it cannot have a name.
    pub fn place_of_role(&self) -> Option<RoleLocation> {
        let account = self.account().filter(|_| self.may_have_role())?;
        RoleLocation::of(self.role, account, &self.object).ok()
    }

    /// Hash of what an existing role is judged by, and of the way to it.
    pub fn bounds(&self) -> String {
        self.account().map(bounds_hash).unwrap_or_default()
    }

    /// Which sessions of the object a role denies, apart from what the object itself declares.
    pub fn denied_on(&self, state: &IamRoleState) -> Denied {
        let user_id = format!("{}:{}", state.role.id, SessionName::of(&self.object).as_str());
        denied(state, self.role.spec.role.inline_policies.keys()).max(own_sessions_denied(state, &user_id))
    }

    /// Breaks the pass off if the object is not what the cache said. Asked before the first write to AWS, because a cache may
    /// lag by minutes (kube issue 712).
    pub async fn ensure_current(&self) -> Result<(), Error> {
        if self.is_current.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.check_current(self.ctx.cluster.is_current(self.role).await?)
    }

    /// Adds the finalizers. The answer to that shows the object as it is now.
    pub async fn add_finalizers(&self) -> Result<(), Error> {
        if let Some(is_current) = self.ctx.cluster.add_finalizer(self.role).await? {
            self.check_current(is_current)?;
        }
        if let Some(account) = self.account() {
            self.ctx.cluster.add_account_finalizer(account).await?;
        }
        Ok(())
    }

    /// Puts the finalizer back on an object that lost it. Where the API server refuses that, the pass goes on.
    pub async fn keep_finalizer(&mut self) -> Result<(), Error> {
        if !self.role.lost_finalizer() {
            return Ok(());
        }
        match self.ctx.cluster.add_finalizer(self.role).await {
            Ok(is_current) => is_current.map_or(Ok(()), |is_current| self.check_current(is_current)),
            Err(error) => {
                let message = format!("the finalizer, which was taken off, cannot be put back: {}", answer_of(&error));
                self.report.remark(Verdict { reason: Reason::KubernetesDenied, message, retry: Retry::Steadily });
                Ok(())
            }
        }
    }

    fn check_current(&self, is_current: bool) -> Result<(), Error> {
        self.is_current.store(is_current, Ordering::Relaxed);
        if is_current { Ok(()) } else { Err(Error::Stale) }
    }

    /// What a plan is made from besides goal and role. `bounds` and `profiles` are kept by the caller.
    pub fn given<'b>(
        &'b self,
        at: &'b RoleLocation,
        boundary: Option<&'b PolicyArn>,
        profiles: &'b [String],
    ) -> Given<'b> {
        let remembered = self.role.reported_role();
        Given {
            object: &self.object,
            operator: self.identity.as_ref().ok().and_then(BaseIdentity::principal),
            boundary,
            revoke: Requests::of(self.role).revoke,
            session_name: at.session_name.as_str(),
            declared_inline: remembered.map(|role| role.inline_policies.as_slice()).unwrap_or_default(),
            declared_tags: remembered.map(|role| role.tag_keys.as_slice()).unwrap_or_default(),
            instance_profiles: profiles,
            deletion_failed: self.state().deletion_failed,
            unsettled: self.state().may_be_open(self.now),
            now: self.now,
        }
    }

    /// The account's permissions boundary.
    pub fn boundary(&self) -> Option<PolicyArn> {
        let boundary = self.account()?.spec.guardrails.permissions_boundary.as_deref()?;
        PolicyArn::parse(boundary).ok()
    }
}
