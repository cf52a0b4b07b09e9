//! An index of the names that the watched objects declare, so that neither a conflict nor its end needs a call to AWS. Who has a
//! name is decided in [`crate::decide::names`].
//!
//! What the index cannot see (objects of another operator, or of another shard) is left to the tags on the role and the owner
//! of the Secret.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::CrossAccountRole;
use crate::decide::Refusal;
use crate::decide::names::{Claims, Kind, Name, Possession, Rank, View, conflict};

/// The names of all watched objects.
#[derive(Debug, Default)]
pub struct NameIndex(Mutex<Index>);

#[derive(Debug, Default)]
struct Index {
    entries: HashMap<String, Entry>,
    /// Rank and UID of those who declare a name, in the order of their ranks. Most names have one.
    by_name: HashMap<Name, Vec<(Rank, String)>>,
    /// By UID: whether this process saw the object to own a name.
    seen: HashMap<String, HashMap<Name, bool>>,
    /// Ids of accounts by the name of their object.
    accounts: HashMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Name of the `AWSAccount`.
    account: String,
    claims: Claims,
}

impl NameIndex {
    /// Takes note of an object. Gives those whose right to a name may have changed with it.
    pub fn update(&self, role: &CrossAccountRole) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        let (Some(uid), Some(entry)) = (role.uid(), index.entry(role, View::Others)) else { return Vec::new() };
        index.put(&uid, entry)
    }

    /// Takes note of the id of an account: two objects of one id share their role names. Gives those whose right to a name may
    /// have changed with it.
    pub fn record_account(&self, name: &str, id: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        if index.accounts.insert(name.to_owned(), id.to_owned()).as_deref() == Some(id) {
            return Vec::new();
        }
        let of_account = index.entries.iter().filter(|(_, entry)| entry.account == name);
        let moved: Vec<(String, Entry)> = of_account.map(|(uid, entry)| (uid.clone(), entry.moved_to(id))).collect();
        let mut concerned: Vec<_> = moved.iter().map(|(_, entry)| entry.claims.object()).collect();
        concerned.extend(moved.into_iter().flat_map(|(uid, entry)| index.put(&uid, entry)));
        concerned
    }

    /// The id of an account; none if there is no such account.
    pub fn account_id(&self, name: &str) -> Option<String> {
        self.lock().accounts.get(name).cloned()
    }

    /// Takes note of what AWS says of a role, or Kubernetes of a Secret: whether the object owns it. Gives those whose right to
    /// a name may have changed.
    pub fn saw(&self, role: &CrossAccountRole, kind: Kind, owns: bool) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        let (Some(uid), Some(Entry { claims, .. })) = (role.uid(), index.entry(role, View::Others)) else {
            return Vec::new();
        };
        let (name, _) = match kind {
            Kind::Role => claims.role,
            Kind::Secret => claims.secret,
        };
        if index.seen.entry(uid.clone()).or_default().insert(name, owns) == Some(owns) {
            return Vec::new();
        }
        let Some(entry) = index.entry(role, View::Others) else { return Vec::new() };
        index.put(&uid, entry)
    }

    /// Forgets an object that is gone. Gives those whose right to a name may have changed with it.
    pub fn forget(&self, uid: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        index.seen.remove(uid);
        index.remove(uid)
    }

    /// Forgets all objects but these. Gives those whose right to a name may have changed with it.
    pub fn retain(&self, alive: &HashSet<String>) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        index.seen.retain(|uid, _| alive.contains(uid));
        let gone: Vec<String> = index.entries.keys().filter(|uid| !alive.contains(*uid)).cloned().collect();
        gone.iter().flat_map(|uid| index.remove(uid)).collect()
    }

    /// The object that has a name, or comes first of those that declare it.
    pub fn owner(&self, name: &Name) -> Option<ObjectRef<CrossAccountRole>> {
        let index = self.lock();
        let first = index.ranks(name).find(|rank| rank.possession != Possession::NotOwner)?;
        Some(first.object())
    }

    /// Why another object keeps this one from one of its names, if one does. The index may know a later state of the same
    /// object, and with it a better rank.
    pub fn conflict(&self, role: &CrossAccountRole) -> Option<Refusal> {
        let index = self.lock();
        let (uid, Entry { claims, .. }) = (role.uid()?, index.entry(role, View::Itself)?);
        claims.each().find_map(|(name, rank)| {
            let known = index.entries.get(&uid).and_then(|known| known.claims.each().find(|(other, _)| other == name));
            let rank = known.map_or(rank, |(_, known)| known.min(rank));
            let mut before = index.ranks(name).take_while(|other| *other < rank);
            let owner = before.find(|other| other.possession != Possession::NotOwner)?;
            Some(conflict(name, owner))
        })
    }

    /// Whether this process saw the object to own its role, and its Secret.
    #[cfg(test)]
    pub fn seen_of(&self, role: &CrossAccountRole) -> [Option<bool>; 2] {
        let index = self.lock();
        let Some(Entry { claims, .. }) = index.entry(role, View::Others) else { return [None; 2] };
        [claims.role.0, claims.secret.0].map(|name| index.seen.get(&role.uid()?)?.get(&name).copied())
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // A panic while locked leaves at worst a claim too many, which the next list takes away.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    /// The same object, once the id of its account is known.
    fn moved_to(&self, id: &str) -> Self {
        let mut moved = self.clone();
        id.clone_into(&mut moved.claims.role.0.within);
        moved
    }
}

impl Index {
    /// Those who declare a name, in their order.
    fn ranks(&self, name: &Name) -> impl Iterator<Item = &Rank> {
        self.by_name.get(name).into_iter().flatten().map(|(rank, _)| rank)
    }

    fn put(&mut self, uid: &str, entry: Entry) -> Vec<ObjectRef<CrossAccountRole>> {
        if self.entries.get(uid) == Some(&entry) {
            return Vec::new();
        }
        let mut others: HashSet<_> = self.remove(uid).into_iter().collect();
        for (name, rank) in entry.claims.each() {
            let ranks = self.by_name.entry(name.clone()).or_default();
            let place = ranks.partition_point(|(other, _)| other < rank);
            ranks.insert(place, (rank.clone(), uid.to_owned()));
        }
        others.extend(self.after(&entry));
        self.entries.insert(uid.to_owned(), entry);
        others.into_iter().collect()
    }

    fn remove(&mut self, uid: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        let Some(entry) = self.entries.remove(uid) else { return Vec::new() };
        for (name, rank) in entry.claims.each() {
            if let Some(ranks) = self.by_name.get_mut(name) {
                ranks.retain(|(other, _)| other != rank);
                if ranks.is_empty() {
                    self.by_name.remove(name);
                }
            }
        }
        self.after(&entry)
    }

    /// Others that declare a name of this one and rank after it.
    fn after(&self, entry: &Entry) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut others = Vec::new();
        for (name, rank) in entry.claims.each() {
            let later = self.ranks(name).filter(|other| *other > rank);
            others.extend(later.map(Rank::object));
        }
        others
    }

    fn entry(&self, role: &CrossAccountRole, view: View) -> Option<Entry> {
        let account = &role.spec.account_ref.name;
        let seen = |name: &Name| role.uid().and_then(|uid| self.seen.get(&uid)?.get(name).copied());
        let claims = Claims::of(role, self.accounts.get(account).unwrap_or(account), view, seen)?;
        Some(Entry { account: account.clone(), claims })
    }
}

#[cfg(test)]
mod tests;
