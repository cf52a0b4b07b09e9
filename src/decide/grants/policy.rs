//! The inline policy that holds all permissions of one principal, and what fits into it.

use std::collections::BTreeSet;

use serde_json::json;

use super::Line;
use crate::api::{CrossAccountRole, Reason};
use crate::decide::failure::{Retry, Verdict};
use crate::decide::role::denial::{RESERVED, is_denial_name};
use crate::domain::policy::{PolicyDocument, PolicyError, Statement};
use crate::domain::{Grantee, GranteeKind, digest_hex, truncate_with_hash};

/// Longest name of ours. IAM takes 128 characters of `[\w+=,.@-]` (IAM API reference, `PutUserPolicy`).
const NAME_MAX: usize = 64;

/// How the names of all such policies begin.
const PREFIX: &str = "crossaccount-";

/// Name of the policy: `crossaccount-<cluster>`, cut with a hash to 64. A cluster name is a tag value and may have
/// characters that IAM does not take in names; they become hyphens, and the hash keeps two such clusters apart.
#[must_use]
pub fn policy_name(cluster: &str) -> String {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if cluster.chars().all(legal) && !is_denial_name(&format!("{PREFIX}{cluster}")) {
        return truncate_with_hash(&format!("{PREFIX}{cluster}"), NAME_MAX);
    }
    let plain: String = cluster.chars().map(|c| if legal(c) { c } else { '-' }).collect();
    let hash = &digest_hex(&[cluster.as_bytes()])[..8];
    // A cluster named `deny` must not write into the denial of a role.
    let own = if is_denial_name(&format!("{PREFIX}{plain}")) { "cluster-" } else { "" };
    truncate_with_hash(&format!("{PREFIX}{own}{plain}-{hash}"), NAME_MAX)
}

/// Whether an inline policy on a role is one of these, of whichever cluster, and so no part of the role's declaration: by its
/// name, and because it allows nothing but to assume roles.
#[must_use]
pub fn is_grant_policy(name: &str, document: Option<&PolicyDocument>) -> bool {
    let only_assumes = |statement: Statement<'_>| {
        let assumes =
            matches!(statement.texts("Action")[..], [action] if action.eq_ignore_ascii_case("sts:AssumeRole"));
        statement.allows() && assumes
    };
    let mut statements = document.into_iter().flat_map(PolicyDocument::statements).peekable();
    name.starts_with(PREFIX) && !is_denial_name(name) && statements.peek().is_some() && statements.all(only_assumes)
}

/// One statement with all roles, sorted.
pub fn document(lines: &[Line]) -> Result<PolicyDocument, PolicyError> {
    let mut roles: Vec<&str> = lines.iter().map(|line| line.role_arn.as_str()).collect();
    roles.sort_unstable();
    PolicyDocument::from_value(json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}],
    }))
}

/// ARNs of the roles that a policy names.
#[must_use]
pub fn lines_of(document: &PolicyDocument) -> BTreeSet<String> {
    document.statements().flat_map(|statement| statement.texts("Resource")).map(str::to_owned).collect()
}

/// How many of the lines, from the first on, fit into what IAM allows such a principal.
///
/// A line that fits keeps fitting while those before it stay or go: a later line takes nothing away.
#[must_use]
pub fn fitting(lines: &[Line], room: usize) -> usize {
    let fits = |count: &usize| size(&lines[..*count]) <= room;
    (1..=lines.len()).rev().find(fits).unwrap_or_default()
}

/// What the policy of such a principal may take, in characters. A role may belong to an object: what that declares, and room for
/// its denial, is left free.
#[must_use]
pub fn room(kind: GranteeKind, declared: usize) -> usize {
    match kind {
        GranteeKind::User | GranteeKind::Group => kind.inline_quota(),
        GranteeKind::Role => kind.inline_quota().saturating_sub(RESERVED + declared),
    }
}

/// Size of the inline policies that an object declares for its role, in characters without white space.
#[must_use]
pub fn declared_size(role: &CrossAccountRole) -> usize {
    let documents = role.spec.role.inline_policies.values();
    let parsed = documents.filter_map(|source| PolicyDocument::from_json(source.as_json()).ok());
    parsed.map(|document| document.quota_size()).sum()
}

/// Lines in the order in which they have a place.
#[derive(Clone, Debug)]
pub struct Placed {
    /// All lines.
    pub lines: Vec<Line>,
    /// How many of them, from the first on, are in place.
    pub fitting: usize,
    /// What the policy may take, in characters.
    pub room: usize,
}

/// Size of the policy, in characters without white space.
fn size(lines: &[Line]) -> usize {
    document(lines).map_or(usize::MAX, |document| document.quota_size())
}

/// Checks that the line of a role is in place.
pub fn check_in_place(grantee: &Grantee, policy: &str, role_arn: Option<&str>, placed: &Placed) -> Result<(), Verdict> {
    match placed.lines.iter().position(|line| Some(line.role_arn.as_str()) == role_arn) {
        Some(place) if place < placed.fitting => Ok(()),
        Some(_) => Err(full(grantee, policy, placed)),
        None => {
            let message = format!("the declaration of the grant to {grantee} changed in the meantime; retrying");
            Err(Verdict { reason: Reason::Progressing, message, retry: Retry::Soon })
        }
    }
}

/// What to say to an object whose line is not in place.
fn full(grantee: &Grantee, policy: &str, Placed { lines, fitting, room }: &Placed) -> Verdict {
    let kind = grantee.kind();
    let (count, wanted) = (lines.len(), size(lines));
    let shared = if wanted <= *room { ", and its other inline policies use up the rest" } else { "" };
    let in_place = match fitting {
        0 => "none of them is in place".to_owned(),
        _ => format!("the first {fitting} ({} characters) are in place and this one is not", size(&lines[..*fitting])),
    };
    let another = match kind {
        GranteeKind::Role => "",
        GranteeKind::User | GranteeKind::Group => " or grant to a role, which has more,",
    };
    let message = format!(
        "{grantee} is full: inline policy {policy} with {count} roles would be {wanted} characters. A {kind} has {room} for \
         all its inline policies together{shared}: {in_place}. Give this {kind} fewer grants,{another} or let its account give it one \
         policy of its own with a wildcard, such as role/crossaccount/*"
    );
    Verdict { reason: Reason::LimitExceeded, message, retry: Retry::Rarely }
}

#[cfg(test)]
mod tests;
