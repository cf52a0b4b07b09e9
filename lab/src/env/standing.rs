//! What stands in AWS for an object, whatever a status says.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::TestEnv;
use crate::{aws::RoleState, wait::eventually};

/// The account by which the proxy keeps a door in every trust policy, for sessions that the emulator cannot make.
const DOOR: &str = "000000000000";

impl TestEnv {
    /// The role of an object and its inline policies.
    pub async fn standing(&self, name: &str) -> Result<(RoleState, BTreeMap<String, Value>)> {
        let target = &self.aws.target;
        let role = target.role(&self.iam_name(name)).await?.context("there is no such role")?;
        Ok((role, target.inline_policies(&self.iam_name(name)).await?))
    }

    /// Waits until nobody can use the role of an object: it denies everything, and trusts nobody but the operator.
    pub async fn is_closed(&self, name: &str) -> Result<()> {
        let iam_name = self.iam_name(name);
        eventually(&format!("the role of {name} is closed"), async || self.is_closed_now(&iam_name).await).await
    }

    /// Fails if anybody can use the role of this name in IAM.
    pub async fn is_closed_now(&self, iam_name: &str) -> Result<()> {
        let target = &self.aws.target;
        let role = target.role(iam_name).await?.context("there is no such role")?;
        let inline = target.inline_policies(iam_name).await?;
        let trusted = principals(&role.trust);
        ensure!(trusted == [self.aws.operator.arn.clone()], "it trusts {trusted:?}");
        ensure!(inline.iter().any(denies_all), "nothing on it denies everything: {:?}", inline.keys());
        Ok(())
    }

    /// Waits until there is neither this object nor its role.
    pub async fn is_gone_with_its_role(&self, name: &str) -> Result<()> {
        eventually(&format!("{name} is gone"), async || {
            let object = self.roles.get_opt(name).await?;
            ensure!(object.is_none(), "the object is there: {:?}", object.and_then(|object| object.status));
            let role = self.aws.target.role(&self.iam_name(name)).await?;
            ensure!(role.is_none(), "the object is gone and its role was left behind");
            Ok(())
        })
        .await
    }
}

/// Who is named by the statements of a trust policy that allow.
fn principals(trust: &Value) -> Vec<String> {
    let statements = listed(&trust["Statement"]).into_iter().filter(|statement| statement["Effect"] == "Allow");
    let mut named: Vec<String> = statements
        .flat_map(|statement| listed(&statement["Principal"]["AWS"]))
        .map(|principal| principal.as_str().map_or_else(|| principal.to_string(), str::to_owned))
        .filter(|principal| !principal.contains(DOOR))
        .collect();
    named.sort();
    named.dedup();
    named
}

/// Whether this is an inline policy of the operator that denies everything without a condition.
fn denies_all((name, document): (&String, &Value)) -> bool {
    let statement = listed(&document["Statement"]).into_iter().next().unwrap_or_default();
    let is_all = |value: &Value| *value == json!("*") || *value == json!(["*"]);
    name.starts_with("crossaccount-deny")
        && statement["Effect"] == "Deny"
        && is_all(&statement["Action"])
        && is_all(&statement["Resource"])
        && statement.get("Condition").is_none()
}

/// The elements of what a policy may write as one value or as a list of several.
pub(crate) fn listed(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}
