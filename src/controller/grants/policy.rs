//! The inline policy of one principal: made as all objects together declare it, and by one reconcile at a time.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use crate::api::{AWSAccount, ConditionType, CrossAccountRole, Reason, SourceGrant};
use crate::aws::{GranteeIam, InlinePolicy};
use crate::controller::Error;
use crate::controller::context::Context;
use crate::decide::account;
use crate::decide::conditions::find;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::grants::policy::{document, fitting};
use crate::decide::grants::{Declared, Line, grantee, wanted};
use crate::decide::retry::Retry;
use crate::domain::{AccountAccess, AwsFailure, FailureKind, Grantee, GranteeKey};

/// How often a policy is made anew because the objects changed meanwhile, before others have their turn.
const ROUNDS: usize = 10;

/// Whose turn it is with the policy of a principal. Within this process only: between processes the order of listing and
/// writing is enough, see [`Principal::settle`].
#[derive(Debug, Default)]
pub struct Turns(Mutex<HashMap<GranteeKey, Arc<AsyncMutex<()>>>>);

impl Turns {
    async fn wait_for(&self, grantee: &Grantee) -> OwnedMutexGuard<()> {
        let turn = {
            // A panic while locked leaves the map whole: every change is a single insert or remove.
            let mut turns = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| Arc::strong_count(turn) > 1); // nobody has or awaits it
            Arc::clone(turns.entry(grantee.key()).or_default())
        };
        turn.lock_owned().await
    }
}

/// A principal in an account that was entered.
pub struct Principal {
    /// Which one.
    pub grantee: Grantee,
    /// Its ARN, as IAM reports it.
    pub arn: String,
    access: AccountAccess,
    iam: Arc<dyn GranteeIam>,
}

/// How the policy stands afterwards.
pub struct Settled {
    /// All lines, in the order in which they were asked for.
    pub lines: Vec<Line>,
    /// How many of them, from the first on, are in place.
    pub fitting: usize,
    /// Whether it was written.
    pub written: bool,
}

impl Principal {
    /// Enters the account of a grant and looks the principal up; none if there is no such principal.
    pub async fn find(
        ctx: &Context,
        grant: &SourceGrant,
        account: &AWSAccount,
    ) -> Result<Result<Self, Missing>, Verdict> {
        let grantee = grantee(grant, account)?;
        let access = account::access(account)?;
        let iam = ctx.gateway.enter_for_grants(&access).await.map_err(|failure| {
            ctx.suspect_account(&access.name);
            let verdict = verdict(Work::Enter, &failure.failure, Circumstances::default());
            Verdict { message: format!("cannot enter AWSAccount {}: {}", access.name, verdict.message), ..verdict }
        })?;
        let found = iam.principal_arn(&grantee).await.map_err(|failure| told(ctx, &access, &grantee, &failure))?;
        Ok(match found {
            Some(arn) => Ok(Self { grantee, arn, access, iam }),
            None => Err(Missing(missing(&access, &grantee))),
        })
    }

    /// Brings the policy to what all objects declare, and writes only if what is there means something else.
    ///
    /// What is declared is read from the API server, and after each write read again: whoever writes last, be it another
    /// process, has looked after its write, so no line is lost and none stays.
    pub async fn settle(&self, ctx: &Context, policy: &str) -> Result<Result<Settled, Verdict>, Error> {
        let _turn = ctx.turns.wait_for(&self.grantee).await;
        let mut written = false;
        let mut declared = declared(ctx).await?;
        for _ in 0..ROUNDS {
            let lines = wanted(&self.grantee, &self.arn, policy, &declared);
            let (fitting, wrote) = match self.make(policy, &lines).await {
                Ok(made) => made,
                Err(failure) => return Ok(Err(told(ctx, &self.access, &self.grantee, &failure))),
            };
            if !wrote {
                return Ok(Ok(Settled { lines, fitting, written }));
            }
            written = true;
            ctx.wake_roles(waiting(&declared, &lines[..fitting]));
            declared = self::declared(ctx).await?;
            if wanted(&self.grantee, &self.arn, policy, &declared) == lines {
                return Ok(Ok(Settled { lines, fitting, written }));
            }
        }
        let message = format!("the objects that grant to {} keep changing; looking again", self.grantee);
        Ok(Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon }))
    }

    /// Writes the policy if it differs. Says how many lines are in it, and whether it was written.
    ///
    /// Where IAM finds it too large although it is within the quota, other inline policies have their share: then the
    /// last line is left out, until it fits or is what is there already.
    async fn make(&self, policy: &str, lines: &[Line]) -> Result<(usize, bool), AwsFailure> {
        let present = self.iam.policy(&self.grantee, policy).await?;
        let mut fitting = fitting(lines, self.grantee.kind());
        loop {
            if fitting == 0 {
                return match present {
                    InlinePolicy::Absent => Ok((0, false)),
                    _ => self.iam.delete_policy(&self.grantee, policy).await.map(|()| (0, true)),
                };
            }
            let document = document(&lines[..fitting]).map_err(|error| unwritable(&error.to_string()))?;
            if matches!(&present, InlinePolicy::Present(present) if *present == document) {
                return Ok((fitting, false));
            }
            match self.iam.put_policy(&self.grantee, policy, &document).await {
                Err(failure) if failure.kind == FailureKind::LimitExceeded => fitting -= 1,
                other => return other.map(|()| (fitting, true)),
            }
        }
    }
}

/// There is no such principal, and what to say about it.
pub struct Missing(pub Verdict);

fn missing(access: &AccountAccess, grantee: &Grantee) -> Verdict {
    let message =
        format!("there is no {grantee} (AWSAccount {}); create it, or correct spec.sourceGrants", access.name);
    Verdict { reason: Reason::PrincipalNotFound, message, retry: Retry::Slow }
}

/// What a failed call on a principal means.
fn told(ctx: &Context, access: &AccountAccess, grantee: &Grantee, failure: &AwsFailure) -> Verdict {
    ctx.gateway.forget_if_stale(access, failure);
    if failure.kind == FailureKind::NotFound {
        return missing(access, grantee);
    }
    let verdict = verdict(Work::Manage, failure, Circumstances::default());
    Verdict { message: format!("{grantee} (AWSAccount {}): {}", access.name, verdict.message), ..verdict }
}

fn unwritable(what: &str) -> AwsFailure {
    AwsFailure {
        service: "iam",
        operation: "PutPolicy",
        kind: FailureKind::MalformedPolicy,
        code: "not sent".to_owned(),
        message: what.to_owned(),
    }
}

/// What the API server holds now. Other shards of this operator give permissions to the same principals, so it is not what
/// this one watches.
async fn declared(ctx: &Context) -> Result<Declared, Error> {
    let roles = ctx.roles_where(|role| !role.spec.source_grants.is_empty()).await?;
    let mut namespaces = BTreeMap::new();
    for name in roles.iter().filter_map(ResourceExt::namespace) {
        if !namespaces.contains_key(&name) {
            namespaces.insert(name.clone(), ctx.cluster.namespace(&name).await?);
        }
    }
    Ok(Declared { roles, accounts: ctx.cluster.accounts().await?, namespaces })
}

/// Objects that were told that there is no room, and that have a place now.
fn waiting(declared: &Declared, placed: &[Line]) -> Vec<ObjectRef<CrossAccountRole>> {
    let told_full = |role: &&CrossAccountRole| {
        let conditions = role.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
        find(conditions, ConditionType::SourceGrantsReady).is_some_and(|c| c.reason == Reason::LimitExceeded.as_str())
    };
    let has_place = |role: &&CrossAccountRole| placed.iter().any(|line| Some(&line.uid) == role.metadata.uid.as_ref());
    declared.roles.iter().filter(has_place).filter(told_full).map(ObjectRef::from_obj).collect()
}
