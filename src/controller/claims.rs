//! Who may have a name that only one object can have: the oldest that declares it.
//!
//! An index over the watched objects, so that neither a conflict nor its end needs a call to AWS. What it cannot see
//! (objects of another operator, or of another shard) is left to the tags on the role and the owner of the Secret.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::api::{ConditionType, CrossAccountRole, Reason};
use crate::decide::Refusal;
use crate::decide::conditions::find;
use crate::domain::default_role_name;

/// A name of which there is only one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Claim {
    /// A role of an account, in lower case: IAM compares names without case.
    Role { account: String, name: String },
    /// A Secret.
    Secret { namespace: String, name: String },
}

/// Who comes first: by age, of which Kubernetes keeps whole seconds; then whoever has a role already; and at last by name, so
/// that every process finds the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    created: Timestamp,
    is_new: bool,
    namespace: String,
    name: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Claimant {
    rank: Rank,
    claims: [Claim; 2],
    /// The platform team does not let it in: it cannot keep others from a name.
    refused: bool,
}

/// All claims of the watched objects.
#[derive(Debug, Default)]
pub struct Claims(Mutex<Index>);

#[derive(Debug, Default)]
struct Index {
    claimants: HashMap<String, Claimant>,
    /// Rank and UID of those who declare a name.
    by_claim: HashMap<Claim, BTreeMap<Rank, String>>,
}

impl Claims {
    /// Takes note of an object. Gives those whose right to a name may have changed with it.
    pub fn note(&self, role: &CrossAccountRole) -> Vec<ObjectRef<CrossAccountRole>> {
        let (Some(uid), Some(claimant)) = (role.uid(), claimant(role)) else { return Vec::new() };
        let mut index = self.lock();
        if index.claimants.get(&uid) == Some(&claimant) {
            return Vec::new();
        }
        let mut others: HashSet<_> = index.remove(&uid).into_iter().collect();
        for claim in claimant.claims.clone() {
            index.by_claim.entry(claim).or_default().insert(claimant.rank.clone(), uid.clone());
        }
        others.extend(index.after(&claimant));
        index.claimants.insert(uid, claimant);
        others.into_iter().collect()
    }

    /// Forgets an object that is gone. Gives those whose right to a name may have changed with it.
    pub fn forget(&self, uid: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        self.lock().remove(uid)
    }

    /// Forgets all objects but these. Gives those whose right to a name may have changed with it.
    pub fn retain(&self, alive: &HashSet<String>) -> Vec<ObjectRef<CrossAccountRole>> {
        let mut index = self.lock();
        let gone: Vec<String> = index.claimants.keys().filter(|uid| !alive.contains(*uid)).cloned().collect();
        gone.iter().flat_map(|uid| index.remove(uid)).collect()
    }

    /// Refuses an object that declares what an older one has. The index may know a later state of the same object, and with
    /// it a better rank.
    pub fn check(&self, role: &CrossAccountRole) -> Result<(), Refusal> {
        let (Some(uid), Some(Claimant { rank, claims, .. })) = (role.uid(), claimant(role)) else { return Ok(()) };
        let index = self.lock();
        let rank = index.claimants.get(&uid).map_or(rank, |known| known.rank.clone());
        for claim in &claims {
            let rivals = index.by_claim.get(claim).into_iter().flatten();
            let mut older = rivals.take_while(|(other, _)| **other < rank);
            let holds = |uid: &String| index.claimants.get(uid).is_some_and(|rival| !rival.refused);
            if let Some((rank, _)) = older.find(|(_, uid)| holds(uid)) {
                return Err(conflict(claim, rank));
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        // A panic while locked leaves at worst a claim too many, which the next list takes away.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn remove(&mut self, uid: &str) -> Vec<ObjectRef<CrossAccountRole>> {
        let Some(claimant) = self.claimants.remove(uid) else { return Vec::new() };
        let others = self.after(&claimant);
        for claim in &claimant.claims {
            if let Some(ranks) = self.by_claim.get_mut(claim) {
                ranks.remove(&claimant.rank);
                if ranks.is_empty() {
                    self.by_claim.remove(claim);
                }
            }
        }
        others
    }

    /// Younger ones that declare a name of this one.
    fn after(&self, claimant: &Claimant) -> Vec<ObjectRef<CrossAccountRole>> {
        let ranks = claimant.claims.iter().filter_map(|claim| self.by_claim.get(claim)).flatten();
        let younger = ranks.map(|(rank, _)| rank).filter(|rank| **rank > claimant.rank);
        younger.map(|rank| ObjectRef::new(&rank.name).within(&rank.namespace)).collect()
    }
}

fn claimant(role: &CrossAccountRole) -> Option<Claimant> {
    let (namespace, name) = (role.namespace()?, role.name_any());
    let created = role.metadata.creation_timestamp.as_ref()?.0;
    let iam_name = role.spec.role.name.clone().unwrap_or_else(|| default_role_name(&namespace, &name));
    let conditions = role.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default();
    let refused = find(conditions, ConditionType::Ready).is_some_and(|c| c.reason == Reason::NotAllowed.as_str());
    let claims = [
        Claim::Role { account: role.spec.account_ref.name.clone(), name: iam_name.to_lowercase() },
        Claim::Secret {
            namespace: namespace.clone(),
            name: role.spec.secret.name.clone().unwrap_or_else(|| name.clone()),
        },
    ];
    let is_new = role.status.as_ref().is_none_or(|status| status.role.is_none());
    Some(Claimant { rank: Rank { created, is_new, namespace, name }, claims, refused })
}

fn conflict(claim: &Claim, rank: &Rank) -> Refusal {
    let Rank { namespace, name, .. } = rank;
    let (what, field) = match claim {
        Claim::Role { account, name } => (format!("role {name} of AWSAccount {account}"), "spec.role.name"),
        Claim::Secret { name, .. } => (format!("Secret {name}"), "spec.secret.name"),
    };
    let told = format!(
        "{what} belongs to CrossAccountRole {namespace}/{name}, which is older; choose another {field}, or delete one of the two"
    );
    Refusal::new(Reason::Conflict, told)
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
            let claims = Claims::default();
            for role in order {
                claims.note(role);
            }
            assert!(claims.check(&older).is_ok());
            let refusal = claims.check(&younger).expect_err("a conflict");
            assert_eq!(refusal.reason, Reason::Conflict);
            assert!(
                refusal.message.contains("team/older") && refusal.message.contains("spec.role.name"),
                "{refusal:?}"
            );
        }
    }

    #[test]
    fn of_two_of_one_second_the_one_that_has_a_role_keeps_it() {
        let claims = Claims::default();
        let early = role("b", 1, &json!({"role": {"name": "reports"}}));
        let late = role("a", 1, &json!({"role": {"name": "reports"}}));
        claims.note(&early);
        claims.note(&late);
        assert!(claims.check(&late).is_ok() && claims.check(&early).is_err(), "by name, as long as neither has one");
        let mut has_it = early.clone();
        has_it.status = serde_json::from_value(json!({"role": {"arn": "arn:aws:iam::222222222222:role/reports"}})).ok();
        assert_eq!(names(&claims.note(&has_it)), ["a"]);
        assert!(claims.check(&has_it).is_ok() && claims.check(&late).is_err());
        assert!(claims.check(&early).is_ok(), "an earlier state of the same object has no rival in itself");
    }

    #[test]
    fn a_secret_has_one_owner_in_its_namespace() {
        let claims = Claims::default();
        let older = role("older", 1, &json!({"secret": {"name": "aws"}}));
        let younger = role("aws", 2, &json!({}));
        claims.note(&older);
        claims.note(&younger);
        let refusal = claims.check(&younger).expect_err("a conflict");
        assert!(refusal.message.contains("Secret aws"), "{}", refusal.message);
        let mut elsewhere = younger.clone();
        elsewhere.metadata.namespace = Some("other".into());
        assert!(claims.check(&elsewhere).is_ok());
    }

    #[test]
    fn the_younger_one_is_woken_when_the_older_one_goes_or_changes_its_name() {
        let claims = Claims::default();
        let older = role("older", 1, &json!({"secret": {"name": "aws"}}));
        let younger = role("younger", 2, &json!({"secret": {"name": "aws"}}));
        claims.note(&older);
        assert!(claims.note(&younger).is_empty());
        assert_eq!(names(&claims.note(&role("older", 1, &json!({"secret": {"name": "own"}})))), ["younger"]);
        assert!(claims.check(&younger).is_ok());
        claims.note(&older);
        assert_eq!(names(&claims.forget("uid-older")), ["younger"]);
        assert!(claims.check(&younger).is_ok());
    }

    #[test]
    fn who_is_not_allowed_keeps_nobody_from_a_name() {
        let claims = Claims::default();
        let mut squatter = role("squatter", 1, &json!({"role": {"name": "reports"}}));
        let tenant = role("tenant", 2, &json!({"role": {"name": "reports"}}));
        claims.note(&squatter);
        claims.note(&tenant);
        assert!(claims.check(&tenant).is_err(), "it may be allowed: nobody has looked yet");
        let refused = json!({"conditions": [{"type": "Ready", "status": "False", "reason": "NotAllowed", "message": "",
                                             "lastTransitionTime": "2027-01-15T08:00:00Z"}]});
        squatter.status = serde_json::from_value(refused).expect("a status");
        assert_eq!(names(&claims.note(&squatter)), ["tenant"]);
        assert!(claims.check(&tenant).is_ok());
    }

    #[test]
    fn what_a_new_list_no_longer_has_is_forgotten() {
        let claims = Claims::default();
        let (older, younger) =
            (role("older", 1, &json!({"role": {"name": "r"}})), role("younger", 2, &json!({"role": {"name": "r"}})));
        claims.note(&older);
        claims.note(&younger);
        assert_eq!(names(&claims.retain(&HashSet::from(["uid-younger".to_owned()]))), ["younger"]);
        assert!(claims.check(&younger).is_ok());
    }
}
