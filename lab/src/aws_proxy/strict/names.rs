//! Names of roles, users and groups "must be unique within the account" and "are not distinguished by case" (AWS API
//! reference, `CreateRole`, `CreateUser`, `CreateGroup`): a name of another case is the same one.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Mutex,
};

use super::super::{
    call::Call,
    locked,
    upstream::{Upstream, UpstreamError},
    xml,
};

/// Something that has a name, as it stands in actions: `Role`, `User` or `Group`.
pub(crate) type Kind = &'static str;

/// All of them.
pub(crate) const KINDS: [Kind; 3] = ["Role", "User", "Group"];

/// The names of each account, by lower case. Filled once per account and kind, and kept up with what passes.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<(String, Kind), HashMap<String, String>>>);

impl Names {
    /// The name as the thing was created with, if there is one.
    pub(crate) async fn resolve(
        &self,
        upstream: &Upstream,
        account: &str,
        kind: Kind,
        name: &str,
    ) -> Result<Option<String>, UpstreamError> {
        let (lower, key) = (name.to_lowercase(), (account.to_owned(), kind));
        if let Some(names) = locked(&self.0).get(&key) {
            return Ok(names.get(&lower).cloned());
        }
        let reply = upstream.as_root(account, "iam", &[("Action", &format!("List{kind}s"))]).await?;
        let (list, field) = (format!("{kind}s"), format!("{kind}Name"));
        let members = xml::members(xml::element(reply.text(), &list).unwrap_or_default());
        let names = members.into_iter().filter_map(|member| xml::element(member, &field));
        let names: HashMap<_, _> = names.map(|name| (name.to_lowercase(), name.to_owned())).collect();
        let mut all = locked(&self.0);
        let names = match all.entry(key) {
            Entry::Occupied(filled) => filled.into_mut(), // by another call meanwhile
            Entry::Vacant(empty) => empty.insert(names),
        };
        Ok(names.get(&lower).cloned())
    }

    /// Notes a successful call by which names come or go.
    pub(crate) fn witness(&self, account: &str, call: &Call) {
        let Some(kind) = KINDS.into_iter().find(|kind| call.action.ends_with(kind)) else { return };
        let Some(name) = call.form.get(&format!("{kind}Name")) else { return };
        if let Some(names) = locked(&self.0).get_mut(&(account.to_owned(), kind)) {
            if call.action.strip_prefix("Create") == Some(kind) {
                names.insert(name.to_lowercase(), name.to_owned());
            } else if call.action.strip_prefix("Delete") == Some(kind) {
                names.remove(&name.to_lowercase());
            }
        }
    }

    pub(crate) fn forget(&self) {
        locked(&self.0).clear();
    }
}
