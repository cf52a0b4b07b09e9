//! What is known of the objects while they are watched.

use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::runtime::watcher::Event;

use super::snapshot::{Seen, Snapshot};
use crate::api::{AWSAccount, CrossAccountRole};

/// One of both kinds changed.
pub(super) enum Change {
    Role(Box<Event<CrossAccountRole>>),
    Account(Box<Event<AWSAccount>>),
}

/// The objects of one kind, as a watch reports them.
struct Kept<K> {
    now: BTreeMap<(Option<String>, String), K>,
    /// What a list that has begun has reported so far.
    listing: Option<BTreeMap<(Option<String>, String), K>>,
    /// Whether a list was whole once.
    is_whole: bool,
}

impl<K: ResourceExt> Kept<K> {
    fn of(objects: Vec<K>) -> Self {
        Self { now: objects.into_iter().map(keyed).collect(), listing: None, is_whole: false }
    }

    fn take(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.listing = Some(BTreeMap::new()),
            Event::InitApply(object) => self.listing.get_or_insert_default().extend([keyed(object)]),
            Event::InitDone => {
                self.now = self.listing.take().unwrap_or_default();
                self.is_whole = true;
            }
            Event::Apply(object) => self.now.extend([keyed(object)]),
            Event::Delete(object) => drop(self.now.remove(&keyed(object).0)),
        }
    }
}

fn keyed<K: ResourceExt>(object: K) -> ((Option<String>, String), K) {
    ((object.namespace(), object.name_any()), object)
}

/// Everything that is watched.
pub(super) struct View {
    roles: Kept<CrossAccountRole>,
    accounts: Kept<AWSAccount>,
    /// What was read of accounts at first, which stays true where they may not be watched.
    read: BTreeMap<String, Seen>,
    /// Whether accounts are shown that no object names.
    everything: bool,
}

impl View {
    /// Begins with what was read.
    pub fn of(first: Snapshot, everything: bool) -> Self {
        let Snapshot { roles, accounts: read } = first;
        Self { roles: Kept::of(roles), accounts: Kept::of(Vec::new()), read, everything }
    }

    /// Takes a change in.
    pub fn take(&mut self, change: Change) {
        match change {
            Change::Role(event) => self.roles.take(*event),
            Change::Account(event) => self.accounts.take(*event),
        }
    }

    /// How things are now.
    pub fn snapshot(&self) -> Snapshot {
        let roles: Vec<_> = self.roles.now.values().cloned().collect();
        if !self.accounts.is_whole {
            return Snapshot { roles, accounts: self.read.clone() };
        }
        let all = self.accounts.now.values().map(|account| (account.name_any(), account));
        let mut found: BTreeMap<String, Seen> =
            all.map(|(name, account)| (name, Seen::Found(Box::new(account.clone())))).collect();
        let named: Vec<&String> = roles.iter().map(|role| &role.spec.account_ref.name).collect();
        if !self.everything {
            found.retain(|name, _| named.contains(&name));
        }
        for name in named {
            found.entry(name.clone()).or_insert(Seen::Missing);
        }
        Snapshot { roles, accounts: found }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{AWSAccountSpec, CrossAccountRoleSpec};

    fn role(name: &str, account: &str) -> CrossAccountRole {
        let mut spec = CrossAccountRoleSpec::default();
        spec.account_ref.name = account.to_owned();
        CrossAccountRole::new(name, spec)
    }

    fn account(name: &str) -> AWSAccount {
        AWSAccount::new(name, AWSAccountSpec::default())
    }

    fn shown(view: &View) -> (Vec<String>, Vec<(String, bool)>) {
        let Snapshot { roles, accounts } = view.snapshot();
        let is_found = |(name, seen)| (name, matches!(seen, Seen::Found(_)));
        (roles.iter().map(ResourceExt::name_any).collect(), accounts.into_iter().map(is_found).collect())
    }

    #[test]
    fn a_list_that_is_not_whole_takes_nothing_away() {
        let mut view = View::of(Snapshot { roles: vec![role("a", "prod")], ..Snapshot::default() }, false);
        view.take(Change::Role(Box::new(Event::Init)));
        view.take(Change::Role(Box::new(Event::InitApply(role("b", "prod")))));
        assert_eq!(shown(&view).0, ["a"]);
        view.take(Change::Role(Box::new(Event::InitDone)));
        assert_eq!(shown(&view).0, ["b"]);
        view.take(Change::Role(Box::new(Event::Apply(role("c", "prod")))));
        view.take(Change::Role(Box::new(Event::Delete(role("b", "prod")))));
        assert_eq!(shown(&view).0, ["c"]);
    }

    #[test]
    fn accounts_that_may_not_be_watched_stay_as_they_were_read() {
        let read = BTreeMap::from([("prod".to_owned(), Seen::Found(Box::new(account("prod"))))]);
        let mut view = View::of(Snapshot { roles: vec![role("a", "prod")], accounts: read }, false);
        assert_eq!(shown(&view).1, [("prod".to_owned(), true)]);
        for event in [Event::Init, Event::InitApply(account("dev")), Event::InitDone] {
            view.take(Change::Account(Box::new(event)));
        }
        assert_eq!(shown(&view).1, [("prod".to_owned(), false)], "it is gone, and nobody asked for dev");
        view.everything = true;
        assert_eq!(shown(&view).1, [("dev".to_owned(), true), ("prod".to_owned(), false)]);
    }
}
