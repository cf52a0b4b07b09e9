//! What an account would say of the object, by the rules that the operator itself applies.

use super::note::Note;
use crate::api::{AWSAccount, CrossAccountRole, Lifecycle};
use crate::decide::account::allowed::{Namespace, allowed};
use crate::decide::guardrails::violations;
use crate::domain::{IamRole, PolicyArn};

const PLATFORM: &str =
    "The operator refuses the object for this: edit the manifest, or ask the platform team to allow it";

/// A note for each thing that the account refuses, or changes on the role. Without a namespace, it is not judged who may use the
/// account.
#[must_use]
pub fn judge(
    role: &CrossAccountRole,
    found: &IamRole,
    account: &AWSAccount,
    namespace: Option<&Namespace>,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let name = &role.spec.account_ref.name;
    if let Some(Err(refusal)) = namespace.map(|namespace| allowed(name, Some(account), namespace)) {
        notes.push(Note::new("spec.accountRef", refusal.message, PLATFORM));
    }
    let refused = violations(account, role);
    notes.extend(refused.iter().map(|refusal| Note::new(format!("AWSAccount {name}"), &refusal.message, PLATFORM)));
    if role.spec.role.lifecycle == Lifecycle::Observe {
        let mut adopted = role.clone();
        adopted.spec.role.lifecycle = Lifecycle::Adopt;
        let later = violations(account, &adopted).into_iter().filter(|refusal| !refused.contains(refusal));
        let advice = "Ask the platform team to allow it before you change the lifecycle";
        notes.extend(later.map(|no| Note::new("spec.role.lifecycle", format!("for Adopt, {}", no.message), advice)));
    }
    notes.extend(path(found, account));
    notes.extend(boundary(found, account));
    notes
}

/// Operator and manager have their permissions on roles of the account's path alone.
fn path(found: &IamRole, account: &AWSAccount) -> Option<Note> {
    let (path, expected) = (found.arn.path.as_str(), &account.spec.guardrails.role_path);
    (!path.starts_with(expected.as_str())).then(|| {
        let problem = format!("the role is at path {path}, and guardrails.rolePath of the AWSAccount is {expected}");
        let advice = "The operator needs permission to assume this role, and for Adopt its manager role permission to change it: \
                      docs/accounts.md, \"Roles elsewhere\"";
        Note::new("path", problem, advice)
    })
}

/// What an adoption does to the permissions boundary, which no object declares.
fn boundary(found: &IamRole, account: &AWSAccount) -> Option<Note> {
    let present = found.boundary.as_ref().map(PolicyArn::as_str);
    let wanted = account.spec.guardrails.permissions_boundary.as_deref();
    let said = |boundary: Option<&str>| boundary.unwrap_or("none").to_owned();
    if present == wanted {
        return None;
    }
    let problem = format!(
        "the role has {}, and guardrails.permissionsBoundary of the AWSAccount is {}",
        said(present),
        said(wanted)
    );
    let advice = match wanted {
        Some(_) => {
            "Lifecycles Adopt and Create put the boundary of the account on: look whether programs need more than it allows"
        }
        None => "It stays on the role as it is",
    };
    Some(Note::new("permissions boundary", problem, advice))
}
