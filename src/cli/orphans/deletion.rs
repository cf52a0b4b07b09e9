//! The deletion of one role, step by step as the operator plans it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::sleep;

use super::error::OrphansError;
use super::search::Orphan;
use crate::aws::IamClient;
use crate::cli::aws_account::{OwnAccount, explained};
use crate::decide::role::denial::DENY;
use crate::decide::role::{Given, Goal, Plan, Step, plan};
use crate::domain::{AwsFailure, FailureKind, IamRole, IamRoleState, RoleName, SessionName};

/// How often IAM is asked whether the role is gone, a second apart: it may show a role for a while after its deletion.
const LOOKS: usize = 15;

/// A role that is to be deleted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Deletion {
    pub orphan: Orphan,
    /// Instance profiles that it has to leave first.
    profiles: Vec<String>,
}

impl Deletion {
    /// An orphan, with what keeps it from being deleted.
    pub async fn of(orphan: Orphan, own: &OwnAccount) -> Result<Self, OrphansError> {
        let arn = &orphan.state.role.arn;
        let profiles = own.iam.instance_profiles(&arn.name).await;
        let profiles = profiles.map_err(|failure| own.failed(&format!("role {arn}"), &failure))?;
        Ok(Self { orphan, profiles })
    }

    /// Whether the role is as another read found it. When it was last used does not matter.
    pub fn is_as(&self, other: &Self) -> bool {
        let unused = |deletion: &Self| {
            let Self { orphan: Orphan { owner, state }, profiles } = deletion.clone();
            let state = IamRoleState { role: IamRole { last_used: None, ..state.role }, ..state };
            (owner, state, profiles)
        };
        unused(self) == unused(other)
    }

    /// Deletes it, and reads that it is gone.
    pub async fn delete(&self, own: &OwnAccount) -> Result<(), OrphansError> {
        let state = &self.orphan.state;
        let arn = &state.role.arn;
        let planned = self.plan().map_err(OrphansError::Invalid)?;
        if let Err((failure, left)) = execute(&own.iam, &arn.name, &planned, state).await {
            let why = explained(&own.caller, failure.operation, &failure);
            return Err(OrphansError::Unfinished { role: arn.to_string(), why, left: contents(&left) });
        }
        for _ in 0..LOOKS {
            let found = own.iam.get_role(&arn.name).await;
            match found.map_err(|failure| own.failed(&format!("whether role {arn} is gone"), &failure))? {
                None => return Ok(()),
                Some(_) => sleep(Duration::from_secs(1)).await,
            }
        }
        Err(OrphansError::StillThere(arn.clone()))
    }

    /// The writes by which the operator itself would delete the role.
    fn plan(&self) -> Result<Plan, String> {
        let Orphan { owner, state } = &self.orphan;
        let session_name = SessionName::of(owner);
        let given = Given {
            object: owner,
            operator: None,
            boundary: None,
            revoke: None,
            session_name: session_name.as_str(),
            declared_inline: &[],
            declared_tags: &[],
            instance_profiles: &self.profiles,
            deletion_failed: false,
            unsettled: false,
            now: Timestamp::now(),
        };
        plan(Goal::Absent { closed: false }, &given, Some(state)).map_err(|refusal| refusal.message)
    }
}

/// Every step of a stage is tried, and a later stage begins only after all of them. A failure comes with what is left.
async fn execute(
    iam: &IamClient,
    role: &RoleName,
    plan: &Plan,
    state: &IamRoleState,
) -> Result<(), (AwsFailure, IamRoleState)> {
    let mut left = state.clone();
    for stage in &plan.stages {
        let mut failed = None;
        for step in stage {
            match write(iam, role, step).await {
                Err(failure) if !(step.takes_away() && failure.kind == FailureKind::NotFound) => {
                    failed = failed.or(Some(failure));
                }
                Ok(()) | Err(_) => left = step.apply(Some(left.clone())).unwrap_or(left),
            }
        }
        if let Some(failure) = failed {
            return Err((failure, left));
        }
    }
    Ok(())
}

/// The call of a step.
async fn write(iam: &IamClient, role: &RoleName, step: &Step) -> Result<(), AwsFailure> {
    match step {
        Step::Create(desired) => iam.create_role(desired).await.map(drop),
        Step::Deny(denial) => match denial.document() {
            Some(document) => iam.put_inline(role, DENY, &document).await,
            None => iam.delete_inline(role, DENY).await,
        },
        Step::PutBoundary(arn) => iam.put_boundary(role, arn).await,
        Step::DeleteBoundary => iam.delete_boundary(role).await,
        Step::Detach(arn) => iam.detach(role, arn).await,
        Step::Attach(arn) => iam.attach(role, arn).await,
        Step::DeleteInline(policy) => iam.delete_inline(role, policy).await,
        Step::PutInline(policy, document) => iam.put_inline(role, policy, document).await,
        Step::UpdateTrust(document) => iam.update_trust(role, document).await,
        Step::Update(settings) => iam.update_role(role, settings).await,
        Step::Tag(tags) => iam.tag(role, tags).await,
        Step::Untag(keys) => iam.untag(role, keys).await,
        Step::LeaveInstanceProfile(profile) => iam.leave_instance_profile(role, profile).await,
        Step::DeleteRole => iam.delete_role(role).await,
    }
}

/// What a role has, in words.
pub(super) fn contents(state: &IamRoleState) -> String {
    let inline: Vec<String> = state.inline.keys().map(|name| format!("inline policy {name}")).collect();
    let attached = state.attached.iter().map(|arn| format!("managed policy {arn} (detached, not deleted)"));
    let all: Vec<String> = inline.into_iter().chain(attached).collect();
    if all.is_empty() { "no policies".to_owned() } else { all.join(", ") }
}
