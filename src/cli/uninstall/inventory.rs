//! What objects have in AWS, and what becomes of it, as far as the objects say: there may be no way into AWS any more.

use std::fmt::{self, Display, Formatter};
use std::iter;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::ResourceExt as _;

use crate::api::{AWSAccount, ConditionType, CrossAccountRole, DeletionPolicy, Lifecycle};
use crate::decide::target::deletion_policy;

/// All objects of a cluster.
#[derive(Debug)]
pub struct Inventory {
    /// All `CrossAccountRole`s.
    pub roles: Vec<CrossAccountRole>,
    /// All `AWSAccount`s.
    pub accounts: Vec<AWSAccount>,
}

/// What becomes of a role when the operator deletes its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Deleted,
    Released,
    AsItIs,
    /// There is none.
    Nothing,
}

impl Inventory {
    fn fate(&self, role: &CrossAccountRole) -> Fate {
        if role.reported_role().and_then(|role| role.arn.as_ref()).is_none() {
            return Fate::Nothing;
        }
        let account = self.accounts.iter().find(|account| account.name_any() == role.spec.account_ref.name);
        let policy = account.map(|account| deletion_policy(&role.spec, account));
        match (role.spec.role.lifecycle, policy.or(role.spec.role.deletion_policy)) {
            (Lifecycle::Observe, _) => Fate::AsItIs,
            (Lifecycle::Adopt, _) | (_, Some(DeletionPolicy::Retain)) => Fate::Released,
            _ => Fate::Deleted,
        }
    }

    /// One line for each role and grant in AWS, with what the operator does to it at the end of its object.
    #[must_use]
    pub fn with_fates(&self) -> String {
        self.lines(|inventory, role| match inventory.fate(role) {
            Fate::Deleted => "the operator deletes it",
            Fate::Released => "stays, without the operator's tags",
            Fate::AsItIs => "stays as it is",
            Fate::Nothing => "has no role in AWS",
        })
    }

    /// One line for each role and grant in AWS that stays if nobody cleans up.
    #[must_use]
    pub fn left_behind(&self) -> String {
        self.lines(|inventory, role| match inventory.fate(role) {
            Fate::Nothing => "has no role in AWS",
            _ => "stays; its sessions work until they expire",
        })
    }

    /// One line for each object that is not gone, with what its condition `Ready` says.
    #[must_use]
    pub fn waiting(&self) -> String {
        let message = |condition: Option<&Condition>| condition.map(|ready| ready.message.clone()).unwrap_or_default();
        let roles = self.roles.iter().map(|role| (role.full_name(), message(role.condition(ConditionType::Ready))));
        let accounts = self.accounts.iter().map(|one| (one.name_any(), message(one.condition(ConditionType::Ready))));
        roles
            .chain(accounts)
            .map(|(name, message)| [name, ": ".to_owned(), message, "\n".to_owned()].concat())
            .collect()
    }

    fn lines(&self, fate: impl Fn(&Self, &CrossAccountRole) -> &'static str) -> String {
        let lines = self.roles.iter().flat_map(|role| {
            let name = role.full_name();
            let arn = role.reported_role().and_then(|role| role.arn.as_deref()).unwrap_or("-");
            let grants = role.reported_grants().iter().map(|grant| {
                let principal = grant.principal_arn.as_deref().unwrap_or(&grant.account);
                format!("{}  {principal}  has the inline policy {}\n", role.full_name(), grant.policy)
            });
            iter::once(format!("{name}  {arn}  {}\n", fate(self, role))).chain(grants.collect::<Vec<_>>())
        });
        lines.collect()
    }
}

impl Display for Inventory {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [roles, accounts] = [self.roles.len(), self.accounts.len()];
        let plural = |count: usize| if count == 1 { "" } else { "s" };
        write!(f, "{roles} CrossAccountRole{}, {accounts} AWSAccount{}", plural(roles), plural(accounts))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn inventory(lifecycle: &str, declared: Option<&str>, account: &str, arn: Option<&str>) -> Inventory {
        let mut role = json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "reader", "namespace": "analytics"},
            "spec": {"accountRef": {"name": "prod"}, "role": {"lifecycle": lifecycle}},
            "status": {"role": {"arn": arn, "created": true}},
        });
        if let Some(policy) = declared {
            role["spec"]["role"]["deletionPolicy"] = policy.into();
        }
        let account = json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "AWSAccount", "metadata": {"name": "prod"},
            "spec": {"accountId": "222222222222", "region": "eu-west-1", "deletionPolicy": account},
        });
        let parse = |value: Value| serde_json::from_value(value).expect("an object");
        Inventory { roles: vec![parse(role)], accounts: vec![serde_json::from_value(account).expect("an account")] }
    }

    #[test]
    fn the_fate_of_a_role_is_that_of_its_deletion() {
        let arn = Some("arn:aws:iam::222222222222:role/crossaccount/analytics-reader");
        for (lifecycle, declared, account, arn, fate) in [
            ("Create", None, "Delete", arn, Fate::Deleted),
            ("Create", Some("Delete"), "Retain", arn, Fate::Deleted),
            ("Create", None, "Retain", arn, Fate::Released),
            ("Create", Some("Retain"), "Delete", arn, Fate::Released),
            ("Adopt", None, "Delete", arn, Fate::Released),
            ("Observe", None, "Delete", arn, Fate::AsItIs),
            ("Create", None, "Delete", None, Fate::Nothing),
        ] {
            let inventory = inventory(lifecycle, declared, account, arn);
            assert_eq!(inventory.fate(&inventory.roles[0]), fate, "{lifecycle} {declared:?} {account} {arn:?}");
        }
    }

    #[test]
    fn each_role_is_on_a_line_with_its_arn_and_its_fate() {
        let inventory = inventory("Create", None, "Delete", Some("arn:aws:iam::222222222222:role/crossaccount/reader"));
        assert_eq!(
            inventory.with_fates(),
            "analytics/reader  arn:aws:iam::222222222222:role/crossaccount/reader  the operator deletes it\n"
        );
        assert!(inventory.left_behind().contains("stays; its sessions work until they expire"));
        assert_eq!(inventory.to_string(), "1 CrossAccountRole, 1 AWSAccount");
    }
}
