//! What a platform team sets up in an AWS account for the operator, as documents.
//!
//! Three kinds of account take part. The *target* owns resources: there the operator manages roles under one path. The
//! *source* has users, groups and roles that are given permission to assume those roles. The *operator's* account has the
//! operator's own identity. Each is a [`Setup`]; `kubectl crossaccount bootstrap` prints it in several forms, and
//! `bootstrap check` compares an account with it.

mod compare;
mod found;
mod judge;
mod operator;
mod rights;
mod setup;
mod source;
mod target;
mod trust;

pub use compare::{Finding, Kind};
pub use found::{Found, FoundIdentity, FoundPolicy};
pub use judge::judge;
pub use operator::{Login, Operator, ServiceAccount, operator_policy, operator_trust};
pub use setup::{Identity, Place, Policy, Setup, TooLarge};
pub use source::{Source, grants_policy};
pub use target::{Target, boundary_policy, manager_policy};
pub use trust::{Manager, manager_trust};

use serde_json::{Value, json};

/// A policy document of these statements.
fn document(statements: &[Value]) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// A statement that allows actions on resources.
fn allow(id: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({"Sid": id, "Effect": "Allow", "Action": actions, "Resource": resources})
}

/// A statement that denies actions on resources, whatever else allows them.
fn deny(id: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({"Sid": id, "Effect": "Deny", "Action": actions, "Resource": resources})
}

/// The statement under these conditions, each a key of the request and the one value that it must have. All must hold.
fn only_if(mut statement: Value, conditions: &[(String, String)]) -> Value {
    for (key, value) in conditions {
        statement["Condition"]["StringEquals"][key] = value.as_str().into();
    }
    statement
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
