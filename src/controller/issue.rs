//! New credentials: assumed, verified, and only then handed on.

use jiff::Timestamp;

use super::context::Context;
use super::observe::KnownRole;
use crate::api::Reason;
use crate::aws::{AssumeRole, IssuedSession};
use crate::decide::desired::Desired;
use crate::decide::explain::Attempt;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::retry::Retry;
use crate::domain::{AwsFailure, CallerIdentity, FailureKind, IamRole, SessionRequest};

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
    let session = match sts.assume_role(call).await {
        Ok(session) => session,
        Err(failure) => return Err(refused(ctx, desired, known, request, &failure, circumstances).await),
    };
    let sts = ctx.gateway.sts_as(&session.credentials, &desired.access);
    let caller = sts.caller_identity().await.map_err(|failure| verdict(Work::Verify, &failure, circumstances))?;
    is_expected(&caller, known)?;
    Ok(Verified { session, caller_arn: caller.arn })
}

/// Why the role refuses. It is read for that, since nothing else tells its side of the matter.
async fn refused(
    ctx: &Context,
    desired: &Desired,
    known: &KnownRole,
    request: &SessionRequest,
    failure: &AwsFailure,
    circumstances: Circumstances,
) -> Verdict {
    if failure.kind == FailureKind::Denied && !circumstances.trust_verified {
        ctx.memory.change(&desired.object.uid, |memo| memo.look_again = true);
    }
    let Ok(base) = ctx.base_identity() else { return verdict(Work::Assume, failure, circumstances) };
    let found = match failure.kind {
        FailureKind::Denied | FailureKind::DurationExceedsRole => read(ctx, desired, known).await,
        _ => None,
    };
    let external_id = desired.external_id.as_str();
    Attempt::into_role(&base, &desired.access, &known.arn, external_id, request, found.as_ref())
        .verdict(failure, circumstances)
}

/// None if the role cannot be read: then what AWS said has to do.
async fn read(ctx: &Context, desired: &Desired, known: &KnownRole) -> Option<IamRole> {
    let iam = ctx.gateway.enter(&desired.access).await;
    let iam = iam.inspect_err(|failure| tracing::debug!(%failure, "a role that refuses cannot be read")).ok()?;
    let found = iam.get_role(&known.arn.name).await;
    found.inspect_err(|failure| tracing::debug!(%failure, "a role that refuses cannot be read")).ok()?
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
    let CallerIdentity { arn: got, user_id, account } = caller;
    Err(Verdict {
        reason: Reason::WrongIdentity,
        message: format!(
            "the new credentials should be role {arn} ({id}) in account {}, but AWS says they are {got} ({user_id}) in account \
             {account}; nothing is published. Find out what answers at the AWS endpoint of the operator, or who made the \
             role anew",
            arn.account
        ),
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
    let settled = Circumstances { trust_verified: true, ..Circumstances::default() };
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
