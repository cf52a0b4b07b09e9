//! Who gives a principal permission: computed as a whole from all objects, never from what was there before.

pub mod policy;
pub mod remembered;

use std::collections::{BTreeMap, HashSet};

use jiff::Timestamp;

use super::Refusal;
use super::account::access;
use super::allowed::{Namespace, allowed};
use crate::api::{AWSAccount, CrossAccountRole, Reason, SourceGrant, SourceGrantStatus};
use crate::domain::{Grantee, GranteeKind, RoleArn, default_role_name, glob_covers};

/// What the API server holds, as far as it decides about grants.
#[derive(Clone, Debug, Default)]
pub struct Declared {
    /// The objects that grant something.
    pub roles: Vec<CrossAccountRole>,
    /// All accounts, by name.
    pub accounts: BTreeMap<String, AWSAccount>,
    /// The namespaces of the objects, by name.
    pub namespaces: BTreeMap<String, Namespace>,
}

/// One role that a principal may assume, and for whom. In the order in which they were asked for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Since when it is asked for.
    pub since: Timestamp,
    /// When the object was created, in which order lines stand that were asked for in the same second.
    pub created: Timestamp,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object.
    pub uid: String,
    /// The role.
    pub role_arn: String,
}

/// The principal that a grant names in its account.
pub fn grantee(grant: &SourceGrant, account: &AWSAccount) -> Result<Grantee, Refusal> {
    let SourceGrant { account_ref: _, user, group, role } = grant;
    let invalid = |told: String| Refusal::new(Reason::InvalidSpec, format!("spec.sourceGrants: {told}"));
    let (kind, name) = match (user, group, role) {
        (Some(name), None, None) => (GranteeKind::User, name),
        (None, Some(name), None) => (GranteeKind::Group, name),
        (None, None, Some(name)) => (GranteeKind::Role, name),
        _ => return Err(invalid("name exactly one of user, group and role".into())),
    };
    let grantee = Grantee::new(access(account)?.id, kind, name);
    grantee.ok_or_else(|| invalid(format!("{name:?} is not the name of a {kind}; write it without its path")))
}

/// Checks that the platform team lets this namespace give permissions in the account at all.
pub fn permitted<'a>(
    grant: &SourceGrant,
    account: Option<&'a AWSAccount>,
    namespace: &Namespace,
) -> Result<&'a AWSAccount, Refusal> {
    let name = &grant.account_ref.name;
    if account.is_none() {
        let told = format!(
            "there is no AWSAccount {name}; ask the platform team for it, or correct the accountRef in spec.sourceGrants"
        );
        return Err(Refusal::new(Reason::NotAllowed, told));
    }
    allowed(name, account, namespace)
}

/// Checks that tenants may name this principal. It is judged by the ARN that IAM reports, since its path is not declared.
pub fn covered(account: &AWSAccount, principal_arn: &str) -> Result<(), Refusal> {
    let Some(globs) = &account.spec.guardrails.grantees else { return Ok(()) };
    if globs.iter().any(|glob| glob_covers(glob, principal_arn)) {
        return Ok(());
    }
    let name = account.metadata.name.as_deref().unwrap_or_default();
    let told = format!(
        "spec.sourceGrants: {principal_arn} matches none of guardrails.grantees of AWSAccount {name}; ask the platform team to \
         add it"
    );
    Err(Refusal::new(Reason::NotAllowed, told))
}

/// Checks that an ARN is that of the object's own role, and means nothing but that role inside a policy: IAM takes `*`, `?`
/// and `$` in the path of a role that somebody else made, and in a policy they are wildcards and variables.
pub fn own_role(role: &CrossAccountRole, account: &AWSAccount, role_arn: &str) -> Result<(), Refusal> {
    let metadata = &role.metadata;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let default = default_role_name(&text(&metadata.namespace), &text(&metadata.name));
    let name = role.spec.role.name.as_ref().unwrap_or(&default);
    let own = RoleArn::parse(role_arn).is_ok_and(|arn| {
        arn.account.as_str() == account.spec.account_id && arn.name.as_str().eq_ignore_ascii_case(name)
    });
    if own && !role_arn.contains(['*', '?', '$']) {
        return Ok(());
    }
    let told = format!("{role_arn} cannot be granted: it is not a plain ARN of role {name} in this account");
    Err(Refusal::new(Reason::NotSupported, told))
}

/// Every role that a principal may assume by the inline policy of this name, in the order in which they were asked for.
///
/// A grant counts while its object remembers it with a role and is not being deleted, while its specification still has
/// it, and while both accounts let its namespace in. Being remembered comes first, so that whoever writes a line, the
/// object that it is for knows to take it back.
#[must_use]
pub fn wanted(grantee: &Grantee, principal_arn: &str, policy: &str, declared: &Declared) -> Vec<Line> {
    let lines = declared.roles.iter().filter_map(|role| lines(role, grantee, principal_arn, policy, declared));
    let mut lines: Vec<Line> = lines.flatten().collect();
    lines.sort_unstable();
    let mut seen = HashSet::new();
    lines.retain(|line| seen.insert(line.role_arn.clone()));
    lines
}

fn lines<'a>(
    role: &'a CrossAccountRole,
    principal: &'a Grantee,
    principal_arn: &'a str,
    policy: &'a str,
    declared: &'a Declared,
) -> Option<impl Iterator<Item = Line> + 'a> {
    let namespace = declared.namespaces.get(role.metadata.namespace.as_deref()?)?;
    let own_account = &role.spec.account_ref.name;
    let own_account = allowed(own_account, declared.accounts.get(own_account), namespace).ok()?;
    let uid = role.metadata.uid.as_ref()?;
    if role.metadata.deletion_timestamp.is_some() {
        return None;
    }
    let remembered = role.status.as_ref()?.source_grants.iter();
    Some(remembered.filter(move |entry| entry.policy == policy).filter_map(move |entry| {
        let grant = entry.grant();
        let account = permitted(&grant, declared.accounts.get(&grant.account_ref.name), namespace).ok()?;
        let counts = role.spec.source_grants.contains(&grant)
            && grantee(&grant, account).ok()?.key() == principal.key()
            && covered(account, principal_arn).is_ok()
            && own_role(role, own_account, entry.role_arn.as_ref()?).is_ok();
        counts.then_some(())?;
        Some(Line {
            since: entry.since.as_ref().map_or(Timestamp::MAX, |time| time.0),
            created: role.metadata.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0),
            namespace: namespace.name.clone(),
            name: role.metadata.name.clone()?,
            uid: uid.clone(),
            role_arn: entry.role_arn.clone()?,
        })
    }))
}

/// Whether an object remembers exactly what it declares, and the platform team still permits all of it, as far as that can
/// be told without AWS.
#[must_use]
pub fn remembers_all(
    role: &CrossAccountRole,
    role_arn: &str,
    policy: &str,
    accounts: &BTreeMap<String, AWSAccount>,
    namespace: &Namespace,
) -> bool {
    let remembered = role.status.as_ref().map(|status| status.source_grants.as_slice()).unwrap_or_default();
    let declared = &role.spec.source_grants;
    let good = |entry: &SourceGrantStatus| {
        let grant = entry.grant();
        let account = permitted(&grant, accounts.get(&grant.account_ref.name), namespace).ok();
        declared.contains(&grant)
            && entry.policy == policy
            && entry.role_arn.as_deref() == Some(role_arn)
            && account
                .is_some_and(|account| covered(account, entry.principal_arn.as_deref().unwrap_or_default()).is_ok())
    };
    declared.iter().all(|grant| remembered.iter().any(|entry| entry.grant() == *grant)) && remembered.iter().all(good)
}

#[cfg(test)]
mod tests;
