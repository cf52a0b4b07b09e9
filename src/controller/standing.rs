//! A role whose declaration is no measure at present, because it cannot be read or says that the role is only observed, still
//! obeys the account's guardrails.

use super::context::Context;
use super::observe::{Surroundings, read_role};
use super::role_lane::RoleLane;
use crate::api::{CrossAccountRole, Lifecycle, Reason};
use crate::decide::admit::manageable;
use crate::decide::desired::{Desired, role_arn};
use crate::decide::failure::Verdict;
use crate::decide::guardrails::standing;
use crate::decide::retry::Retry;
use crate::decide::role_plan::owned;
use crate::decide::{Refusal, account};
use crate::domain::{AwsFailure, ObjectIdentity, PolicyArn};

/// What a role with a bad declaration turned out to be.
pub enum Judged {
    /// Within the guardrails, or not for us to judge.
    Fine,
    /// Beyond them.
    Forbidden(Refusal),
    /// It could not be read, and is judged again soon.
    Unknown(Verdict),
}

/// Judges a role by what it has in AWS, where `refusal` says that its declaration is no measure.
///
/// The permissions boundary is put right at once: it needs no declaration.
pub async fn judge(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
    refusal: Option<&Refusal>,
) -> Judged {
    let declaration_is_bad = refusal
        .is_some_and(|no| matches!(no.reason, Reason::InvalidSpec | Reason::LimitExceeded | Reason::NotSupported));
    let has_role = role.status.as_ref().is_some_and(|status| status.role.is_some());
    if !declaration_is_bad || !has_role || role.spec.role.lifecycle == Lifecycle::Observe {
        return Judged::Fine;
    }
    match look(ctx, role, object, around).await {
        Ok(Ok(())) => Judged::Fine,
        Ok(Err(refusal)) => Judged::Forbidden(refusal),
        Err(failure) => Judged::Unknown(Verdict {
            reason: Reason::Progressing,
            message: format!("whether the role is within the guardrails cannot be told: {failure}"),
            retry: Retry::Soon,
        }),
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

async fn look(
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
    let Some(state) = read_role(iam.as_ref(), &arn.name).await? else { return Ok(Ok(())) };
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
