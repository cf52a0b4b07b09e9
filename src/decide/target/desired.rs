//! The declaration, parsed once into values that cannot be wrong. Later code never sees the raw specification.

use super::fields::{self, invalid, seconds};
use super::partition::{role_in_one, session_in_one};
use super::policies::{DesiredPolicies, document, policies, policy_arn};
use super::requests::Requests;
use super::role_location::RoleLocation;
use crate::api::{AWSAccount, CrossAccountRole, Lifecycle, Reason, RoleSpec, SessionSpec};
use crate::decide::Refusal;
use crate::decide::account::partition::{guardrails_in_one, operator_reaches, trusts_can_name};
use crate::decide::credentials::secret::DesiredSecret;
use crate::decide::role::trust::{principals, trust_policy};
use crate::domain::tag;
use crate::domain::{BaseIdentity, DesiredRole, RoleSettings, SessionRequest};

/// Everything one object asks for.
///
/// Role and session are apart, so that a mistake in one never stops the other: a malformed inline policy must not let
/// good credentials run out.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Which object, which account and which role.
    pub at: RoleLocation,
    /// How much of the role is the operator's.
    pub lifecycle: Lifecycle,
    /// What the annotations ask for.
    pub requests: Requests,
    /// The role, unless its part of the declaration is refused.
    pub role: Result<DesiredRole, Refusal>,
    /// The session, unless its part of the declaration is refused.
    pub session: Result<SessionRequest, Refusal>,
    /// The Secret.
    pub secret: DesiredSecret,
}

/// Parses a declaration. Refuses it as a whole where the operator cannot reach the account, and where the Secret is not valid:
/// without it nothing could be published.
pub fn desired(
    role: &CrossAccountRole,
    account: &AWSAccount,
    at: RoleLocation,
    base: &BaseIdentity,
) -> Result<Desired, Refusal> {
    fields::object_name("spec.accountRef.name", &role.spec.account_ref.name)?;
    operator_reaches(&at.access, base)?;
    let session = session(&role.spec.session, &at, base);
    let secret = DesiredSecret::of(&role.spec.secret, &at.object.name, at.access.region.clone())?;
    Ok(Desired {
        lifecycle: role.spec.role.lifecycle,
        requests: Requests::of(role),
        role: desired_role(role, account, &at, base, session.as_ref().ok()),
        session,
        secret,
        at,
    })
}

fn desired_role(
    role: &CrossAccountRole,
    account: &AWSAccount,
    at: &RoleLocation,
    base: &BaseIdentity,
    session: Option<&SessionRequest>,
) -> Result<DesiredRole, Refusal> {
    let spec = &role.spec;
    fields::at_most("spec.sourceGrants", spec.source_grants.len(), 20)?;
    fields::at_most("spec.rolloutRestarts", spec.rollout_restarts.len(), 20)?;
    guardrails_in_one(account)?;
    trusts_can_name(&at.access, base)?;
    role_in_one(at.role_arn.partition, spec)?;
    let DesiredPolicies { managed, inline } = policies(&spec.role)?;
    let principals = principals(&spec.trust)?;
    let boundary = account.spec.guardrails.permissions_boundary.as_deref();
    let boundary = boundary.map(|arn| policy_arn("AWSAccount spec.guardrails.permissionsBoundary", arn)).transpose()?;
    fields::tags("spec.role.tags", &spec.role.tags, 45)?;
    let mut tags = spec.role.tags.clone();
    tags.extend(at.object.role_tags());
    Ok(DesiredRole {
        account: at.role_arn.account.clone(),
        partition: at.role_arn.partition,
        path: at.role_arn.path.clone(),
        name: at.role_arn.name.clone(),
        trust: trust_policy(&base.principal_arn, &at.external_id, session, &principals, &spec.trust)?,
        settings: settings(&spec.role, session)?,
        boundary,
        tags,
        managed,
        inline,
    })
}

/// The longest session is what the declaration says, or more where the session asks for more: AWS refuses a session longer
/// than its role allows.
fn settings(spec: &RoleSpec, session: Option<&SessionRequest>) -> Result<RoleSettings, Refusal> {
    let declared = seconds("spec.role.maxSessionDurationSeconds", spec.max_session_duration_seconds, 3600)?;
    let description = spec.description.clone().filter(|text| !text.is_empty());
    description.as_deref().map_or(Ok(()), fields::description)?;
    let max_session_seconds = session.map_or(declared, |session| session.duration_seconds.max(declared));
    Ok(RoleSettings { description, max_session_seconds })
}

/// The longest session of a chained role, in seconds (STS API reference, `AssumeRole`, "role chaining").
const CHAINED_MAX: u32 = 3600;

fn session(spec: &SessionSpec, at: &RoleLocation, base: &BaseIdentity) -> Result<SessionRequest, Refusal> {
    session_in_one(at.role_arn.partition, spec)?;
    let SessionSpec {
        duration_seconds,
        renew_before_seconds,
        tags,
        transitive_tag_keys,
        kubernetes_tags,
        source_identity,
        policy,
        policy_arns,
    } = spec;
    if base.is_role_session() && *duration_seconds > CHAINED_MAX {
        let message = format!(
            "spec.session.durationSeconds is {duration_seconds}, but the operator itself runs on a role session ({base}), and \
             AWS limits chained sessions to {CHAINED_MAX}; lower it, or run the operator as an IAM user"
        );
        return Err(Refusal::new(Reason::RoleChainingLimit, message));
    }
    if let Some(lead) = renew_before_seconds.filter(|lead| *lead < 300 || lead >= duration_seconds) {
        let advice = format!("{lead} is not between 300 and durationSeconds ({duration_seconds})");
        return Err(invalid("spec.session.renewBeforeSeconds", advice));
    }
    fields::tags("spec.session.tags", tags, if *kubernetes_tags { 47 } else { 50 })?;
    let mut tags = tags.clone();
    if *kubernetes_tags {
        tags.extend(at.object.role_tags().into_iter().filter(|(key, _)| key != tag::UID));
    }
    if let Some(key) = transitive_tag_keys.iter().find(|key| !tags.contains_key(*key)) {
        return Err(invalid("spec.session.transitiveTagKeys", format!("{key} is not a key of session.tags")));
    }
    if let Some(identity) = source_identity {
        fields::name("spec.session.sourceIdentity", identity, 2..=64, "")?;
    }
    fields::at_most("spec.session.policyArns", policy_arns.len(), 10)?;
    fields::at_most("spec.session.transitiveTagKeys", transitive_tag_keys.len(), 50)?;
    let arn = |(index, arn): (usize, &String)| policy_arn(&format!("spec.session.policyArns[{index}]"), arn);
    Ok(SessionRequest {
        duration_seconds: seconds("spec.session.durationSeconds", *duration_seconds, 900)?,
        tags,
        transitive_tag_keys: transitive_tag_keys.clone(),
        source_identity: source_identity.clone(),
        policy: policy.as_ref().map(|p| document("spec.session.policy", p).map(|d| d.to_json())).transpose()?,
        policy_arns: policy_arns.iter().enumerate().map(arn).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests;
