//! The setups that the tests apply, and what an account must have after each.

use anyhow::{Context as _, Result, ensure};
use crossaccount::domain::policy::PolicyDocument;
use serde_json::{Map, Value};

use super::plugin::bootstrap;
use lab::aws::Account;

/// The ARN of an operator that is in none of the accounts.
pub const OPERATOR: &str = "arn:aws:iam::111111111111:role/crossaccount-operator";

/// The external id of the managers.
pub const EXTERNAL_ID: &str = "7d1f0a";

/// Every kind of setup: its words, before the account is known.
pub const SETUPS: [&str; 7] = [
    "target MANAGER",
    "target MANAGER --cluster blue --manager-name blue --role-path /blue/",
    "target MANAGER --allow-unbounded",
    "source MANAGER --grantee IAM:user/ci/deployer --grantee IAM:group/developers --grantee IAM:role/batch",
    "operator --account 222222222222 --account 333333333333 --oidc-provider-arn IAM:oidc-provider/example.com/id/EXAMPLE",
    "operator --account 222222222222 --account 333333333333 --pod-identity",
    "operator --account 222222222222 --account 333333333333 --user",
];

/// The words of a setup in an account.
pub fn flags(setup: &str, account: &str) -> Vec<String> {
    let manager = format!("--operator-arn {OPERATOR} --external-id {EXTERNAL_ID}");
    let words = setup.replace("MANAGER", &manager).replace("IAM:", &format!("arn:aws:iam::{account}:"));
    words.split_whitespace().map(str::to_owned).collect()
}

/// The setup in one form.
pub async fn printed(flags: &[String], more: &str) -> Result<String> {
    let more = more.split_whitespace().map(str::to_owned);
    bootstrap(&flags.iter().cloned().chain(more).collect::<Vec<_>>(), &[]).await?.succeeded()
}

/// The documents that the account must have.
pub async fn documents(flags: &[String], account: &str) -> Result<Value> {
    Ok(serde_json::from_str(&printed(flags, &format!("--format json --account-id {account}")).await?)?)
}

/// Whether both mean the same.
pub fn same(what: &str, found: &Value, expected: &Value) -> Result<()> {
    let [found_document, expected_document] =
        [found, expected].map(|document| PolicyDocument::from_value(document.clone()));
    ensure!(found_document? == expected_document?, "{what} is {found}, not {expected}");
    Ok(())
}

/// Compares an account with the documents that it must have: these, and no others on the same identities.
pub async fn is_set_up(account: &Account, documents: &Value) -> Result<()> {
    for (name, expected) in fields(&documents["managedPolicies"]) {
        same(&format!("managed policy {name}"), &managed_policy(account, name).await?, expected)?;
    }
    for (name, expected) in fields(&documents["roles"]) {
        let role = account.role(name).await?.with_context(|| format!("there is no role {name}"))?;
        ensure!(role.path == "/", "role {name} is under {}", role.path);
        same(&format!("the trust policy of {name}"), &role.trust, &expected["trust"])?;
        only(&account.inline_policies(name).await?.into_iter().collect(), &expected["policies"])?;
        ensure!(account.attached_policies(name).await?.is_empty(), "role {name} has attached policies");
    }
    for (name, expected) in fields(&documents["users"]) {
        only(&account.user_policies(name).await?.into_iter().collect(), &expected["policies"])?;
    }
    ensure!(fields(documents).count() > 0, "there are no documents");
    Ok(())
}

fn only(found: &Map<String, Value>, expected: &Value) -> Result<()> {
    ensure!(found.len() == fields(expected).count(), "found {:?}, not only {expected}", found.keys());
    for (name, expected) in fields(expected) {
        let found = found.get(name).with_context(|| format!("there is no policy {name}"))?;
        same(&format!("policy {name}"), found, expected)?;
    }
    Ok(())
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

async fn managed_policy(account: &Account, name: &str) -> Result<Value> {
    let (iam, arn) = (account.iam(), account.arn(&format!("policy/{name}")));
    let policy = iam.get_policy().policy_arn(&arn).send().await?.policy.context("GetPolicy gave no policy")?;
    let version = policy.default_version_id.context("no default version")?;
    let version = iam.get_policy_version().policy_arn(&arn).version_id(version).send().await?.policy_version;
    let text = version.and_then(|version| version.document).context("no document")?;
    Ok(serde_json::from_str(&PolicyDocument::from_iam(&text)?.to_json())?)
}
