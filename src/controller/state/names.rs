//! An index of the names that the watched objects declare, so that neither a conflict nor its end needs a call to AWS. Who has a
//! name is decided in [`crate::decide::names`].
//!
//! What the index cannot see (objects of another operator, or of another shard) is left to the tags on the role and the owner
//! of the Secret.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::CrossAccountRole;
use crate::decide::Refusal;
use crate::decide::names::{Claims, Kind, Name, Possession, Rank, conflict};

/// The names of all watched objects.
#[derive(Debug, Default)]
pub struct NameIndex(Mutex<Index>);

#[derive(Debug, Default)]
struct Index {
    entries: HashMap<String, Entry>,
    /// Rank and UID of those who declare a name.
    by_name: HashMap<Name, BTreeMap<Rank, String>>,
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
        let (Some(uid), Some(entry)) = (role.uid(), index.entry(role)) else { return Vec::new() };
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

    /// Takes note of what AWS says of a role, or Kubernetes of a Secret: whether the object owns it. Gives those whose right to
    /// a name may have changed.
    pub fn saw(&self, role: &CrossAccountRole, kind: Kind, owns: bool) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        let (Some(uid), Some(Entry { claims, .. })) = (role.uid(), index.entry(role)) else { return Vec::new() };
        let (name, _) = match kind {
            Kind::Role => claims.role,
            Kind::Secret => claims.secret,
        };
        if index.seen.entry(uid.clone()).or_default().insert(name, owns) == Some(owns) {
            return Vec::new();
        }
        let Some(entry) = index.entry(role) else { return Vec::new() };
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

    /// Why another object keeps this one from one of its names, if one does. The index may know a later state of the same
    /// object, and with it a better rank.
    pub fn conflict(&self, role: &CrossAccountRole) -> Option<Refusal> {
        let index = self.lock();
        let (uid, Entry { claims, .. }) = (role.uid()?, index.entry(role)?);
        claims.each().find_map(|(name, rank)| {
            let known = index.entries.get(&uid).and_then(|known| known.claims.each().find(|(other, _)| other == name));
            let rank = known.map_or(rank, |(_, known)| known);
            let mut before = index.by_name.get(name)?.keys().take_while(|other| *other < rank);
            let owner = before.find(|other| other.possession != Possession::NotOwner)?;
            Some(conflict(name, owner))
        })
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
    fn put(&mut self, uid: &str, entry: Entry) -> Vec<ObjectRef<CrossAccountRole>> {
        if self.entries.get(uid) == Some(&entry) {
            return Vec::new();
        }
        let mut others: HashSet<_> = self.remove(uid).into_iter().collect();
        for (name, rank) in entry.claims.each() {
            self.by_name.entry(name.clone()).or_default().insert(rank.clone(), uid.to_owned());
        }
        others.extend(self.after(&entry));
        self.entries.insert(uid.to_owned(), entry);
        others.into_iter().collect()
    }

    fn remove(&mut self, uid: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        let Some(entry) = self.entries.remove(uid) else { return Vec::new() };
        for (name, rank) in entry.claims.each() {
            if let Some(ranks) = self.by_name.get_mut(name) {
                ranks.remove(rank);
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
            let ranks = self.by_name.get(name).into_iter().flat_map(BTreeMap::keys);
            let later = ranks.filter(|other| *other > rank);
            others.extend(later.map(Rank::object));
        }
        others
    }

    fn entry(&self, role: &CrossAccountRole) -> Option<Entry> {
        let account = &role.spec.account_ref.name;
        let seen = |name: &Name| role.uid().and_then(|uid| self.seen.get(&uid)?.get(name).copied());
        let claims = Claims::of(role, self.accounts.get(account).unwrap_or(account), seen)?;
        Some(Entry { account: account.clone(), claims })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::Reason;

    fn role(name: &str, second: u32, spec: &Value) -> CrossAccountRole {
        let mut whole = json!({"accountRef": {"name": "analytics"}});
        whole.as_object_mut().expect("an object").extend(spec.as_object().expect("an object").clone());
        serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": name, "namespace": "team", "uid": format!("uid-{name}"),
                         "creationTimestamp": format!("2027-01-15T08:00:{second:02}Z")},
            "spec": whole,
        }))
        .expect("a role")
    }

    fn names(refs: &[ObjectRef<CrossAccountRole>]) -> Vec<&str> {
        refs.iter().map(|reference| reference.name.as_str()).collect()
    }

    #[test]
    fn the_older_one_has_the_role_whatever_the_case_and_the_order_of_arrival() {
        let older = role("older", 1, &json!({"role": {"name": "Reports"}}));
        let younger = role("younger", 2, &json!({"role": {"name": "rePORTS"}}));
        for order in [[&older, &younger], [&younger, &older]] {
            let index = NameIndex::default();
            for role in order {
                index.update(role);
            }
            assert!(index.conflict(&older).is_none());
            let refusal = index.conflict(&younger).expect("a conflict");
            assert_eq!(refusal.reason, Reason::Conflict);
            assert!(
                refusal.message.contains("team/older") && refusal.message.contains("spec.role.name"),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn of_two_of_one_second_the_one_that_has_a_role_keeps_it() {
        let index = NameIndex::default();
        let early = role("b", 1, &json!({"role": {"name": "reports"}}));
        let late = role("a", 1, &json!({"role": {"name": "reports"}}));
        index.update(&early);
        index.update(&late);
        assert!(
            index.conflict(&late).is_none() && index.conflict(&early).is_some(),
            "by name, as long as neither has one"
        );
        let mut has_it = early.clone();
        has_it.status = serde_json::from_value(json!({"role": {"arn": "arn:aws:iam::222222222222:role/reports"}})).ok();
        assert_eq!(names(&index.update(&has_it)), ["a"]);
        assert!(index.conflict(&has_it).is_none() && index.conflict(&late).is_some());
        assert!(index.conflict(&early).is_none(), "an earlier state of the same object has no rival in itself");
    }

    #[test]
    fn a_secret_has_one_owner_in_its_namespace() {
        let index = NameIndex::default();
        let older = role("older", 1, &json!({"secret": {"name": "aws"}}));
        let younger = role("aws", 2, &json!({}));
        index.update(&older);
        index.update(&younger);
        let refusal = index.conflict(&younger).expect("a conflict");
        assert!(refusal.message.contains("Secret aws"), "{}", refusal.message);
        let mut elsewhere = younger.clone();
        elsewhere.metadata.namespace = Some("other".into());
        assert!(index.conflict(&elsewhere).is_none());
    }

    #[test]
    fn the_younger_one_is_woken_when_the_older_one_goes_or_changes_its_name() {
        let index = NameIndex::default();
        let older = role("older", 1, &json!({"secret": {"name": "aws"}}));
        let younger = role("younger", 2, &json!({"secret": {"name": "aws"}}));
        index.update(&older);
        assert!(index.update(&younger).is_empty());
        assert_eq!(names(&index.update(&role("older", 1, &json!({"secret": {"name": "own"}})))), ["younger"]);
        assert!(index.conflict(&younger).is_none());
        index.update(&older);
        assert_eq!(names(&index.forget("uid-older")), ["younger"]);
        assert!(index.conflict(&younger).is_none());
    }

    #[test]
    fn who_is_not_allowed_keeps_nobody_from_a_name() {
        let index = NameIndex::default();
        let mut squatter = role("squatter", 1, &json!({"role": {"name": "reports"}}));
        let tenant = role("tenant", 2, &json!({"role": {"name": "reports"}}));
        index.update(&squatter);
        index.update(&tenant);
        assert!(index.conflict(&tenant).is_some(), "it may be allowed: nobody has looked yet");
        let refused = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "NotAllowed", "message": "",
                                             "lastTransitionTime": "2027-01-15T08:00:00Z"}]});
        squatter.status = serde_json::from_value(refused).expect("a status");
        assert_eq!(names(&index.update(&squatter)), ["tenant"]);
        assert!(index.conflict(&tenant).is_none());
    }

    #[test]
    fn the_true_owner_comes_before_an_older_object_that_only_names_its_role_or_secret() {
        for (spec, kind) in
            [(json!({"role": {"name": "reports"}}), Kind::Role), (json!({"secret": {"name": "aws"}}), Kind::Secret)]
        {
            let index = NameIndex::default();
            let (older, owner) = (role("older", 1, &spec), role("owner", 2, &spec));
            index.update(&older);
            index.update(&owner);
            assert!(index.conflict(&owner).is_some(), "nobody has looked yet");
            assert_eq!(names(&index.saw(&older, kind, false)), ["owner"]);
            assert!(index.conflict(&owner).is_none());
            index.saw(&owner, kind, true);
            assert!(index.conflict(&owner).is_none());
            let refusal = index.conflict(&older).expect("the other has it");
            assert!(refusal.message.contains("team/owner, which has it"), "{}", refusal.message);
            index.forget("uid-owner");
            assert!(index.conflict(&older).is_none());
        }
    }

    #[test]
    fn two_accounts_of_one_id_share_their_role_names() {
        let index = NameIndex::default();
        let older = role("older", 1, &json!({"role": {"name": "r"}}));
        let younger = role("younger", 2, &json!({"accountRef": {"name": "same"}, "role": {"name": "r"}}));
        index.update(&older);
        index.update(&younger);
        assert_eq!(names(&index.record_account("analytics", "222222222222")), ["older"]);
        assert!(index.conflict(&younger).is_none(), "the id of its account is not known yet");
        assert_eq!(names(&index.record_account("same", "222222222222")), ["younger"]);
        assert!(index.record_account("same", "222222222222").is_empty());
        assert!(index.conflict(&younger).is_some() && index.conflict(&older).is_none());
    }

    #[test]
    fn what_a_new_list_no_longer_has_is_forgotten() {
        let index = NameIndex::default();
        let (older, younger) =
            (role("older", 1, &json!({"role": {"name": "r"}})), role("younger", 2, &json!({"role": {"name": "r"}})));
        index.update(&older);
        index.update(&younger);
        assert_eq!(names(&index.retain(&HashSet::from(["uid-younger".to_owned()]))), ["younger"]);
        assert!(index.conflict(&younger).is_none());
    }
}
