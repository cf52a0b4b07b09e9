//! An account that was entered as its manager: the only way to call IAM.
//!
//! Every failure on this way is treated alike: a session that AWS no longer accepts is forgotten, an account that cannot be
//! entered is checked soon, and a denial is explained with the permission that the manager lacks.

use std::collections::{BTreeMap, BTreeSet};

use crate::aws::{ChainFailure, IamClient, InlinePolicy};
use crate::controller::context::Context;
use crate::decide::account::access::check_account;
use crate::decide::account::partition::operator_reaches;
use crate::decide::explain::managing;
use crate::decide::failure::{FailureContext, Phase, Verdict, verdict};
use crate::decide::role::Step;
use crate::decide::role::denial::DENY;
use crate::domain::policy::PolicyDocument;
use crate::domain::{
    AccountAccess, AwsFailure, FailureKind, Grantee, IamRole, IamRoleState, RoleArn, RoleName, UsageReport,
};

/// IAM of one account.
pub struct ManagedAccount<'a> {
    ctx: &'a Context,
    access: &'a AccountAccess,
    iam: IamClient,
}

/// A failed write: what it means, and what AWS answered.
#[derive(Debug)]
pub struct StepFailure {
    /// For the status.
    pub verdict: Verdict,
    /// The kind of answer.
    pub kind: FailureKind,
}

impl<'a> ManagedAccount<'a> {
    /// Enters an account through its chain of roles. Without a chain, the operator's own identity has to be in the account: a role
    /// that does not exist in another account proves nothing. An account of another partition is refused before any call.
    pub async fn enter(ctx: &'a Context, access: &'a AccountAccess) -> Result<Self, Verdict> {
        if let Ok(base) = ctx.base_identity() {
            operator_reaches(access, &base)?;
            if access.chain.is_empty() {
                check_account(access, &base.caller).inspect_err(|_| ctx.suspect_account(&access.name))?;
            }
        }
        match ctx.aws.assume_manager(access).await {
            Ok(iam) => Ok(Self { ctx, access, iam }),
            Err(chain) => {
                ctx.suspect_account(&access.name);
                let verdict = not_entered(&chain, FailureContext::default());
                Err(Verdict {
                    message: format!("cannot enter AWSAccount {}: {}", access.name, verdict.message),
                    ..verdict
                })
            }
        }
    }

    /// A role with all its policies; none if there is none.
    pub async fn read_role(&self, role: &RoleArn) -> Result<Option<IamRoleState>, Verdict> {
        self.iam.role_state(&role.name).await.map_err(|failure| self.explain(role, &failure, FailureContext::default()))
    }

    /// A role that is to be closed: what can be read of it, and what is in the way of the rest. A manager that may not read
    /// policies closes a role all the same.
    pub async fn read_to_close(&self, role: &RoleArn) -> Result<(Option<IamRoleState>, Option<Verdict>), Verdict> {
        let failure = match self.iam.role_state(&role.name).await {
            Ok(state) => return Ok((state, None)),
            Err(failure) => failure,
        };
        let bare = |role| IamRoleState { role, attached: BTreeSet::new(), inline: BTreeMap::new() };
        let found = self.get_role(role).await?.map(bare);
        Ok((found, Some(self.explain(role, &failure, FailureContext::default()))))
    }

    /// The role itself, without its policies.
    pub async fn get_role(&self, role: &RoleArn) -> Result<Option<IamRole>, Verdict> {
        let found = self.iam.get_role(&role.name).await;
        found.map_err(|failure| self.explain(role, &failure, FailureContext::default()))
    }

    /// Every role of the account with its policies.
    pub async fn read_all(&self) -> Result<Vec<IamRoleState>, Verdict> {
        self.iam.all_roles().await.map_err(|failure| {
            self.ctx.aws.forget_if_stale(self.access, &failure);
            verdict(Phase::Manage, &failure, FailureContext::default())
        })
    }

    /// Instance profiles that the role is in.
    pub async fn instance_profiles(&self, role: &RoleArn) -> Result<Vec<String>, Verdict> {
        let found = self.iam.instance_profiles(&role.name).await;
        found.map_err(|failure| self.explain(role, &failure, FailureContext::default()))
    }

    /// Begins a report on the services that the role used, and gives the id of the job.
    pub async fn begin_usage_report(&self, role: &RoleArn) -> Result<String, Verdict> {
        let begun = self.iam.begin_usage_report(role).await;
        begun.map_err(|failure| self.explain(role, &failure, FailureContext::default()))
    }

    /// How far that report is.
    pub async fn usage_report(&self, role: &RoleArn, job: &str) -> Result<UsageReport, Verdict> {
        let report = self.iam.usage_report(job).await;
        report.map_err(|failure| self.explain(role, &failure, FailureContext::default()))
    }

    /// Executes one step. Gives the role that it created, if it did.
    pub async fn execute(
        &self,
        role: &RoleArn,
        step: &Step,
        context: FailureContext,
    ) -> Result<Option<IamRole>, StepFailure> {
        self.write(role, step)
            .await
            .map_err(|failure| StepFailure { verdict: self.explain(role, &failure, context), kind: failure.kind })
    }

    async fn write(&self, role: &RoleArn, step: &Step) -> Result<Option<IamRole>, AwsFailure> {
        let (iam, name) = (&self.iam, &role.name);
        let written = match step {
            Step::Create(role) => return iam.create_role(role).await.map(Some),
            Step::Deny(denial) => match denial.document() {
                Some(document) => iam.put_inline(name, DENY, &document).await,
                None => iam.delete_inline(name, DENY).await,
            },
            Step::PutBoundary(arn) => iam.put_boundary(name, arn).await,
            Step::DeleteBoundary => iam.delete_boundary(name).await,
            Step::Detach(arn) => iam.detach(name, arn).await,
            Step::Attach(arn) => iam.attach(name, arn).await,
            Step::DeleteInline(policy) => iam.delete_inline(name, policy).await,
            Step::PutInline(policy, document) => iam.put_inline(name, policy, document).await,
            Step::UpdateTrust(document) => iam.update_trust(name, document).await,
            Step::Update(settings) => iam.update_role(name, settings).await,
            Step::Tag(tags) => iam.tag(name, tags).await,
            Step::Untag(keys) => iam.untag(name, keys).await,
            Step::LeaveInstanceProfile(profile) => iam.leave_instance_profile(name, profile).await,
            Step::DeleteRole => iam.delete_role(name).await,
        };
        match written {
            Err(failure) if failure.kind == FailureKind::Denied => Err(self.denied_or_gone(name, failure).await),
            other => other,
        }
        .or_else(
            |failure| if step.takes_away() && failure.kind == FailureKind::NotFound { Ok(()) } else { Err(failure) },
        )
        .map(|()| None)
    }

    /// What a denial of a write means. IAM judges a role that does not exist by its name alone, without the path, so a manager
    /// with one path is refused there (docs/security.md). Such a denial follows where an answer to `DeleteRole` is lost: the
    /// SDK sends the call again.
    async fn denied_or_gone(&self, role: &RoleName, denial: AwsFailure) -> AwsFailure {
        match self.iam.get_role(role).await {
            Ok(None) => AwsFailure { kind: FailureKind::NotFound, ..denial },
            Ok(Some(_)) | Err(_) => denial,
        }
    }

    /// ARN of a principal, with its path; none if there is no such principal.
    pub async fn principal_arn(&self, grantee: &Grantee) -> Result<Option<String>, Verdict> {
        self.iam.principal_arn(grantee).await.map_err(|failure| self.about(grantee, &failure))
    }

    /// One inline policy of a principal.
    pub async fn policy_of(&self, grantee: &Grantee, policy: &str) -> Result<InlinePolicy, Verdict> {
        self.iam.policy(grantee, policy).await.map_err(|failure| self.about(grantee, &failure))
    }

    /// Puts an inline policy on a principal.
    pub async fn put_policy_of(
        &self,
        grantee: &Grantee,
        policy: &str,
        document: &PolicyDocument,
    ) -> Result<(), StepFailure> {
        let put = self.iam.put_policy(grantee, policy, document).await;
        put.map_err(|failure| StepFailure { verdict: self.about(grantee, &failure), kind: failure.kind })
    }

    /// Deletes an inline policy of a principal.
    pub async fn delete_policy_of(&self, grantee: &Grantee, policy: &str) -> Result<(), Verdict> {
        self.iam.delete_policy(grantee, policy).await.map_err(|failure| self.about(grantee, &failure))
    }

    fn explain(&self, role: &RoleArn, failure: &AwsFailure, context: FailureContext) -> Verdict {
        self.ctx.aws.forget_if_stale(self.access, failure);
        managing(self.access, role, failure, context)
    }

    fn about(&self, grantee: &Grantee, failure: &AwsFailure) -> Verdict {
        self.ctx.aws.forget_if_stale(self.access, failure);
        let verdict = verdict(Phase::Manage, failure, FailureContext::default());
        Verdict { message: format!("{grantee} (AWSAccount {}): {}", self.access.name, verdict.message), ..verdict }
    }
}

/// Judges a failure on the way into an account. A session that AWS no longer accepts is replaced by the next attempt, and is no
/// reason to look at the operator's own key.
#[must_use]
pub fn not_entered(chain: &ChainFailure, context: FailureContext) -> Verdict {
    let work = if chain.is_of_session() { Phase::Manage } else { Phase::Enter };
    verdict(work, &chain.failure, context)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Reason;

    #[test]
    fn a_stale_session_is_not_reported_as_the_operators_own_key() {
        for (hop, reason) in [(0, Reason::BaseIdentityUnavailable), (1, Reason::Progressing)] {
            let failure = AwsFailure {
                service: "sts",
                operation: "GetCallerIdentity",
                kind: FailureKind::UnknownKey,
                code: "InvalidClientTokenId".into(),
                message: "words".into(),
            };
            let chain = ChainFailure { hop, hops: 1, role: "role".into(), failure };
            let judged = not_entered(&chain, FailureContext::default());
            assert_eq!(judged.reason, reason);
            assert_eq!(judged.message.contains("operator's access key"), hop == 0, "{}", judged.message);
        }
    }
}
