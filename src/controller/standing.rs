//! A role whose declaration is no measure at present, because it cannot be read or says that the role is only observed, still
//! obeys the account's guardrails.

use super::Error;
use super::context::Context;
use super::observe::{Surroundings, read_role};
use super::role_lane::RoleLane;
use crate::api::{CrossAccountRole, Lifecycle, Reason};
use crate::decide::admit::manageable;
use crate::decide::desired::{Desired, role_arn};
use crate::decide::grants::policy::policy_name;
use crate::decide::guardrails::standing;
use crate::decide::role_plan::owned;
use crate::decide::{Refusal, account};
use crate::domain::{AwsFailure, ObjectIdentity, PolicyArn};

/// Judges a role by what it has in AWS, where `refusal` says that its declaration is no measure. Gives what is not allowed.
///
/// The permissions boundary is put right at once: it needs no declaration. What cannot be read now is judged at the next
/// reconcile, at the latest with the next look for drift.
pub async fn forbidden(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
    refusal: &Refusal,
) -> Result<Option<Refusal>, Error> {
    let declaration_is_bad =
        matches!(refusal.reason, Reason::InvalidSpec | Reason::LimitExceeded | Reason::NotSupported);
    let has_role = role.status.as_ref().is_some_and(|status| status.role.is_some());
    if !declaration_is_bad || !has_role || role.spec.role.lifecycle == Lifecycle::Observe {
        return Ok(None);
    }
    match judge(ctx, role, object, around).await {
        Ok(verdict) => Ok(verdict.err()),
        Err(failure) => {
            tracing::warn!(namespace = object.namespace, name = object.name, %failure, "a role could not be judged");
            Ok(None)
        }
    }
}

/// Judges a role that is only observed and is ours all the same, since the object made or adopted it before. What somebody
/// else made is theirs to answer for.
pub fn observed(ctx: &Context, desired: &Desired, around: &Surroundings, the_role: &RoleLane) -> Option<Refusal> {
    let state = the_role.read.as_ref().filter(|_| desired.lifecycle == Lifecycle::Observe)?;
    owned(&state.role, &desired.object).ok()?;
    let (base, account) = (ctx.base_identity().ok()?, around.account.as_ref()?);
    standing(&account.spec.guardrails, state, &base.principal_arn).err()
}

async fn judge(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
) -> Result<Result<(), Refusal>, AwsFailure> {
    let (Some(declared), Ok(base)) = (&around.account, ctx.base_identity()) else { return Ok(Ok(())) };
    let Ok(access) = account::access(declared) else { return Ok(Ok(())) };
    let Ok(arn) = role_arn(&role.spec, &declared.spec, object, &access) else { return Ok(Ok(())) };
    if manageable(around.account.as_ref()).is_err() {
        return Ok(Ok(()));
    }
    let iam = ctx.gateway.enter(&access).await.map_err(|entry| entry.failure)?;
    let Some(mut state) = read_role(iam.as_ref(), &arn.name).await? else { return Ok(Ok(())) };
    state.inline.remove(&policy_name(&object.cluster)); // given by source grants, which are judged by themselves
    if owned(&state.role, object).is_err() {
        return Ok(Ok(()));
    }
    let rules = &declared.spec.guardrails;
    let boundary = rules.permissions_boundary.as_deref().and_then(|arn| PolicyArn::parse(arn).ok());
    if let Some(boundary) = boundary.filter(|arn| state.role.boundary.as_ref() != Some(arn)) {
        iam.put_boundary(&state.role.arn.name, &boundary).await?;
    }
    Ok(standing(rules, &state, &base.principal_arn))
}
