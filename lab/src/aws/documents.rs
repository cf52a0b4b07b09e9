//! The policies that a platform team gives the operator in an account, one function for each document.
//!
//! `docs/security.md` says what each statement is for.

use serde_json::{Value, json};

use super::policy;

/// The account and the roles of one manager role.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Such as `aws`.
    pub partition: &'a str,
    /// The 12 digits.
    pub account: &'a str,
    /// The path of the roles that it manages; begins and ends with `/`.
    pub role_path: &'a str,
    /// The name of the manager role, with which the names of all managers begin.
    pub manager: &'a str,
    /// The ARN of the permissions boundary that each role must have; none if roles need no boundary.
    pub boundary: Option<&'a str>,
}

impl Scope<'_> {
    fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.account)
    }
}

/// What the manager role may do.
///
/// Reads are on all roles: IAM judges a role that does not exist by its name alone, without the path, and so would refuse to
/// say that it does not exist. They give no more than `GetAccountAuthorizationDetails` does.
///
/// `PutRolePolicy` has no condition on the boundary: the operator must be able to deny everything on a role whose boundary
/// somebody took off.
pub fn manager_policy(scope: &Scope<'_>) -> Value {
    let roles = scope.arn(&format!("role{}*", scope.role_path));
    let managers = [format!("role/{}*", scope.manager), format!("role/*/{}*", scope.manager)];
    let mut statements = vec![
        allow("Read", &READ, &json!(scope.arn("role/*"))),
        bounded(scope, &roles),
        allow("Manage", &MANAGE, &json!(roles)),
        allow("InstanceProfiles", &["iam:RemoveRoleFromInstanceProfile"], &json!(scope.arn("instance-profile/*"))),
        allow("Drift", &["iam:GetAccountAuthorizationDetails", "iam:ListRoles"], &json!("*")),
        deny("NoManager", &CHANGES, &json!(managers.map(|manager| scope.arn(&manager)))),
        deny("NoPassRole", &["iam:PassRole"], &json!("*")),
    ];
    if let Some(boundary) = scope.boundary {
        statements.push(deny("NoEditOfTheBoundary", &CHANGES, &json!(boundary)));
    }
    policy(&statements.into())
}

/// A role is made with the boundary and keeps it.
fn bounded(scope: &Scope<'_>, roles: &str) -> Value {
    let Some(boundary) = scope.boundary else {
        let all = ["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary"];
        return allow("Unbounded", &all, &json!(roles));
    };
    let mut statement = allow("Bounded", &["iam:CreateRole", "iam:PutRolePermissionsBoundary"], &json!(roles));
    statement["Condition"] = json!({ "StringEquals": { "iam:PermissionsBoundary": boundary } });
    statement
}

/// The most that a role of the operator can ever do: no IAM, no accounts.
pub fn boundary_policy() -> Value {
    policy(&json!([
        { "Effect": "Allow", "Action": "*", "Resource": "*" },
        { "Effect": "Deny", "Action": ["iam:*", "organizations:*", "account:*"], "Resource": "*" },
    ]))
}

/// Who may assume the manager role: the operator, with the external id.
pub fn manager_trust(operator: &str, external_id: &str) -> Value {
    policy(&json!({
        "Effect": "Allow",
        "Principal": { "AWS": operator },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": external_id } },
    }))
}

/// What the operator may do in a source account, on exactly these users, groups and roles.
pub fn grants_policy(principals: &[String]) -> Value {
    let statement = |kind: &str| {
        let of_kind = format!(":{}/", kind.to_lowercase());
        let resources: Vec<_> = principals.iter().filter(|arn| arn.contains(&of_kind)).collect();
        let actions = ["Get{}", "Get{}Policy", "Put{}Policy", "Delete{}Policy"];
        let actions = actions.map(|action| format!("iam:{}", action.replace("{}", kind)));
        (!resources.is_empty()).then(|| json!({ "Effect": "Allow", "Action": actions, "Resource": resources }))
    };
    policy(&["User", "Group", "Role"].into_iter().filter_map(statement).collect())
}

/// What a platform team adds for roles outside the path.
pub fn management_of(roles: &[String]) -> Value {
    let bounded = ["iam:CreateRole", "iam:PutRolePermissionsBoundary"];
    policy(&json!([allow("Manage", &[&MANAGE[..], &bounded].concat(), &json!(roles))]))
}

fn allow(sid: &str, actions: &[&str], resource: &Value) -> Value {
    json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource })
}

fn deny(sid: &str, actions: &[&str], resource: &Value) -> Value {
    json!({ "Sid": sid, "Effect": "Deny", "Action": actions, "Resource": resource })
}

const READ: [&str; 5] = [
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:GetRolePolicy",
    "iam:ListAttachedRolePolicies",
    "iam:ListInstanceProfilesForRole",
];

const MANAGE: [&str; 9] = [
    "iam:UpdateRole",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRole",
    "iam:TagRole",
    "iam:UntagRole",
    "iam:PutRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:AttachRolePolicy",
    "iam:DetachRolePolicy",
];

/// Everything but reads.
const CHANGES: [&str; 11] = [
    "iam:Add*",
    "iam:Attach*",
    "iam:Create*",
    "iam:Delete*",
    "iam:Detach*",
    "iam:Put*",
    "iam:Remove*",
    "iam:Set*",
    "iam:Tag*",
    "iam:Untag*",
    "iam:Update*",
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use anyhow::{Context as _, Result};

    use super::*;
    use crate::repository;

    const BOUNDARY: &str = "arn:aws:iam::222222222222:policy/crossaccount-boundary";

    fn scope(boundary: Option<&'static str>) -> Scope<'static> {
        let (account, role_path, manager) = ("222222222222", "/crossaccount/", "crossaccount-manager");
        Scope { partition: "aws", account, role_path, manager, boundary }
    }

    fn allowed(policy: &Value) -> BTreeSet<String> {
        let statements = policy["Statement"].as_array().into_iter().flatten();
        let actions = statements
            .filter(|statement| statement["Effect"] == "Allow")
            .flat_map(|statement| statement["Action"].as_array().into_iter().flatten());
        actions.filter_map(|action| Some(action.as_str()?.strip_prefix("iam:")?.to_owned())).collect()
    }

    /// Else the tests could pass by a permission that nobody is asked to give.
    #[test]
    fn the_manager_may_do_what_the_page_on_security_asks_for_and_nothing_else() -> Result<()> {
        let page = fs::read_to_string(repository().join("docs/security.md"))?;
        let section = page.split("## What the manager role needs").nth(1).context("no such section")?;
        let section = section.split("###").next().unwrap_or_default().split("Deny").next().unwrap_or_default();
        let words = section.split('`').skip(1).step_by(2).map(|word| word.trim_start_matches("iam:"));
        let asked = words.filter(|word| word.chars().all(char::is_alphabetic) && word.starts_with(char::is_uppercase));
        let asked: BTreeSet<String> = asked.filter(|word| *word != "PermissionsBoundary").map(str::to_owned).collect();

        let mut given = allowed(&manager_policy(&scope(Some(BOUNDARY))));
        assert!(!given.contains("DeleteRolePermissionsBoundary"));
        given.extend(allowed(&manager_policy(&scope(None))));
        assert_eq!(given, asked, "left: the manager of the lab, right: docs/security.md");
        Ok(())
    }

    #[test]
    fn grants_are_on_exactly_the_listed_principals_by_their_kind() {
        let arn = |resource: &str| format!("arn:aws:iam::111111111111:{resource}");
        let policy = grants_policy(&[arn("user/deployer"), arn("role/ci/runner")]);
        let statements = policy["Statement"].as_array().unwrap();
        assert_eq!(statements.len(), 2);
        assert_eq!(statements[0]["Resource"], json!([arn("user/deployer")]));
        assert_eq!(statements[1]["Action"][2], "iam:PutRolePolicy");
    }
}
