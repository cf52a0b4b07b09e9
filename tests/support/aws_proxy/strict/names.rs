//! Role names "must be unique within the account" and "are not distinguished by case" (AWS API reference, `CreateRole`):
//! a name of another case is the same role.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Mutex,
};

use super::super::{
    locked,
    upstream::{Upstream, UpstreamError},
    xml,
};

/// The role names of each account, by lower case. Filled once per account and kept up with what passes.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<String, HashMap<String, String>>>);

impl Names {
    /// The name as the role was created with, if there is such a role.
    pub(crate) async fn resolve(
        &self,
        upstream: &Upstream,
        account: &str,
        name: &str,
    ) -> Result<Option<String>, UpstreamError> {
        let lower = name.to_lowercase();
        if let Some(names) = locked(&self.0).get(account) {
            return Ok(names.get(&lower).cloned());
        }
        let reply = upstream.as_root(account, "iam", &[("Action", "ListRoles")]).await?;
        let roles = xml::members(xml::element(reply.text(), "Roles").unwrap_or_default());
        let names = roles.into_iter().filter_map(|role| xml::element(role, "RoleName"));
        let names: HashMap<_, _> = names.map(|name| (name.to_lowercase(), name.to_owned())).collect();
        let mut accounts = locked(&self.0);
        let names = match accounts.entry(account.to_owned()) {
            Entry::Occupied(filled) => filled.into_mut(), // by another call meanwhile
            Entry::Vacant(empty) => empty.insert(names),
        };
        Ok(names.get(&lower).cloned())
    }

    pub(crate) fn created(&self, account: &str, name: &str) {
        if let Some(names) = locked(&self.0).get_mut(account) {
            names.insert(name.to_lowercase(), name.to_owned());
        }
    }

    pub(crate) fn deleted(&self, account: &str, name: &str) {
        if let Some(names) = locked(&self.0).get_mut(account) {
            names.remove(&name.to_lowercase());
        }
    }

    pub(crate) fn forget(&self) {
        locked(&self.0).clear();
    }
}
