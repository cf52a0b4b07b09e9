//! Reads, before anything is judged.

use jiff::Timestamp;

use super::Error;
use super::context::Context;
use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Lifecycle};
use crate::aws::Iam;
use crate::cluster::ObservedSecret;
use crate::decide::allowed::Namespace;
use crate::decide::conditions::is_true_for;
use crate::decide::desired::Desired;
use crate::decide::explain::managing;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::requests::revocation_is_due;
use crate::domain::{AwsFailure, IamRoleState, RoleArn, RoleName, digest_hex};

/// What Kubernetes says around an object.
pub struct Surroundings {
    /// The account it names.
    pub account: Option<AWSAccount>,
    /// Its namespace.
    pub namespace: Namespace,
    /// Roles by which the operator enters accounts, where the object might name one of them.
    pub managers: Vec<RoleArn>,
}

/// Reads account and namespace; and the ways into all accounts for an object that names a role somebody else made. A role
/// that is to be created is told from a manager by its tags.
pub async fn surroundings(ctx: &Context, role: &CrossAccountRole) -> Result<Surroundings, Error> {
    let namespace = role.metadata.namespace.as_deref().unwrap_or_default();
    let account = ctx.cluster.account(&role.spec.account_ref.name);
    let (account, namespace) = tokio::try_join!(account, ctx.cluster.namespace(namespace))?;
    let managers = match role.spec.role.lifecycle {
        Lifecycle::Create => Vec::new(),
        Lifecycle::Adopt | Lifecycle::Observe => ctx.cluster.accounts().await?.values().flat_map(managers).collect(),
    };
    Ok(Surroundings { account, namespace, managers })
}

fn managers(account: &AWSAccount) -> Vec<RoleArn> {
    account.spec.access.chain.iter().filter_map(|hop| RoleArn::parse(&hop.role_arn).ok()).collect()
}

/// Reads the declared Secret.
pub async fn secret(ctx: &Context, role: &CrossAccountRole, desired: &Desired) -> Result<ObservedSecret, Error> {
    Ok(ctx.cluster.secret(role, &desired.secret.name).await?)
}

/// A role as far as it had to be looked at.
#[derive(Clone, Debug)]
pub enum RoleView {
    /// It was as declared when last compared, and no comparison is due.
    AsDeclared,
    /// It was read.
    Read(Box<Option<IamRoleState>>),
    /// It could not be read.
    Unreadable(Verdict),
}

/// What is needed of a role to assume it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownRole {
    /// Its ARN.
    pub arn: RoleArn,
    /// Its unique id.
    pub id: String,
}

impl KnownRole {
    /// What status remembers.
    pub fn from_status(role: &CrossAccountRole) -> Option<Self> {
        let known = role.status.as_ref()?.role.as_ref()?;
        Some(Self { arn: RoleArn::parse(known.arn.as_deref()?).ok()?, id: known.id.clone()? })
    }
}

/// Digest of what a role is compared with, so that a change of the account's guardrails or of the operator's own
/// principal is seen without a change of the object. Status keeps it, so that a restart neither misses one nor reads anew.
pub fn fingerprint(desired: &Desired) -> String {
    digest_hex(&[format!("{:?}", desired.role).as_bytes()])
}

/// Reads the role if a comparison is due: for a new generation, after an unexplained denial, for another declaration than
/// last time, or because it is time to look for drift.
pub async fn role(ctx: &Context, role: &CrossAccountRole, desired: &Desired, now: Timestamp) -> RoleView {
    let uid = &desired.object.uid;
    let memo = ctx.memory.of(uid);
    let conditions = role.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let known = role.status.as_ref().and_then(|status| status.role.clone()).unwrap_or_default();
    let denied_until = known.denied_before.map(|time| time.0);
    let settled = is_true_for(conditions, ConditionType::RoleReady, role.metadata.generation)
        && !memo.look_again
        && !revocation_is_due(desired.requests.revoke, denied_until, now)
        && known.declaration_hash.is_none_or(|last| last == fingerprint(desired))
        && now < ctx.memory.next_look(uid, ctx.drift_interval);
    if settled && KnownRole::from_status(role).is_some() {
        return RoleView::AsDeclared;
    }
    read(ctx, desired).await
}

async fn read(ctx: &Context, desired: &Desired) -> RoleView {
    let iam = match ctx.gateway.enter(&desired.access).await {
        Ok(iam) => iam,
        Err(failure) => {
            ctx.suspect_account(&desired.access.name);
            let mut verdict = verdict(Work::Enter, &failure.failure, Circumstances::default());
            verdict.message = format!("cannot enter AWSAccount {}: {}", desired.access.name, verdict.message);
            return RoleView::Unreadable(verdict);
        }
    };
    match read_role(iam.as_ref(), &desired.role_arn.name).await {
        Ok(state) => RoleView::Read(Box::new(state)),
        Err(failure) => {
            ctx.gateway.forget_if_stale(&desired.access, &failure);
            RoleView::Unreadable(managing(&desired.access, &desired.role_arn, &failure, Circumstances::default()))
        }
    }
}

/// A role with all its policies.
pub async fn read_role(iam: &dyn Iam, name: &RoleName) -> Result<Option<IamRoleState>, AwsFailure> {
    let Some(role) = iam.get_role(name).await? else { return Ok(None) };
    let attached = iam.attached_policies(name).await?.into_iter().collect();
    let mut inline = std::collections::BTreeMap::new();
    for policy in iam.inline_policy_names(name).await? {
        let document = iam.inline_policy(name, &policy).await?;
        inline.insert(policy, document);
    }
    Ok(Some(IamRoleState { role, attached, inline }))
}
