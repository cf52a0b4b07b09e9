//! IAM: the calls on roles that the operator makes.

use super::{
    roles::{Role, Roles, State},
    words,
};
use crate::aws_proxy::{AwsError, Call, Form};

/// Entries of a page, if the caller does not say (IAM API reference).
const PAGE: usize = 100;

pub(super) fn answer(state: &mut State, call: &Call, account: &str) -> Result<String, AwsError> {
    let form = &call.form;
    match call.action.as_str() {
        "CreateRole" => create_role(state, form, account),
        "GetAccountAuthorizationDetails" => Ok(page(state.roles(account), form, "RoleDetailList", words::detail)),
        "ListRoles" => Ok(page(state.roles(account), form, "Roles", words::listed)),
        "DeleteRole" => delete_role(state.roles(account), form),
        action => {
            let name = name(form)?;
            let role = state.roles(account).get_mut(&name.to_lowercase()).ok_or_else(|| missing("role", name))?;
            on_role(role, action, form)
        }
    }
}

fn on_role(role: &mut Role, action: &str, form: &Form) -> Result<String, AwsError> {
    let value = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let (policy, arn, document) = (value("PolicyName"), value("PolicyArn"), value("PolicyDocument"));
    match action {
        "GetRole" => return Ok(words::role(role)),
        "ListRolePolicies" => return Ok(words::list("PolicyNames", role.inline.keys(), words::text)),
        "ListAttachedRolePolicies" => return Ok(words::list("AttachedPolicies", &role.attached, words::attached)),
        "ListInstanceProfilesForRole" => return Ok(words::list("InstanceProfiles", [], words::text)),
        "GetRolePolicy" => {
            let document = role.inline.get(&policy).ok_or_else(|| missing("role policy", &policy))?;
            return Ok(words::inline(&role.name, &policy, document));
        }
        "PutRolePolicy" => drop(role.inline.insert(policy, document)),
        "DeleteRolePolicy" => {
            role.inline.remove(&policy).ok_or_else(|| missing("role policy", &policy))?;
        }
        "AttachRolePolicy" => drop(role.attached.insert(arn)),
        "DetachRolePolicy" if role.attached.remove(&arn) => {}
        "DetachRolePolicy" => return Err(missing("policy", &arn)),
        "UpdateAssumeRolePolicy" => role.trust = document,
        "UpdateRole" => (role.description, role.max_session) = (value("Description"), value("MaxSessionDuration")),
        "TagRole" => role.tags.extend(owned(form.tags())),
        "UntagRole" => form.list("TagKeys").into_iter().for_each(|key| drop(role.tags.remove(key))),
        "PutRolePermissionsBoundary" => role.boundary = Some(value("PermissionsBoundary")),
        "DeleteRolePermissionsBoundary" => role.boundary = None,
        _ => return Err(AwsError::new(400, "InvalidAction", format!("the fake AWS has no {action}"))),
    }
    Ok(String::new())
}

fn create_role(state: &mut State, form: &Form, account: &str) -> Result<String, AwsError> {
    let name = name(form)?;
    let id = format!("AROA{:016}", state.next());
    let roles = state.roles(account);
    if roles.contains_key(&name.to_lowercase()) {
        return Err(AwsError::new(409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
    }
    let value = |name: &str| form.get(name).unwrap_or_default().to_owned();
    let mut role = Role::new(account, form.get("Path").unwrap_or("/"), name, id);
    role.trust = value("AssumeRolePolicyDocument");
    role.description = value("Description");
    if let Some(seconds) = form.get("MaxSessionDuration") {
        seconds.clone_into(&mut role.max_session);
    }
    role.boundary = form.get("PermissionsBoundary").map(str::to_owned);
    role.tags.extend(owned(form.tags()));
    let answer = words::role(&role);
    roles.insert(name.to_lowercase(), role);
    Ok(answer)
}

fn delete_role(roles: &mut Roles, form: &Form) -> Result<String, AwsError> {
    let name = name(form)?;
    let role = roles.get(&name.to_lowercase()).ok_or_else(|| missing("role", name))?;
    if !role.inline.is_empty() || !role.attached.is_empty() {
        return Err(AwsError::new(409, "DeleteConflict", "Cannot delete entity, must remove its policies first."));
    }
    roles.remove(&name.to_lowercase());
    Ok(String::new())
}

/// One page of a list of roles. The marker is the name that the next page begins with.
fn page(roles: &Roles, form: &Form, list: &str, entry: impl Fn(&Role) -> String) -> String {
    let most = form.get("MaxItems").and_then(|most| most.parse().ok()).unwrap_or(PAGE);
    let first = form.get("Marker").unwrap_or_default().to_owned();
    let mut rest = roles.range(first..).map(|(_, role)| role);
    let page: Vec<&Role> = rest.by_ref().take(most).collect();
    words::page(list, page, entry, rest.next().map(|role| role.name.to_lowercase()))
}

fn name(form: &Form) -> Result<&str, AwsError> {
    form.get("RoleName").ok_or_else(|| AwsError::new(400, "ValidationError", "roleName must not be null"))
}

fn missing(kind: &str, name: &str) -> AwsError {
    AwsError::new(404, "NoSuchEntity", format!("The {kind} with name {name} cannot be found."))
}

fn owned(tags: Vec<(&str, &str)>) -> impl Iterator<Item = (String, String)> {
    tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned()))
}
