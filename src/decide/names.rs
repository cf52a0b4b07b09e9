//! Who has a name that only one object can have: a role of an account, a Secret of a namespace.
//!
//! Possession comes before age: an object that owns what it names keeps it, and one that is refused, or does not own it, keeps
//! nobody from it. Status is a hint until a process has looked.

use jiff::Timestamp;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use super::Refusal;
use crate::api::{ConditionType, CrossAccountRole, Lifecycle, Reason};
use crate::domain::tag;

/// What has the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A role of an account.
    Role,
    /// A Secret of a namespace.
    Secret,
}

/// A name of which there is only one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// What has it.
    pub kind: Kind,
    /// Id of the account, or the namespace.
    pub within: String,
    /// The name. That of a role is in lower case: IAM compares names without case.
    pub name: String,
}

impl Name {
    /// That of a role.
    #[must_use]
    pub fn of_role(account: &str, name: &str) -> Self {
        Self { kind: Kind::Role, within: account.to_owned(), name: name.to_lowercase() }
    }
}

/// Whether an object has what it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Possession {
    /// It owns it.
    Owner,
    /// Nobody has looked.
    Unknown,
    /// It is refused, or does not own it.
    NotOwner,
}

/// Who comes first: by possession, then by age, of which Kubernetes keeps whole seconds, and at last by name, so that every
/// process finds the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    /// Whether it has what it names.
    pub possession: Possession,
    created: Timestamp,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
}

impl Rank {
    /// The object.
    #[must_use]
    pub fn object(&self) -> ObjectRef<CrossAccountRole> {
        ObjectRef::new(&self.name).within(&self.namespace)
    }
}

/// The names that an object declares, each with its rank.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Its role.
    pub role: (Name, Rank),
    /// Its Secret.
    pub secret: (Name, Rank),
}

impl Claims {
    /// The claims of an object in the account of this id. `seen` says whether this process saw the object to own a name. None
    /// for an object that the API server does not store.
    pub fn of(
        role: &CrossAccountRole,
        account: &str,
        view: View,
        seen: impl Fn(&Name) -> Option<bool>,
    ) -> Option<Self> {
        let (namespace, name) = (role.namespace()?, role.name_any());
        let created = role.metadata.creation_timestamp.as_ref()?.0;
        let of_role = Name::of_role(account, &role.iam_role_name());
        let of_secret = Name { kind: Kind::Secret, within: namespace.clone(), name: role.secret_name() };
        let observes = role.spec.role.lifecycle == Lifecycle::Observe;
        let refused = REFUSED.into_iter().any(|reason| role.has_reason(ConditionType::Ready, reason));
        let rank = |of: &Name, not_mine, reported, has_nothing: bool| Rank {
            possession: match possession(role, seen(of), not_mine, reported) {
                Possession::Unknown if view == View::Others && has_nothing => Possession::NotOwner,
                possession => possession,
            },
            created,
            namespace: namespace.clone(),
            name: name.clone(),
        };
        let published = role.status.as_ref().and_then(|status| status.credentials.as_ref()?.secret_name.as_ref());
        // A role that is only observed is somebody else's, although status reports it.
        let role_reported = role.reported_role().is_some() && !observes;
        let role_rank = rank(&of_role, Reason::RoleNotOwned, role_reported, refused || observes);
        let secret_rank = rank(&of_secret, Reason::SecretNotOwned, published == Some(&of_secret.name), refused);
        Some(Self { role: (of_role, role_rank), secret: (of_secret, secret_rank) })
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> ObjectRef<CrossAccountRole> {
        self.role.1.object()
    }

    /// Both.
    pub fn each(&self) -> impl Iterator<Item = &(Name, Rank)> {
        [&self.role, &self.secret].into_iter()
    }
}

/// For whom an object's claims are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// For the object itself: what it was refused for before may be over.
    Itself,
    /// For others: it keeps nobody from a name while it is refused.
    Others,
}

/// Reasons for which an object that has nothing yet gets nothing without somebody's help.
const REFUSED: [Reason; 6] = [
    Reason::InvalidSpec,
    Reason::NotSupported,
    Reason::Conflict,
    Reason::RoleNotOwned,
    Reason::RoleNotFound,
    Reason::SecretNotOwned,
];

/// What this process saw; before that, what status says. `not_mine` is the reason that means somebody else's, and `reported`
/// whether status reports the thing.
fn possession(role: &CrossAccountRole, seen: Option<bool>, not_mine: Reason, reported: bool) -> Possession {
    let is = |reason| role.has_reason(ConditionType::Ready, reason);
    match seen {
        _ if is(Reason::NotAllowed) => Possession::NotOwner,
        Some(true) => Possession::Owner,
        Some(false) => Possession::NotOwner,
        None if is(not_mine) => Possession::NotOwner,
        None if reported => Possession::Owner,
        None => Possession::Unknown,
    }
}

/// Refuses an object because another one, of this rank, has the name.
#[must_use]
pub fn conflict(name: &Name, other: &Rank) -> Refusal {
    let (what, field) = match name.kind {
        Kind::Role => (format!("role {} of account {}", name.name, name.within), "spec.role.name"),
        Kind::Secret => (format!("Secret {}", name.name), "spec.secret.name"),
    };
    let why = if other.possession == Possession::Owner { "has it" } else { "is older" };
    let or_move = match (name.kind, other.possession) {
        (Kind::Role, Possession::Owner) => {
            format!(", or hand the role over by its tags {} and {}", tag::NAMESPACE, tag::NAME)
        }
        _ => String::new(),
    };
    let message = format!(
        "{what} belongs to CrossAccountRole {}/{}, which {why}; choose another {field}, or delete one of the two{or_move}",
        other.namespace, other.name
    );
    Refusal::new(Reason::Conflict, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn role(status: &Value) -> CrossAccountRole {
        serde_json::from_value(json!({
            "apiVersion": "iam.crossaccount.dev/v1alpha1", "kind": "CrossAccountRole",
            "metadata": {"name": "reader", "namespace": "team", "creationTimestamp": "2027-01-15T08:00:00Z"},
            "spec": {"accountRef": {"name": "analytics"}, "role": {"name": "Reports"}}, "status": status,
        }))
        .expect("a role")
    }

    fn refused(reason: &str) -> Value {
        json!({"conditions": [{"type": "Ready", "status": "False", "reason": reason, "message": "",
                               "lastTransitionTime": "2027-01-15T08:00:00Z"}]})
    }

    #[test]
    fn a_role_is_named_by_the_id_of_its_account_without_case_and_a_secret_by_its_namespace() {
        let Claims { role: (of_role, _), secret: (of_secret, _) } =
            Claims::of(&role(&json!({})), "222222222222", View::Others, |_| None).expect("claims");
        assert_eq!((of_role.within.as_str(), of_role.name.as_str()), ("222222222222", "reports"));
        assert_eq!((of_secret.within.as_str(), of_secret.name.as_str()), ("team", "reader"));
    }

    #[test]
    fn what_was_seen_decides_before_status_and_who_is_refused_has_nothing() {
        let reported = json!({"role": {"arn": "arn:aws:iam::222222222222:role/reports"}});
        let both = |reason: &str| {
            let mut status = refused(reason);
            status["role"] = reported["role"].clone();
            status
        };
        for (what, status, seen, expected) in [
            ("new", json!({}), None, Possession::Unknown),
            ("seen to own it", refused("Conflict"), Some(true), Possession::Owner),
            ("seen not to own it", reported.clone(), Some(false), Possession::NotOwner),
            ("reported", reported.clone(), None, Possession::Owner),
            ("reported, and invalid by now", both("InvalidSpec"), None, Possession::Owner),
            ("reported, and somebody else's", both("RoleNotOwned"), None, Possession::NotOwner),
            ("invalid", refused("InvalidSpec"), None, Possession::NotOwner),
            ("in conflict over another name", refused("Conflict"), None, Possession::NotOwner),
            ("to be adopted, and not there", refused("RoleNotFound"), None, Possession::NotOwner),
            ("on the way", refused("Progressing"), None, Possession::Unknown),
            ("not allowed", refused("NotAllowed"), Some(true), Possession::NotOwner),
        ] {
            let of_role = |name: &Name| seen.filter(|_| name.kind == Kind::Role);
            let claims = Claims::of(&role(&status), "222222222222", View::Others, of_role);
            assert_eq!(claims.expect("claims").role.1.possession, expected, "{what}");
        }
    }

    #[test]
    fn an_object_that_was_refused_may_still_come_first_itself_and_an_observer_has_no_role() {
        let rank = |role: &CrossAccountRole, view| {
            Claims::of(role, "222222222222", view, |_| None).expect("claims").role.1.possession
        };
        let corrected = role(&refused("InvalidSpec"));
        assert_eq!(
            (rank(&corrected, View::Itself), rank(&corrected, View::Others)),
            (Possession::Unknown, Possession::NotOwner)
        );
        let mut observer = role(&json!({"role": {"arn": "arn:aws:iam::222222222222:role/reports"}}));
        assert_eq!(rank(&observer, View::Others), Possession::Owner);
        observer.spec.role.lifecycle = Lifecycle::Observe;
        assert_eq!(rank(&observer, View::Others), Possession::NotOwner);
    }
}
