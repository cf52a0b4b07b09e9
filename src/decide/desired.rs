//! The declaration, parsed once into values that cannot be wrong. Later code never sees the raw specification.

use std::collections::BTreeMap;

use super::guardrails::guardrails;
use super::policies::{document, policies, policy_arn};
use super::requests::Requests;
use super::secret::DesiredSecret;
use super::trust::{principals, trust_policy};
use super::{Refusal, account};
use crate::api::{
    AWSAccount, AWSAccountSpec, CrossAccountRole, CrossAccountRoleSpec, DeletionPolicy, Lifecycle, Reason, SessionSpec,
    tag,
};
use crate::domain::{
    AccountAccess, BaseIdentity, DesiredRole, ExternalId, ObjectIdentity, RoleArn, RoleName, RolePath, RoleSettings,
    RoleTags, SessionName, SessionRequest,
};

/// Everything one object asks for.
///
/// Role and session are apart, so that a mistake in one never stops the other: a malformed inline policy must not let
/// good credentials run out.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Which object.
    pub object: ObjectIdentity,
    /// The way into the account.
    pub access: AccountAccess,
    /// ARN that a new role would get. One that exists may have another path.
    pub role_arn: RoleArn,
    /// External id of this object.
    pub external_id: ExternalId,
    /// Session name of this object.
    pub session_name: SessionName,
    /// How much of the role is ours.
    pub lifecycle: Lifecycle,
    /// What its annotations ask for.
    pub requests: Requests,
    /// The role, unless its part of the declaration is refused.
    pub role: Result<DesiredRole, Refusal>,
    /// The session, unless its part of the declaration is refused.
    pub session: Result<SessionRequest, Refusal>,
    /// The declared `renewBeforeSeconds`.
    pub renew_before_seconds: Option<u32>,
    /// The Secret.
    pub secret: DesiredSecret,
}

/// Parses a declaration, and refuses as a whole what may not be at all.
pub fn desired(
    role: &CrossAccountRole,
    object: ObjectIdentity,
    account: &AWSAccount,
    base: &BaseIdentity,
) -> Result<Desired, Refusal> {
    let access = account::access(account)?;
    let session = session(&role.spec.session, &object, base);
    let desired_role = desired_role(&role.spec, &account.spec, &object, &access, base, session.as_ref().ok());
    if let Err(refusal) = &desired_role
        && refusal.reason == Reason::NotAllowed
    {
        return Err(refusal.clone());
    }
    let secret = DesiredSecret::of(&role.spec.secret, &object.name, access.region.clone())?;
    let role_arn = role_arn(&role.spec, &account.spec, &object, &access)?;
    Ok(Desired {
        role_arn,
        lifecycle: role.spec.role.lifecycle,
        requests: Requests::of(role),
        external_id: ExternalId::of(&object),
        session_name: SessionName::of(&object),
        role: desired_role,
        session,
        renew_before_seconds: role.spec.session.renew_before_seconds,
        secret,
        object,
        access,
    })
}

/// What becomes of the role when the object is deleted: the object's word, else the account's.
#[must_use]
pub fn deletion_policy(spec: &CrossAccountRoleSpec, account: Option<&AWSAccount>) -> DeletionPolicy {
    spec.role.deletion_policy.unwrap_or_else(|| account.map(|a| a.spec.deletion_policy).unwrap_or_default())
}

/// ARN of the role that the declaration names.
pub fn role_arn(
    spec: &CrossAccountRoleSpec,
    account: &AWSAccountSpec,
    object: &ObjectIdentity,
    access: &AccountAccess,
) -> Result<RoleArn, Refusal> {
    let invalid = |field: &str, error: String| Refusal::new(Reason::InvalidSpec, format!("{field}: {error}"));
    let name = spec.role.name.clone().unwrap_or_else(|| object.default_role_name());
    let path = &account.guardrails.role_path;
    Ok(RoleArn {
        partition: access.region.partition(),
        account: access.id.clone(),
        path: RolePath::parse(path).map_err(|e| invalid("AWSAccount spec.guardrails.rolePath", e.to_string()))?,
        name: RoleName::parse(&name).map_err(|e| invalid("spec.role.name", e.to_string()))?,
    })
}

fn desired_role(
    spec: &CrossAccountRoleSpec,
    account: &AWSAccountSpec,
    object: &ObjectIdentity,
    access: &AccountAccess,
    base: &BaseIdentity,
    session: Option<&SessionRequest>,
) -> Result<DesiredRole, Refusal> {
    let RoleArn { partition, path, name, .. } = role_arn(spec, account, object, access)?;
    let (declared, principals) = (policies(&spec.role), principals(&spec.trust));
    let rules = &account.guardrails;
    guardrails(rules, spec, declared.as_ref().ok(), principals.as_deref().ok(), partition)?;
    let (declared, principals) = (declared?, principals?);
    let boundary = account.guardrails.permissions_boundary.as_deref();
    let boundary = boundary.map(|arn| policy_arn("AWSAccount spec.guardrails.permissionsBoundary", arn)).transpose()?;
    Ok(DesiredRole {
        path,
        name,
        trust: trust_policy(&base.principal_arn, &ExternalId::of(object), session, &principals, &spec.trust)?,
        settings: RoleSettings {
            description: spec.role.description.clone().filter(|text| !text.is_empty()),
            max_session_seconds: max_session(spec, session)?,
        },
        boundary,
        tags: tags(&spec.role.tags, object)?,
        managed: declared.managed,
        inline: declared.inline,
    })
}

/// What the declaration says, or more where the session asks for more: AWS refuses a session longer than its role allows.
fn max_session(spec: &CrossAccountRoleSpec, session: Option<&SessionRequest>) -> Result<i32, Refusal> {
    let declared = seconds("spec.role.maxSessionDurationSeconds", spec.role.max_session_duration_seconds, 3600)?;
    Ok(session.map_or(declared, |session| session.duration_seconds.max(declared)))
}

fn tags(declared: &BTreeMap<String, String>, object: &ObjectIdentity) -> Result<RoleTags, Refusal> {
    let reserved = |key: &&String| key.starts_with(tag::RESERVED_PREFIX) || key.to_lowercase().starts_with("aws:");
    if let Some(key) = declared.keys().find(reserved) {
        let told = format!("spec.role.tags: {key} begins with a reserved prefix (aws: or {})", tag::RESERVED_PREFIX);
        return Err(Refusal::new(Reason::InvalidSpec, told));
    }
    let mut tags = declared.clone();
    tags.extend(object.role_tags());
    Ok(tags)
}

/// The longest session of a chained role, in seconds (STS API reference, `AssumeRole`, "role chaining").
const CHAINED_MAX: u32 = 3600;

fn session(spec: &SessionSpec, object: &ObjectIdentity, base: &BaseIdentity) -> Result<SessionRequest, Refusal> {
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
        let told = format!(
            "spec.session.durationSeconds is {duration_seconds}, but the operator itself runs on a role session ({base}), and \
             AWS limits chained sessions to {CHAINED_MAX}; lower it, or run the operator as an IAM user"
        );
        return Err(Refusal::new(Reason::RoleChainingLimit, told));
    }
    if let Some(lead) = renew_before_seconds.filter(|lead| lead >= duration_seconds) {
        let told =
            format!("spec.session.renewBeforeSeconds ({lead}) must be less than durationSeconds ({duration_seconds})");
        return Err(Refusal::new(Reason::InvalidSpec, told));
    }
    let mut tags = tags.clone();
    if *kubernetes_tags {
        tags.extend(object.role_tags().into_iter().filter(|(key, _)| key != tag::UID));
    }
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

fn seconds(field: &str, value: u32, min: i32) -> Result<i32, Refusal> {
    i32::try_from(value)
        .ok()
        .filter(|v| (min..=43_200).contains(v))
        .ok_or_else(|| Refusal::new(Reason::InvalidSpec, format!("{field} is {value}; write {min} to 43200")))
}

#[cfg(test)]
mod tests;
