//! The inline policy of one principal: made as all objects together declare it, and once for all who ask at the same time.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason};
use crate::aws::InlinePolicy;
use crate::controller::Error;
use crate::controller::context::Context;
use crate::controller::manager::ManagedAccount;
use crate::controller::role::pass::Interrupt;
use crate::controller::state::principals::SyncedPolicy;
use crate::decide::account::access::access;
use crate::decide::failure::{Retry, Verdict};
use crate::decide::grants::policy::{Placed, declared_size, document, fitting, lines_of, room};
use crate::decide::grants::{Declared, Line, PolicyTarget, wanted};
use crate::decide::names::Name;
use crate::domain::{AccountAccess, FailureKind, Grantee, GranteeKind};

/// How often a policy is made anew because the objects changed meanwhile, before others have their turn.
const MAX_ROUNDS: usize = 10;

/// A principal in an account that can be entered.
#[derive(Clone, Debug)]
pub struct Principal {
    /// Which one.
    pub grantee: Grantee,
    /// Its ARN, as IAM reports it.
    pub arn: String,
    access: AccountAccess,
}

impl Principal {
    /// Enters the account of a principal and looks it up.
    pub async fn find(ctx: &Context, grantee: Grantee, account: &AWSAccount) -> Result<Self, Verdict> {
        let access = access(account)?;
        let manager = ManagedAccount::enter(ctx, &access).await?;
        match manager.principal_arn(&grantee).await? {
            Some(arn) => Ok(Self { grantee, arn, access }),
            None => Err(missing(&access, &grantee)),
        }
    }
}

/// Brings the policy of a principal to what all objects declare, and writes only if what is there means something else.
///
/// What is declared is read from the API server, and after each write read again: the last writer, in whichever process,
/// has looked after its write, so no line is lost and none stays.
pub async fn sync_policy(ctx: &Context, principal: &Principal, policy: &str) -> Result<Arc<SyncedPolicy>, Interrupt> {
    ctx.principals.of(&principal.grantee).get(async || sync_once(ctx, principal, policy).await).await
}

async fn sync_once(ctx: &Context, principal: &Principal, policy: &str) -> Result<SyncedPolicy, Interrupt> {
    let manager = ManagedAccount::enter(ctx, &principal.access).await?;
    let room = room(principal.grantee.kind(), declared_by_owner(ctx, &principal.grantee).await?);
    let mut written = false;
    let mut declared = declared(ctx).await?;
    for _ in 0..MAX_ROUNDS {
        let present = manager.policy_of(&principal.grantee, policy).await?;
        let current = match &present {
            InlinePolicy::Present(document) => lines_of(document),
            InlinePolicy::Absent | InlinePolicy::Unreadable => BTreeSet::new(),
        };
        let of = PolicyTarget { grantee: &principal.grantee, arn: &principal.arn, policy, current: &current };
        let lines = wanted(of, &declared);
        if lines.is_empty()
            && matches!(present, InlinePolicy::Absent)
            && ctx.principals.is_unsettled(of.grantee, ctx.now())
        {
            return Err(not_shown(of.grantee).into());
        }
        let (fitting, wrote) = write_if_different(&manager, of, &lines[..fitting(&lines, room)], &present).await?;
        if wrote {
            ctx.principals.wrote(of.grantee, fitting > 0, ctx.now());
        }
        if !wrote {
            return Ok(SyncedPolicy { placed: Placed { lines, fitting, room }, written });
        }
        written = true;
        ctx.wake_roles(waiting(&declared, &lines[..fitting]));
        declared = self::declared(ctx).await?;
        let placed: BTreeSet<String> = lines[..fitting].iter().map(|line| line.role_arn.clone()).collect();
        let again = wanted(PolicyTarget { current: &placed, ..of }, &declared);
        if again.iter().map(|line| &line.role_arn).eq(lines.iter().map(|line| &line.role_arn)) {
            return Ok(SyncedPolicy { placed: Placed { lines, fitting, room }, written });
        }
    }
    let message = format!("the objects that grant to {} keep changing; retrying", principal.grantee);
    Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon }.into())
}

/// Writes the policy if it differs. Says how many lines are in it, and whether it was written.
///
/// Where IAM finds it too large although it is within the quota, other inline policies have their share: then the last
/// line is left out, until it fits or is what is there already.
async fn write_if_different(
    manager: &ManagedAccount<'_>,
    of: PolicyTarget<'_>,
    lines: &[Line],
    present: &InlinePolicy,
) -> Result<(usize, bool), Verdict> {
    let mut fitting = lines.len();
    loop {
        if fitting == 0 {
            return match present {
                InlinePolicy::Absent => Ok((0, false)),
                _ => manager.delete_policy_of(of.grantee, of.policy).await.map(|()| (0, true)),
            };
        }
        let document = document(&lines[..fitting]).map_err(|error| Verdict {
            reason: Reason::InvalidSpec,
            message: format!("the policy of {} {error}", of.grantee),
            retry: Retry::OnChange,
        })?;
        if matches!(present, InlinePolicy::Present(present) if *present == document) {
            return Ok((fitting, false));
        }
        match manager.put_policy_of(of.grantee, of.policy, &document).await {
            Err(failure) if failure.kind == FailureKind::LimitExceeded => fitting -= 1,
            Err(failure) => return Err(failure.verdict),
            Ok(()) => return Ok((fitting, true)),
        }
    }
}

/// Size of what an object declares for this role, if the principal is a role of an object.
async fn declared_by_owner(ctx: &Context, grantee: &Grantee) -> Result<usize, Error> {
    if grantee.kind() != GranteeKind::Role {
        return Ok(0);
    }
    let name = Name::of_role(grantee.account().as_str(), grantee.name());
    let Some(owner) = ctx.names.owner(&name) else { return Ok(0) };
    Ok(ctx.cluster.role_of(&owner).await?.as_ref().map(declared_size).unwrap_or_default())
}

/// IAM may show a policy only some time after it was written, and until then its absence proves nothing.
fn not_shown(grantee: &Grantee) -> Verdict {
    let message =
        format!("IAM does not show the inline policy of {grantee}, which was written in the last two minutes");
    Verdict { reason: Reason::Progressing, message, retry: Retry::Soon }
}

fn missing(access: &AccountAccess, grantee: &Grantee) -> Verdict {
    let message =
        format!("{grantee} (AWSAccount {}) does not exist; create it, or correct spec.sourceGrants", access.name);
    Verdict { reason: Reason::PrincipalNotFound, message, retry: Retry::Slow }
}

/// What the API server holds now. Other shards of this operator give permissions to the same principals, so it is not what
/// this one watches. Objects whose access this process has closed do not count.
async fn declared(ctx: &Context) -> Result<Arc<Declared>, Error> {
    ctx.principals.declared.get(async || read_declared(ctx).await).await
}

async fn read_declared(ctx: &Context) -> Result<Declared, Error> {
    let closed = |role: &CrossAccountRole| role.uid().is_some_and(|uid| ctx.objects.of(&uid).closed.is_some());
    let roles = ctx.roles_where(|role| !role.spec.source_grants.is_empty() && !closed(role)).await?;
    let mut namespaces = BTreeMap::new();
    for name in roles.iter().filter_map(ResourceExt::namespace) {
        if !namespaces.contains_key(&name) {
            namespaces.insert(name.clone(), ctx.cluster.namespace(&name).await?);
        }
    }
    Ok(Declared { roles, accounts: ctx.cluster.accounts().await?, namespaces })
}

/// Objects that were refused for lack of room, and that have a place now.
fn waiting(declared: &Declared, placed: &[Line]) -> Vec<ObjectRef<CrossAccountRole>> {
    let was_full = |role: &&CrossAccountRole| role.has_reason(ConditionType::SourceGrantsReady, Reason::LimitExceeded);
    let has_place = |role: &&CrossAccountRole| placed.iter().any(|line| Some(&line.uid) == role.metadata.uid.as_ref());
    declared.roles.iter().filter(has_place).filter(was_full).map(ObjectRef::from_obj).collect()
}
