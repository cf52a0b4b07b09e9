//! The documents and the calls that the operator makes, as the source has them.

use std::{collections::BTreeSet, fs};

use anyhow::{Context as _, Result};
use crossaccount::decide::bootstrap::{Manager, Place, Source, Target, grants_policy, manager_policy};
use crossaccount::domain::policy::{PolicyDocument, Statement};
use serde_json::Value;

use super::setups::{EXTERNAL_ID, OPERATOR};
use lab::repository;

/// The operations that a file of `src/aws` calls.
fn called(file: &str) -> Result<BTreeSet<String>> {
    let text = fs::read_to_string(repository().join("src/aws").join(file))?;
    let named = text.split("caller.call(\"").skip(1).chain(text.split("const DETAILS: &str = \"").skip(1));
    let operations = named.map(|rest| rest.split('"').next().context("no end of a name").map(str::to_owned));
    operations.collect()
}

/// The operations of IAM that a policy allows.
fn allowed(policy: Value) -> Result<BTreeSet<String>> {
    let policy = PolicyDocument::from_value(policy)?;
    let actions = policy.statements().filter(Statement::allows).flat_map(|statement| statement.texts("Action"));
    let names = actions.map(|action| action.strip_prefix("iam:").context("not of IAM").map(str::to_owned));
    names.collect()
}

fn manager() -> Manager {
    let [name, operator_arn, external_id] = ["crossaccount-manager", OPERATOR, EXTERNAL_ID].map(str::to_owned);
    Manager { name, operator_arn, external_id }
}

fn place() -> Place {
    Place { partition: "aws".to_owned(), account: "222222222222".to_owned() }
}

#[test]
fn the_manager_may_make_the_calls_on_roles_that_the_operator_makes_and_no_others() -> Result<()> {
    let target = Target {
        place: place(),
        manager: manager(),
        role_path: "/crossaccount/".to_owned(),
        boundary: "crossaccount-boundary".to_owned(),
        cluster: None,
        allow_unbounded: true,
    };
    let files = ["iam.rs", "all_roles.rs", "usage.rs"].map(called).into_iter().collect::<Result<Vec<_>>>()?;
    let calls = files.into_iter().flatten().collect::<BTreeSet<_>>();
    assert_eq!(allowed(manager_policy(&target))?, calls, "left: the policy, right: the source");

    let mut bounded = calls;
    bounded.remove("DeleteRolePermissionsBoundary");
    assert_eq!(allowed(manager_policy(&Target { allow_unbounded: false, ..target }))?, bounded);
    Ok(())
}

#[test]
fn the_manager_of_a_source_may_make_the_calls_on_grantees_that_the_operator_makes_and_no_others() -> Result<()> {
    let grantees = ["user/a", "group/b", "role/c"].map(|resource| place().arn(resource)).to_vec();
    let mut calls = called("grantee.rs")?;
    calls.extend(["GetRole", "GetRolePolicy", "PutRolePolicy", "DeleteRolePolicy"].map(str::to_owned));
    let source = Source { place: place(), manager: manager(), grantees };
    assert_eq!(allowed(grants_policy(&source))?, calls, "left: the policy, right: the source");
    Ok(())
}
