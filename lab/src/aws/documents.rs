//! What a platform team sets up in accounts of the lab: the documents of `kubectl crossaccount bootstrap`.

use crossaccount::decide::bootstrap::{Login, Manager, Operator, Place, Source, Target, grants_policy};
use serde_json::{Value, json};

use super::{Account, policy};

/// What the manager role of the lab asks from those who assume it.
pub const MANAGER_EXTERNAL_ID: &str = "7d1f0a";
/// The user or the role that the operator is in its own account.
pub const OPERATOR: &str = "crossaccount-operator";
/// The role through which the operator manages IAM in an account.
pub const MANAGER: &str = "crossaccount-manager";
/// The permissions boundary of the roles that it makes.
pub const BOUNDARY: &str = "crossaccount-boundary";
/// The path of the roles that it may manage.
pub const ROLE_PATH: &str = "/crossaccount/";

/// An account whose roles the operator manages.
pub fn target(account: &Account, operator_arn: &str) -> Target {
    Target {
        place: place(account),
        manager: manager(operator_arn),
        role_path: ROLE_PATH.to_owned(),
        boundary: BOUNDARY.to_owned(),
        cluster: None,
        allow_unbounded: false,
    }
}

/// The operator itself, for these accounts.
pub fn operator(home: &Account, works_in: &[&Account]) -> Operator {
    Operator {
        place: place(home),
        name: OPERATOR.to_owned(),
        login: Login::User,
        accounts: works_in.iter().map(|account| account.id().to_owned()).collect(),
        manager: MANAGER.to_owned(),
        role_path: ROLE_PATH.to_owned(),
        other_roles: Vec::new(),
    }
}

/// The manager role, for an operator of this ARN.
pub fn manager(operator_arn: &str) -> Manager {
    let (name, external_id) = (MANAGER.to_owned(), MANAGER_EXTERNAL_ID.to_owned());
    Manager { name, operator_arn: operator_arn.to_owned(), external_id }
}

/// What the operator may do in a source account, on exactly these principals, such as `user/deployer`.
pub fn grants(account: &Account, principals: &[&str]) -> Value {
    let grantees = principals.iter().map(|principal| account.arn(principal)).collect();
    grants_policy(&Source { place: place(account), manager: manager(""), grantees })
}

/// What a platform team adds to the manager's policy for roles outside its path.
pub fn management_of(roles: &[String]) -> Value {
    policy(&json!({
        "Effect": "Allow",
        "Action": [
            "iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:UpdateRole", "iam:UpdateAssumeRolePolicy",
            "iam:DeleteRole", "iam:TagRole", "iam:UntagRole", "iam:PutRolePolicy", "iam:DeleteRolePolicy",
            "iam:AttachRolePolicy", "iam:DetachRolePolicy",
        ],
        "Resource": roles,
    }))
}

/// What a platform team adds to the operator's policy for roles that are none of its managers and not at their path.
pub fn assumption_of(roles: &[String]) -> Value {
    policy(&json!({
        "Effect": "Allow",
        "Action": ["sts:AssumeRole", "sts:SetSourceIdentity", "sts:TagSession"],
        "Resource": roles,
    }))
}

fn place(account: &Account) -> Place {
    Place { partition: account.partition().to_owned(), account: account.id().to_owned() }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs};

    use anyhow::{Context as _, Result};
    use crossaccount::decide::bootstrap::manager_policy;

    use super::*;
    use crate::repository;

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

        let place = Place { partition: "aws".to_owned(), account: "222222222222".to_owned() };
        let target = Target {
            place,
            manager: manager("arn:aws:iam::111111111111:user/operator"),
            role_path: ROLE_PATH.to_owned(),
            boundary: BOUNDARY.to_owned(),
            cluster: None,
            allow_unbounded: false,
        };
        let mut given = allowed(&manager_policy(&target));
        assert!(!given.contains("DeleteRolePermissionsBoundary"));
        given.extend(allowed(&manager_policy(&Target { allow_unbounded: true, ..target })));
        assert_eq!(given, asked, "left: the manager of the lab, right: docs/security.md");
        Ok(())
    }
}
