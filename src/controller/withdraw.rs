//! Permission is gone: so is access.

use jiff::Timestamp;

use super::context::Context;
use super::observe::Surroundings;
use super::{Error, publish};
use crate::api::{ConditionType, CrossAccountRole, Reason, TrustSpec};
use crate::cluster::Notice;
use crate::decide::conditions::find;
use crate::decide::desired::role_arn;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::revocation::deny_older_sessions;
use crate::decide::role_plan::{DENY_OLDER_SESSIONS, owned};
use crate::decide::status::{Outcome, Report};
use crate::decide::trust::trust_policy;
use crate::decide::{Refusal, account};
use crate::domain::{ExternalId, ObjectIdentity};

/// Deletes the Secret, closes the trust policy to all but the operator, and denies the sessions that were issued so far. `CredentialsReady=False Revoked` says that it is
/// done; until then every reconcile tries again.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
    refusal: Refusal,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<Report, Error> {
    let status = role.status.clone().unwrap_or_default();
    let had_access = status.role.is_some();
    let done_before =
        find(&status.conditions, ConditionType::CredentialsReady).is_some_and(|c| c.reason == Reason::Revoked.as_str());
    let mut credentials = Outcome::Failing(refusal.clone().into());
    if had_access {
        let secret = publish::published_before(role).map(|set| set.secret_name);
        let secret = secret.or_else(|| role.spec.secret.name.clone()).unwrap_or_else(|| object.name.clone());
        ctx.cluster.delete_secret(role, &secret).await?;
        credentials = if done_before {
            Outcome::Failing(revoked())
        } else {
            match deny(ctx, role, object, around, now).await {
                Ok(()) => {
                    notices.push(Notice::warning(
                        "Revoked",
                        "Access was withdrawn: the Secret is gone, older sessions are denied",
                    ));
                    Outcome::Failing(revoked())
                }
                Err(verdict) => Outcome::Failing(verdict),
            }
        };
    }
    Ok(Report { role: Outcome::Failing(refusal.into()), credentials, ..Report::default() })
}

fn revoked() -> Verdict {
    Refusal::new(Reason::Revoked, "The Secret is gone, and sessions issued before are denied").into()
}

/// Puts the denial on the role, if the role is there and ours.
async fn deny(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
    now: Timestamp,
) -> Result<(), Verdict> {
    let Some(declared) = &around.account else {
        let told =
            "the Secret is gone, but older sessions could not be denied without the AWSAccount; they end by themselves";
        return Err(Refusal::new(Reason::NotAllowed, told).into());
    };
    let access = account::access(declared)?;
    let name = role_arn(&role.spec, &declared.spec, object, &access)?.name;
    let circumstances = Circumstances::default();
    let iam = ctx.gateway.enter(&access).await.map_err(|f| verdict(Work::Enter, &f.failure, circumstances))?;
    let manage = |failure| verdict(Work::Manage, &failure, circumstances);
    let Some(found) = iam.get_role(&name).await.map_err(manage)? else { return Ok(()) };
    if owned(&found, object).is_err() {
        return Ok(()); // somebody else's: there were no sessions of ours
    }
    if let Ok(base) = ctx.base_identity() {
        // Declared principals could start new sessions, which no denial of older ones reaches.
        let closed = trust_policy(&base.principal_arn, &ExternalId::of(object), None, &[], &TrustSpec::default())?;
        if found.trust.as_ref() != Some(&closed) {
            iam.update_trust(&name, &closed).await.map_err(manage)?;
        }
    }
    let denial =
        deny_older_sessions(now).map_err(|e| Verdict::from(Refusal::new(Reason::InvalidSpec, e.to_string())))?;
    iam.put_inline(&name, DENY_OLDER_SESSIONS, &denial).await.map_err(manage)
}
