//! Who gives a principal permission: computed as a whole from all objects, never from what was there before.

pub mod ledger;
pub mod policy;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;

use super::account::access::access;
use super::account::allowed::{Namespace, allowed};
use super::target::fields;
use super::{Refusal, guardrails};
use crate::api::{AWSAccount, CrossAccountRole, Reason, SourceGrant, SourceGrantStatus};
use crate::domain::{Grantee, GranteeKind, Region, RoleArn, glob_covers};

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

/// One role that a principal may assume, and for whom. In the order in which they have a place: what stands in AWS keeps its
/// place, and then older objects come before younger ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line {
    /// Whether it is still to be written.
    pub is_new: bool,
    /// When the object was created.
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
    let SourceGrant { account_ref, user, group, role } = grant;
    fields::object_name("spec.sourceGrants: accountRef.name", &account_ref.name)?;
    let invalid = |message: String| Refusal::new(Reason::InvalidSpec, format!("spec.sourceGrants: {message}"));
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
pub fn check_grant_allowed<'a>(
    grant: &SourceGrant,
    account: Option<&'a AWSAccount>,
    namespace: &Namespace,
) -> Result<&'a AWSAccount, Refusal> {
    let name = &grant.account_ref.name;
    if account.is_none() {
        let message = format!(
            "there is no AWSAccount {name}; ask the platform team for it, or correct the accountRef in spec.sourceGrants"
        );
        return Err(Refusal::new(Reason::NotAllowed, message));
    }
    allowed(name, account, namespace)
}

/// Checks that tenants may name this principal. It is judged by the ARN that IAM reports, since its path is not declared.
pub fn check_grantee(account: &AWSAccount, principal_arn: &str) -> Result<(), Refusal> {
    let Some(globs) = &account.spec.guardrails.grantees else { return Ok(()) };
    if globs.iter().any(|glob| glob_covers(glob, principal_arn)) {
        return Ok(());
    }
    let name = account.metadata.name.as_deref().unwrap_or_default();
    let message = format!(
        "spec.sourceGrants: {principal_arn} matches none of guardrails.grantees of AWSAccount {name}; ask the platform team to \
         add it"
    );
    Err(Refusal::new(Reason::NotAllowed, message))
}

/// Checks that an ARN is that of the object's own role, and means nothing but that role inside a policy: IAM takes `*`, `?`
/// and `$` in the path of a role that somebody else made, and in a policy they are wildcards and variables.
pub fn own_role(role: &CrossAccountRole, account: &AWSAccount, role_arn: &str) -> Result<(), Refusal> {
    let name = role.iam_role_name();
    let own = RoleArn::parse(role_arn).is_ok_and(|arn| {
        let partition = Region::parse(&account.spec.region).map(|region| region.partition());
        arn.account.as_str() == account.spec.account_id
            && partition == Some(arn.partition)
            && arn.name.as_str().eq_ignore_ascii_case(&name)
    });
    if own && !role_arn.contains(['*', '?', '$']) {
        return Ok(());
    }
    let message = format!("{role_arn} cannot be granted: it is not a plain ARN of role {name} in this account");
    Err(Refusal::new(Reason::NotSupported, message))
}

/// What an inline policy of a principal is to say: which principal, which policy, and which roles it names in AWS now.
#[derive(Clone, Copy, Debug)]
pub struct PolicyTarget<'a> {
    /// The principal.
    pub grantee: &'a Grantee,
    /// Its ARN, as IAM reports it.
    pub arn: &'a str,
    /// Name of the policy.
    pub policy: &'a str,
    /// ARNs of the roles that the policy names in AWS.
    pub current: &'a BTreeSet<String>,
}

/// Every role that a principal may assume by the policy.
///
/// A grant counts while its object declares it and is not being deleted, while both accounts let the namespace in and the
/// object is within the guardrails, and while the line stands in AWS or the object announced it in status. An object
/// announces a line only once it has seen that the role is its own. One that takes a line back announces that, too.
#[must_use]
pub fn wanted(of: PolicyTarget<'_>, declared: &Declared) -> Vec<Line> {
    let lines = declared.roles.iter().filter_map(|role| lines(role, of, declared));
    let mut lines: Vec<Line> = lines.flatten().collect();
    lines.sort_unstable();
    let mut seen = HashSet::new();
    lines.retain(|line| seen.insert(line.role_arn.clone()));
    lines
}

fn lines(role: &CrossAccountRole, of: PolicyTarget<'_>, declared: &Declared) -> Option<Vec<Line>> {
    let namespace = declared.namespaces.get(role.metadata.namespace.as_deref()?)?;
    let own_account = &role.spec.account_ref.name;
    let own_account = allowed(own_account, declared.accounts.get(own_account), namespace).ok()?;
    let (uid, name) = (role.metadata.uid.as_ref()?, role.metadata.name.as_ref()?);
    if role.is_deleted() || guardrails::declared(own_account, role).is_err() {
        return None;
    }
    let given = |grant: &&SourceGrant| {
        let account = check_grant_allowed(grant, declared.accounts.get(&grant.account_ref.name), namespace).ok();
        account.is_some_and(|account| {
            check_grantee(account, of.arn).is_ok()
                && grantee(grant, account).is_ok_and(|named| named.key() == of.grantee.key())
        })
    };
    let grants: Vec<&SourceGrant> = role.spec.source_grants.iter().filter(given).collect();
    let announced = |entry: &&SourceGrantStatus| {
        entry.policy == of.policy && grants.iter().any(|grant| entry.grant().is_same_as(grant))
    };
    let announced: Vec<&SourceGrantStatus> = role.reported_grants().iter().filter(announced).collect();
    if grants.is_empty() || announced.iter().any(|entry| entry.role_arn.is_none()) {
        return None;
    }
    let own = |arn: &&String| own_role(role, own_account, arn).is_ok();
    // What stands counts where nothing is announced: status may be lost. A role that was made anew has another ARN.
    let announced: BTreeSet<&String> =
        announced.iter().filter_map(|entry| entry.role_arn.as_ref()).filter(own).collect();
    let arns = if announced.is_empty() { of.current.iter().filter(own).collect() } else { announced };
    let line = |role_arn: &String| Line {
        is_new: !of.current.contains(role_arn),
        created: role.metadata.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0),
        namespace: namespace.name.clone(),
        name: name.clone(),
        uid: uid.clone(),
        role_arn: role_arn.clone(),
    };
    Some(arns.into_iter().map(line).collect())
}

/// Whether an object remembers exactly what it declares, and the platform team still permits all of it, as far as that
/// is known without AWS.
#[must_use]
pub fn ledger_matches(
    role: &CrossAccountRole,
    role_arn: &str,
    policy: &str,
    accounts: &BTreeMap<String, AWSAccount>,
    namespace: &Namespace,
) -> bool {
    let remembered = role.reported_grants();
    let declared = &role.spec.source_grants;
    let good = |entry: &SourceGrantStatus| {
        let grant = entry.grant();
        let account = check_grant_allowed(&grant, accounts.get(&grant.account_ref.name), namespace).ok();
        declared.contains(&grant)
            && entry.policy == policy
            && entry.role_arn.as_deref() == Some(role_arn)
            && account.is_some_and(|account| {
                check_grantee(account, entry.principal_arn.as_deref().unwrap_or_default()).is_ok()
            })
    };
    declared.iter().all(|grant| remembered.iter().any(|entry| entry.grant() == *grant)) && remembered.iter().all(good)
}

/// Whether something that is announced is not allowed or not declared any more, as far as Kubernetes shows.
#[must_use]
pub fn has_refused(role: &CrossAccountRole, accounts: &BTreeMap<String, AWSAccount>, namespace: &Namespace) -> bool {
    role.reported_grants().iter().any(|entry| {
        let grant = entry.grant();
        let account = check_grant_allowed(&grant, accounts.get(&grant.account_ref.name), namespace);
        let principal = entry.principal_arn.as_deref().unwrap_or_default();
        let refused = account.and_then(|account| check_grantee(account, principal)).is_err();
        refused || entry.role_arn.is_none() || !role.spec.source_grants.contains(&grant)
    })
}

#[cfg(test)]
mod tests;
