//! Removes what a run made.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_iam::{Client, types::PolicyScopeType};

use super::Names;
use crate::{
    aws::Account,
    wait::{WITHIN, eventually_within},
};

/// Removes every role, user and managed policy under the path whose name begins with the prefix. Goes on after a failure, and again
/// until nothing is left: AWS may not show at once what was made a moment ago.
pub async fn clean(account: &Account, names: &Names) -> Result<()> {
    eventually_within(WITHIN * 3, "all that was made is gone", async || {
        let failures = remove_all(account.iam(), names).await?;
        let left = left(account, names).await?;
        ensure!(left.is_empty(), "left: {}; {}", left.join(", "), failures.join("; "));
        Ok(())
    })
    .await
}

/// What there is under the path whose name begins with the prefix.
pub async fn left(account: &Account, names: &Names) -> Result<Vec<String>> {
    let iam = account.iam();
    let roles = roles(iam, names).await?.into_iter().map(|name| format!("role {name}"));
    let users = users(iam, names).await?.into_iter().map(|name| format!("user {name}"));
    let policies = policies(iam, names).await?.into_iter().map(|arn| format!("policy {arn}"));
    Ok(roles.chain(users).chain(policies).collect())
}

/// Roles and users first: a policy that is a permissions boundary cannot be deleted (IAM API reference, `DeletePolicy`).
async fn remove_all(iam: &Client, names: &Names) -> Result<Vec<String>> {
    let mut failures = Vec::new();
    let mut note = |what: &str, result: Result<()>| {
        failures.extend(result.err().map(|error| format!("{what}: {error:#}")));
    };
    for role in roles(iam, names).await? {
        note(&role, remove_role(iam, &role).await);
    }
    for user in users(iam, names).await? {
        note(&user, remove_user(iam, &user).await);
    }
    for arn in policies(iam, names).await? {
        note(&arn, iam.delete_policy().policy_arn(&arn).send().await.map(drop).map_err(Into::into));
    }
    Ok(failures)
}

async fn roles(iam: &Client, names: &Names) -> Result<Vec<String>> {
    let mut pages = iam.list_roles().path_prefix(names.path()).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(role) = pages.try_next().await? {
        found.push((role.path, role.role_name));
    }
    Ok(ours(names, found))
}

async fn users(iam: &Client, names: &Names) -> Result<Vec<String>> {
    let mut pages = iam.list_users().path_prefix(names.path()).into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(user) = pages.try_next().await? {
        found.push((user.path, user.user_name));
    }
    Ok(ours(names, found))
}

async fn policies(iam: &Client, names: &Names) -> Result<Vec<String>> {
    let local = iam.list_policies().scope(PolicyScopeType::Local).path_prefix(names.path());
    let mut pages = local.into_paginator().items().send();
    let mut found = Vec::new();
    while let Some(policy) = pages.try_next().await? {
        let (path, name) = (policy.path.unwrap_or_default(), policy.policy_name.unwrap_or_default());
        if is_ours(names, &path, &name) {
            found.push(policy.arn.context("ListPolicies gave a policy without an ARN")?);
        }
    }
    Ok(found)
}

fn ours(names: &Names, found: Vec<(String, String)>) -> Vec<String> {
    found.into_iter().filter(|(path, name)| is_ours(names, path, name)).map(|(_, name)| name).collect()
}

/// AWS was asked for the path already. Nothing is deleted on its word alone.
fn is_ours(names: &Names, path: &str, name: &str) -> bool {
    path.starts_with(names.path()) && name.starts_with(names.prefix())
}

async fn remove_role(iam: &Client, name: &str) -> Result<()> {
    for policy in iam.list_role_policies().role_name(name).send().await?.policy_names {
        iam.delete_role_policy().role_name(name).policy_name(policy).send().await?;
    }
    let attached = iam.list_attached_role_policies().role_name(name).send().await?.attached_policies;
    for arn in attached.unwrap_or_default().into_iter().filter_map(|policy| policy.policy_arn) {
        iam.detach_role_policy().role_name(name).policy_arn(arn).send().await?;
    }
    iam.delete_role().role_name(name).send().await?;
    Ok(())
}

pub(super) async fn remove_user(iam: &Client, name: &str) -> Result<()> {
    for key in iam.list_access_keys().user_name(name).send().await?.access_key_metadata {
        if let Some(id) = key.access_key_id {
            iam.delete_access_key().user_name(name).access_key_id(id).send().await?;
        }
    }
    for policy in iam.list_user_policies().user_name(name).send().await?.policy_names {
        iam.delete_user_policy().user_name(name).policy_name(policy).send().await?;
    }
    iam.delete_user().user_name(name).send().await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_the_path_and_the_prefix_is_removed() -> Result<()> {
        let names = Names::new("/crossaccount-test/k3f9/", "t-k3f9-")?;
        assert!(is_ours(&names, "/crossaccount-test/k3f9/roles/", "t-k3f9-reader"));
        for (path, name) in [
            ("/", "t-k3f9-reader"),
            ("/crossaccount-test/", "t-k3f9-reader"),
            ("/crossaccount-test/k3f9/", "administrator"),
        ] {
            assert!(!is_ours(&names, path, name), "{path}{name}");
        }
        Ok(())
    }
}
