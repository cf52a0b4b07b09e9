//! Permission is gone: so is access.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::context::Context;
use super::observe::Surroundings;
use super::{Error, grants, publish};
use crate::api::{ConditionType, CrossAccountRole, Reason, TrustSpec};
use crate::cluster::Notice;
use crate::decide::conditions::find;
use crate::decide::desired::role_arn;
use crate::decide::explain::managing;
use crate::decide::failure::{Circumstances, Verdict, Work, verdict};
use crate::decide::revocation::{DENY_OLDER_SESSIONS, deny_older_sessions, moment_of_denial};
use crate::decide::role_plan::owned;
use crate::decide::status::{Outcome, Report};
use crate::decide::trust::trust_policy;
use crate::decide::{Refusal, account};
use crate::domain::{ExternalId, ObjectIdentity};

/// Takes away what the object has, and then what it gave: its source grants.
pub async fn run(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
    refusal: Refusal,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<Report, Error> {
    let mut report = access(ctx, role, object, around, refusal.clone(), now, notices).await?;
    grants::end::on_withdrawal(ctx, role, &refusal, &mut report).await?;
    Ok(report)
}

/// Deletes the Secret, closes the trust policy to all but the operator, and denies the sessions that were issued so far.
/// `CredentialsReady=False Revoked` says that it is done; until then every reconcile tries again.
async fn access(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
    refusal: Refusal,
    now: Timestamp,
    notices: &mut Vec<Notice>,
) -> Result<Report, Error> {
    let report = Report {
        role: Outcome::Failing(refusal.clone().into()),
        credentials: Outcome::Failing(refusal.into()),
        ..Report::default()
    };
    let status = role.status.clone().unwrap_or_default();
    let Some(mut facts) = status.role else { return Ok(report) }; // there never was access
    ctx.cluster.delete_secret(role, &publish::secret_name(role)).await?;

    let done_before =
        find(&status.conditions, ConditionType::CredentialsReady).is_some_and(|c| c.reason == Reason::Revoked.as_str());
    if done_before {
        return Ok(Report { credentials: Outcome::Failing(revoked(facts.denied_before.is_some())), ..report });
    }
    match deny(ctx, role, object, around, now).await {
        Ok(until) => {
            facts.denied_before = until.map(Time).or(facts.denied_before);
            let revoked = revoked(facts.denied_before.is_some());
            notices.push(Notice::warning("Revoked", format!("Access was withdrawn: {}", revoked.message)));
            Ok(Report { credentials: Outcome::Failing(revoked), role_facts: Some(facts), ..report })
        }
        Err(verdict) => Ok(Report { credentials: Outcome::Failing(verdict), ..report }),
    }
}

fn revoked(denied: bool) -> Verdict {
    let told = if denied {
        "the Secret is gone, and sessions issued before are denied"
    } else {
        "the Secret is gone; sessions issued before end by themselves, since the role is not the operator's to write"
    };
    Refusal::new(Reason::Revoked, told).into()
}

/// Puts the denial on the role, if the role is there and ours. Gives the moment up to which sessions are denied.
///
/// Whose it is, the tags tell, and not the lifecycle: who makes a role and then declares that it is only observed must not
/// keep it so.
async fn deny(
    ctx: &Context,
    role: &CrossAccountRole,
    object: &ObjectIdentity,
    around: &Surroundings,
    now: Timestamp,
) -> Result<Option<Timestamp>, Verdict> {
    let Some(declared) = &around.account else {
        let told =
            "the Secret is gone, but older sessions could not be denied without the AWSAccount; they end by themselves";
        return Err(Refusal::new(Reason::NotAllowed, told).into());
    };
    let access = account::access(declared)?;
    let arn = role_arn(&role.spec, &declared.spec, object, &access)?;
    let circumstances = Circumstances::default();
    let iam = ctx.gateway.enter(&access).await.map_err(|f| verdict(Work::Enter, &f.failure, circumstances))?;
    let manage = |failure| managing(&access, &arn, &failure, circumstances);
    let Some(found) = iam.get_role(&arn.name).await.map_err(manage)? else { return Ok(None) };
    if owned(&found, object).is_err() {
        return Ok(None); // somebody else's: there were no sessions of ours
    }
    if let Ok(base) = ctx.base_identity() {
        // Declared principals could start new sessions, which no denial of older ones reaches.
        let closed = trust_policy(&base.principal_arn, &ExternalId::of(object), None, &[], &TrustSpec::default())?;
        if found.trust.as_ref() != Some(&closed) {
            iam.update_trust(&found.arn.name, &closed).await.map_err(manage)?;
        }
    }
    let until = moment_of_denial(now);
    let denial =
        deny_older_sessions(until).map_err(|e| Verdict::from(Refusal::new(Reason::InvalidSpec, e.to_string())))?;
    iam.put_inline(&found.arn.name, DENY_OLDER_SESSIONS, &denial).await.map_err(manage)?;
    Ok(Some(until))
}
