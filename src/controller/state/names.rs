//! Who has a name that only one object can have: a role of an account, a Secret of a namespace.
//!
//! An index over the watched objects, so that neither a conflict nor its end needs a call to AWS. Possession comes before age:
//! an object that was seen to own what it names keeps it, and one that was seen not to keeps nobody from it. Status is a hint
//! until this process has looked. What the index cannot see (objects of another operator, or of another shard) is left to the
//! tags on the role and the owner of the Secret.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::{ConditionType, CrossAccountRole, Reason};
use crate::decide::Refusal;
use crate::domain::default_role_name;

/// A name of which there is only one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Name {
    /// A role of an account, in lower case: IAM compares names without case.
    Role { account: String, name: String },
    /// A Secret.
    Secret { namespace: String, name: String },
}

/// Whether an object has what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Possession {
    /// It owns it.
    Owner,
    /// Nobody has looked.
    Unknown,
    /// It is refused, or somebody else owns it.
    Stranger,
}

/// Who comes first: by possession, then by age, of which Kubernetes keeps whole seconds, and at last by name, so that every
/// process finds the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    possession: Possession,
    created: Timestamp,
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Claimant {
    names: [(Name, Rank); 2],
}

/// The names of all watched objects.
#[derive(Debug, Default)]
pub struct NameIndex(Mutex<Index>);

#[derive(Debug, Default)]
struct Index {
    claimants: HashMap<String, Claimant>,
    /// Rank and UID of those who declare a name.
    by_name: HashMap<Name, BTreeMap<Rank, String>>,
    /// By UID: whether this process saw the object to own a name.
    seen: HashMap<String, HashMap<Name, bool>>,
    /// Ids of accounts by the name of their object.
    accounts: HashMap<String, String>,
}

impl NameIndex {
    /// Takes note of an object. Gives those whose right to a name may have changed with it.
    pub fn note(&self, role: &CrossAccountRole) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        let (Some(uid), Some(claimant)) = (role.uid(), index.claimant(role)) else { return Vec::new() };
        index.put(&uid, claimant)
    }

    /// Takes note of the id of an account: two objects of one id share their role names. Roles that were noted before are to
    /// be noted again if this says so.
    pub fn note_account(&self, name: &str, id: &str) -> bool {
        self.lock().accounts.insert(name.to_owned(), id.to_owned()).as_deref() != Some(id)
    }

    /// Takes note of what AWS says: whether the object owns its role. Gives those whose right to a name may have changed.
    pub fn saw_role(&self, role: &CrossAccountRole, owns: bool) -> Vec<ObjectRef<CrossAccountRole>> {
        self.saw(role, 0, owns)
    }

    /// Takes note of what Kubernetes says: whether the object owns its Secret. Gives those whose right may have changed.
    pub fn saw_secret(&self, role: &CrossAccountRole, owns: bool) -> Vec<ObjectRef<CrossAccountRole>> {
        self.saw(role, 1, owns)
    }

    fn saw(&self, role: &CrossAccountRole, which: usize, owns: bool) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        let (Some(uid), Some(claimant)) = (role.uid(), index.claimant(role)) else { return Vec::new() };
        let Some((name, _)) = claimant.names.into_iter().nth(which) else { return Vec::new() };
        if index.seen.entry(uid.clone()).or_default().insert(name, owns) == Some(owns) {
            return Vec::new();
        }
        let Some(claimant) = index.claimant(role) else { return Vec::new() };
        index.put(&uid, claimant)
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
        let gone: Vec<String> = index.claimants.keys().filter(|uid| !alive.contains(*uid)).cloned().collect();
        gone.iter().flat_map(|uid| index.remove(uid)).collect()
    }

    /// Why another object keeps this one from one of its names, if one does. The index may know a later state of the same
    /// object, and with it a better rank.
    pub fn conflict(&self, role: &CrossAccountRole) -> Option<Refusal> {
        let index = self.lock();
        let (uid, Claimant { names }) = (role.uid()?, index.claimant(role)?);
        names.into_iter().find_map(|(name, rank)| {
            let known =
                index.claimants.get(&uid).and_then(|known| known.names.iter().find(|(other, _)| *other == name));
            let rank = known.map_or(rank, |(_, known)| known.clone());
            let mut before = index.by_name.get(&name)?.iter().take_while(|(other, _)| **other < rank);
            let (rival, _) = before.find(|(other, _)| other.possession != Possession::Stranger)?;
            Some(conflict(&name, rival))
        })
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // A panic while locked leaves at worst a claim too many, which the next list takes away.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn put(&mut self, uid: &str, claimant: Claimant) -> Vec<ObjectRef<CrossAccountRole>> {
        if self.claimants.get(uid) == Some(&claimant) {
            return Vec::new();
        }
        let mut others: HashSet<_> = self.remove(uid).into_iter().collect();
        for (name, rank) in claimant.names.clone() {
            self.by_name.entry(name).or_default().insert(rank, uid.to_owned());
        }
        others.extend(self.after(&claimant));
        self.claimants.insert(uid.to_owned(), claimant);
        others.into_iter().collect()
    }

    fn remove(&mut self, uid: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        let Some(claimant) = self.claimants.remove(uid) else { return Vec::new() };
        for (name, rank) in &claimant.names {
            if let Some(ranks) = self.by_name.get_mut(name) {
                ranks.remove(rank);
                if ranks.is_empty() {
                    self.by_name.remove(name);
                }
            }
        }
        self.after(&claimant)
    }

    /// Others that declare a name of this one and rank after it.
    fn after(&self, claimant: &Claimant) -> Vec<ObjectRef<CrossAccountRole>> {
        let of_name = |(name, rank): &'_ (Name, Rank)| {
            let ranks = self.by_name.get(name).into_iter().flatten().map(|(other, _)| other);
            ranks
                .filter(|other| *other > rank)
                .map(|other| ObjectRef::new(&other.name).within(&other.namespace))
                .collect::<Vec<_>>()
        };
        claimant.names.iter().flat_map(of_name).collect()
    }

    fn claimant(&self, role: &CrossAccountRole) -> Option<Claimant> {
        let (namespace, name) = (role.namespace()?, role.name_any());
        let created = role.metadata.creation_timestamp.as_ref()?.0;
        let iam_name = role.spec.role.name.clone().unwrap_or_else(|| default_role_name(&namespace, &name));
        let account = &role.spec.account_ref.name;
        let names = [
            Name::Role {
                account: self.accounts.get(account).unwrap_or(account).clone(),
                name: iam_name.to_lowercase(),
            },
            Name::Secret {
                namespace: namespace.clone(),
                name: role.spec.secret.name.clone().unwrap_or_else(|| name.clone()),
            },
        ];
        let status = role.status.as_ref();
        let secret = status.and_then(|status| status.credentials.as_ref()?.secret_name.clone());
        let [of_role, of_secret] = names;
        let published = matches!(&of_secret, Name::Secret { name, .. } if Some(name) == secret.as_ref());
        let rank = |possession| Rank { possession, created, namespace: namespace.clone(), name: name.clone() };
        let role_hint = (Reason::RoleNotOwned, role.reported_role().is_some());
        let role_rank = rank(self.possession(role, &of_role, role_hint));
        let secret_rank = rank(self.possession(role, &of_secret, (Reason::SecretNotOwned, published)));
        Some(Claimant { names: [(of_role, role_rank), (of_secret, secret_rank)] })
    }

    /// What this process saw; before that, what status says: the reason that means "not mine", and whether it reports the
    /// thing.
    fn possession(&self, role: &CrossAccountRole, name: &Name, (not_mine, reported): (Reason, bool)) -> Possession {
        let is = |reason| role.has_reason(ConditionType::Ready, reason);
        let seen = role.uid().and_then(|uid| self.seen.get(&uid)?.get(name).copied());
        match seen {
            _ if is(Reason::NotAllowed) => Possession::Stranger,
            Some(true) => Possession::Owner,
            Some(false) => Possession::Stranger,
            None if is(not_mine) => Possession::Stranger,
            None if reported => Possession::Owner,
            None => Possession::Unknown,
        }
    }
}

fn conflict(name: &Name, rival: &Rank) -> Refusal {
    let (what, field) = match name {
        Name::Role { account, name } => (format!("role {name} of account {account}"), "spec.role.name"),
        Name::Secret { name, .. } => (format!("Secret {name}"), "spec.secret.name"),
    };
    let has = if rival.possession == Possession::Owner { "has it" } else { "is older" };
    let message = format!(
        "{what} belongs to CrossAccountRole {}/{}, which {has}; choose another {field}, or delete one of the two",
        rival.namespace, rival.name
    );
    Refusal::new(Reason::Conflict, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

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
                index.note(role);
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
        index.note(&early);
        index.note(&late);
        assert!(
            index.conflict(&late).is_none() && index.conflict(&early).is_some(),
            "by name, as long as neither has one"
        );
        let mut has_it = early.clone();
        has_it.status = serde_json::from_value(json!({"role": {"arn": "arn:aws:iam::222222222222:role/reports"}})).ok();
        assert_eq!(names(&index.note(&has_it)), ["a"]);
        assert!(index.conflict(&has_it).is_none() && index.conflict(&late).is_some());
        assert!(index.conflict(&early).is_none(), "an earlier state of the same object has no rival in itself");
    }

    #[test]
    fn a_secret_has_one_owner_in_its_namespace() {
        let index = NameIndex::default();
        let older = role("older", 1, &json!({"secret": {"name": "aws"}}));
        let younger = role("aws", 2, &json!({}));
        index.note(&older);
        index.note(&younger);
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
        index.note(&older);
        assert!(index.note(&younger).is_empty());
        assert_eq!(names(&index.note(&role("older", 1, &json!({"secret": {"name": "own"}})))), ["younger"]);
        assert!(index.conflict(&younger).is_none());
        index.note(&older);
        assert_eq!(names(&index.forget("uid-older")), ["younger"]);
        assert!(index.conflict(&younger).is_none());
    }

    #[test]
    fn who_is_not_allowed_keeps_nobody_from_a_name() {
        let index = NameIndex::default();
        let mut squatter = role("squatter", 1, &json!({"role": {"name": "reports"}}));
        let tenant = role("tenant", 2, &json!({"role": {"name": "reports"}}));
        index.note(&squatter);
        index.note(&tenant);
        assert!(index.conflict(&tenant).is_some(), "it may be allowed: nobody has looked yet");
        let refused = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "NotAllowed", "message": "",
                                             "lastTransitionTime": "2027-01-15T08:00:00Z"}]});
        squatter.status = serde_json::from_value(refused).expect("a status");
        assert_eq!(names(&index.note(&squatter)), ["tenant"]);
        assert!(index.conflict(&tenant).is_none());
    }

    #[test]
    fn the_true_owner_comes_before_an_older_object_that_only_names_its_role_or_secret() {
        for (spec, which) in [(json!({"role": {"name": "reports"}}), 0), (json!({"secret": {"name": "aws"}}), 1)] {
            let index = NameIndex::default();
            let (older, owner) = (role("older", 1, &spec), role("owner", 2, &spec));
            index.note(&older);
            index.note(&owner);
            assert!(index.conflict(&owner).is_some(), "nobody has looked yet");
            assert_eq!(names(&index.saw(&older, which, false)), ["owner"]);
            assert!(index.conflict(&owner).is_none());
            index.saw(&owner, which, true);
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
        assert!(index.note_account("analytics", "222222222222") && index.note_account("same", "222222222222"));
        assert!(!index.note_account("same", "222222222222"));
        index.note(&older);
        index.note(&younger);
        assert!(index.conflict(&younger).is_some());
    }

    #[test]
    fn what_a_new_list_no_longer_has_is_forgotten() {
        let index = NameIndex::default();
        let (older, younger) =
            (role("older", 1, &json!({"role": {"name": "r"}})), role("younger", 2, &json!({"role": {"name": "r"}})));
        index.note(&older);
        index.note(&younger);
        assert_eq!(names(&index.retain(&HashSet::from(["uid-younger".to_owned()]))), ["younger"]);
        assert!(index.conflict(&younger).is_none());
    }
}
