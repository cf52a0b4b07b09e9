//! Writes to the role: steps in, what came of them out. No step is judged here.

use jiff::Timestamp;

use super::context::Context;
use super::observe::KnownRole;
use crate::aws::Iam;
use crate::decide::desired::Desired;
use crate::decide::explain::managing;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::revocation::DENY_OLDER_SESSIONS;
use crate::decide::role_plan::RoleStep;
use crate::domain::{AwsFailure, RoleName};

/// What came of the steps.
#[derive(Debug, Default)]
pub struct Applied {
    /// Identity of a role that a step created.
    pub created: Option<KnownRole>,
    /// What the steps that were taken were about.
    pub subjects: Vec<String>,
    /// Whether one of them changed who gets in.
    pub trust_changed: bool,
    /// Up to which moment one of them denied sessions.
    pub denied_until: Option<Timestamp>,
    /// Why the rest was not taken.
    pub failure: Option<Verdict>,
}

/// Takes the steps one after the other, up to the first that fails.
pub async fn role(ctx: &Context, desired: &Desired, steps: &[RoleStep], now: Timestamp) -> Applied {
    let mut applied = Applied::default();
    if steps.is_empty() {
        return applied;
    }
    let iam = match ctx.gateway.enter(&desired.access).await {
        Ok(iam) => iam,
        Err(entry) => {
            applied.failure = Some(verdict(Work::Enter, &entry.failure, Circumstances::default()));
            return applied;
        }
    };
    for step in steps {
        match take(iam.as_ref(), &desired.role_arn.name, step).await {
            Ok(created) => {
                applied.created = applied.created.or(created);
                applied.subjects.push(step.subject());
                applied.trust_changed |= step.changes_trust();
                if let RoleStep::DenyOlderSessions(until, _) = step {
                    applied.denied_until = Some(*until);
                }
            }
            Err(failure) => {
                ctx.gateway.forget_if_stale(&desired.access, &failure);
                let propagating = ctx.memory.of(&desired.object.uid).is_failing_only_lately(now);
                let circumstances = Circumstances { propagating, ..Circumstances::default() };
                applied.failure = Some(managing(&desired.access, &desired.role_arn, &failure, circumstances));
                break;
            }
        }
    }
    if applied.trust_changed {
        ctx.memory.change(&desired.object.uid, |memo| memo.trust_changed_at = Some(now));
    }
    applied
}

async fn take(iam: &dyn Iam, name: &RoleName, step: &RoleStep) -> Result<Option<KnownRole>, AwsFailure> {
    match step {
        RoleStep::Create(role) => {
            let created = iam.create_role(role).await?;
            return Ok(Some(KnownRole { arn: created.arn, id: created.id }));
        }
        RoleStep::DenyOlderSessions(_, denial) => iam.put_inline(name, DENY_OLDER_SESSIONS, denial).await?,
        RoleStep::PutBoundary(arn) => iam.put_boundary(name, arn).await?,
        RoleStep::DeleteBoundary => iam.delete_boundary(name).await?,
        RoleStep::Detach(arn) => iam.detach(name, arn).await?,
        RoleStep::DeleteInline(policy) => iam.delete_inline(name, policy).await?,
        RoleStep::UpdateTrust(document) => iam.update_trust(name, document).await?,
        RoleStep::Update(settings) => iam.update_role(name, settings).await?,
        RoleStep::Untag(keys) => iam.untag(name, keys).await?,
        RoleStep::Tag(tags) => iam.tag(name, tags).await?,
        RoleStep::PutInline(policy, document) => iam.put_inline(name, policy, document).await?,
        RoleStep::Attach(arn) => iam.attach(name, arn).await?,
    }
    Ok(None)
}
