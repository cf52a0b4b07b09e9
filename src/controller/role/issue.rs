//! New credentials: assumed, verified, and only then handed on.

use super::outcome::Verified;
use super::pass::Pass;
use crate::api::Reason;
use crate::aws::AssumeRole;
use crate::controller::manager::ManagedAccount;
use crate::controller::state::objects::KnownRole;
use crate::decide::credentials::checks::is_expected;
use crate::decide::credentials::proof::Proof;
use crate::decide::explain::Attempt;
use crate::decide::failure::{FailureContext, Phase, Retry, Verdict, verdict};
use crate::decide::target::role_location::RoleLocation;
use crate::domain::{AwsFailure, FailureKind, IamRole, SessionRequest};

/// One role that is to be assumed.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Where it is.
    pub at: &'a RoleLocation,
    /// The role.
    pub known: &'a KnownRole,
    /// The session that is asked for.
    pub request: &'a SessionRequest,
}

impl<'a> Entry<'a> {
    fn call(&self) -> AssumeRole<'a> {
        AssumeRole::into_role(&self.known.arn, &self.at.session_name, &self.at.external_id, self.request)
    }
}

impl Pass<'_> {
    /// A verified session of a role; with `prove`, of one that is proven to need the external id. Both are asked for side by side.
    pub(super) async fn request(
        &self,
        entry: Entry<'_>,
        context: FailureContext,
        prove: bool,
    ) -> Result<Verified, Verdict> {
        let session = self.assume(entry, context);
        if !prove {
            return session.await;
        }
        let (session, proof) = tokio::join!(session, self.try_without_external_id(entry, context.propagating));
        let session = session?;
        proof?;
        self.is_proven();
        Ok(session)
    }

    /// Assumes the role and asks AWS who the new credentials are.
    async fn assume(&self, entry: Entry<'_>, context: FailureContext) -> Result<Verified, Verdict> {
        let access = &entry.at.access;
        let session = match self.ctx.aws.sts(access).assume_role(entry.call()).await {
            Ok(session) => session,
            Err(failure) => return Err(self.explain_refusal(entry, &failure, context).await),
        };
        let sts = self.ctx.aws.sts_as(&session.credentials, access);
        let caller = sts.caller_identity().await.map_err(|failure| verdict(Phase::Verify, &failure, context))?;
        if let Err(verdict) = is_expected(&caller, &entry.known.arn, &entry.known.id) {
            self.compare_again(); // the role may have been created again
            return Err(verdict);
        }
        Ok(Verified { session, caller_arn: caller.arn })
    }

    /// Why the role refuses. Reads the role, because nothing else shows its trust policy.
    async fn explain_refusal(&self, entry: Entry<'_>, failure: &AwsFailure, context: FailureContext) -> Verdict {
        if failure.kind == FailureKind::Denied && !context.trust_verified {
            self.compare_again();
        }
        let Ok(base) = &self.identity else { return verdict(Phase::Assume, failure, context) };
        let found = match failure.kind {
            FailureKind::Denied | FailureKind::DurationExceedsRole => self.read_refusing_role(entry).await,
            _ => None,
        };
        let Entry { at, known, request } = entry;
        Attempt::into_role(base, &at.access, &known.arn, request)
            .with_external_id(at.external_id.as_str())
            .found(found.as_ref())
            .verdict(failure, context)
    }

    /// None if the role cannot be read: the message then holds AWS's own words.
    async fn read_refusing_role(&self, entry: Entry<'_>) -> Option<IamRole> {
        let unreadable = |verdict: &Verdict| tracing::debug!(verdict.message, "a role that refuses cannot be read");
        let account = ManagedAccount::enter(self.ctx, &entry.at.access).await.inspect_err(unreadable).ok()?;
        account.get_role(&entry.known.arn).await.inspect_err(unreadable).ok()?
    }

    /// Whether the role refuses the operator when it does not give the external id. Else every object that names the role
    /// could use it. A refusal proves that only if the role does not refuse everything: see [`Self::is_proven`].
    pub(super) async fn try_without_external_id(&self, entry: Entry<'_>, propagating: bool) -> Result<(), Verdict> {
        let call = entry.call().without_external_id();
        let answer = self.ctx.aws.sts(&entry.at.access).assume_role(call).await;
        let refused = matches!(&answer, Err(failure) if failure.kind == FailureKind::Denied);
        if !refused {
            self.remember(|state| state.proof = Proof::Due);
        }
        let settled = FailureContext { trust_verified: true, ..FailureContext::default() };
        let role = &entry.known.arn;
        match answer {
            Err(_) if refused => Ok(()),
            Err(failure) => Err(verdict(Phase::Assume, &failure, settled)),
            Ok(_) if propagating => Err(Verdict {
                reason: Reason::Propagating,
                message: format!(
                    "role {role} does not require its external id yet: its new trust policy is still propagating"
                ),
                retry: Retry::Soon,
            }),
            Ok(_) => {
                self.compare_again();
                let message = format!(
                    "role {role} could be assumed without its external id at {}, so nothing is published; remove the \
                     trust policy statement that allows the operator without sts:ExternalId",
                    self.now
                );
                Err(Verdict { reason: Reason::ExternalIdNotEnforced, message, retry: Retry::Slow })
            }
        }
    }

    /// The role let the operator in with the external id, and refuses it without.
    pub(super) fn is_proven(&self) {
        self.remember(|state| state.proof = Proof::Proven);
    }

    /// Has the role compared with AWS in the next pass.
    pub(super) fn compare_again(&self) {
        self.remember(|state| state.compare_again = true);
    }
}
