//! New credentials: assumed, verified, and only then handed on.

use jiff::Timestamp;

use super::context::Context;
use super::observe::KnownRole;
use crate::api::Reason;
use crate::aws::{AssumeRole, IssuedSession};
use crate::decide::desired::Desired;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::retry::Retry;
use crate::domain::{CallerIdentity, FailureKind, SessionRequest};

/// A session that AWS confirmed to be what was asked for.
#[derive(Debug)]
pub struct Verified {
    /// The session.
    pub session: IssuedSession,
    /// Who AWS says it is.
    pub caller_arn: String,
}

/// Assumes the role and asks AWS who the new credentials are.
pub async fn assume(
    ctx: &Context,
    desired: &Desired,
    known: &KnownRole,
    request: &SessionRequest,
    circumstances: Circumstances,
) -> Result<Verified, Verdict> {
    let sts = ctx.gateway.sts(&desired.access);
    let call = AssumeRole::into_role(&known.arn, &desired.session_name, &desired.external_id, request);
    let session = sts.assume_role(call).await.map_err(|failure| {
        if failure.kind == FailureKind::Denied && !circumstances.trust_verified {
            ctx.memory.change(&desired.object.uid, |memo| memo.look_again = true);
        }
        verdict(Work::Assume, &failure, circumstances)
    })?;
    let sts = ctx.gateway.sts_as(&session.credentials, &desired.access);
    let caller = sts.caller_identity().await.map_err(|failure| verdict(Work::Verify, &failure, circumstances))?;
    is_expected(&caller, known)?;
    Ok(Verified { session, caller_arn: caller.arn })
}

/// Account, role name and role id must be the ones we meant: an endpoint that answers for another account, or a role
/// that was made anew meanwhile, must not end up in a Secret.
fn is_expected(caller: &CallerIdentity, known: &KnownRole) -> Result<(), Verdict> {
    let matches = caller.account == known.arn.account
        && caller.role_session().is_some_and(|(name, id)| name == known.arn.name.as_str() && id == known.id);
    if matches {
        return Ok(());
    }
    let KnownRole { arn, id } = known;
    let CallerIdentity { arn: got, user_id, .. } = caller;
    Err(Verdict {
        reason: Reason::WrongIdentity,
        message: format!("the new credentials should be role {arn} ({id}), but AWS says they are {got} ({user_id})"),
        retry: Retry::Soon,
    })
}

/// Proves that the role refuses the operator when it does not give the external id. Whoever could name the role in another
/// object would otherwise get in.
pub async fn prove_refusal(
    ctx: &Context,
    desired: &Desired,
    known: &KnownRole,
    request: &SessionRequest,
    propagating: bool,
    now: Timestamp,
) -> Result<(), Verdict> {
    let sts = ctx.gateway.sts(&desired.access);
    let call = AssumeRole::into_role(&known.arn, &desired.session_name, &desired.external_id, request);
    let settled = Circumstances { propagating: false, trust_verified: true };
    match sts.assume_role(call.without_external_id()).await {
        Err(failure) if failure.kind == FailureKind::Denied => Ok(()),
        Err(failure) => Err(verdict(Work::Assume, &failure, settled)),
        Ok(_) if propagating => Err(Verdict {
            reason: Reason::Propagating,
            message: format!(
                "role {} does not ask for its external id yet; its new trust policy is on the way",
                known.arn
            ),
            retry: Retry::Soon,
        }),
        Ok(_) => {
            ctx.memory.change(&desired.object.uid, |memo| memo.look_again = true);
            Err(Verdict {
                reason: Reason::ExternalIdNotEnforced,
                message: format!(
                    "role {} could be assumed without its external id at {now}, so nothing is published; look for what lets \
                     the operator in besides the trust policy's statement with sts:ExternalId",
                    known.arn
                ),
                retry: Retry::Slow,
            })
        }
    }
}
