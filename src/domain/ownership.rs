//! Whose role is this? Told by the tags on it.

use std::collections::BTreeMap;
use std::fmt;

use super::{ObjectIdentity, truncate_with_hash};
use crate::domain::tag;

/// All tags of a role, ours and the user's.
pub type RoleTags = BTreeMap<String, String>;

/// Longest value of a tag (IAM API reference, `Tag`).
const TAG_VALUE_MAX: usize = 256;

/// What the tags of an existing role say about its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// Made for exactly this object.
    Ours,
    /// Made for an object of the same cluster, namespace and name that has since been created again.
    OursBefore {
        /// UID of that earlier object.
        uid: String,
    },
    /// Made for another object, of this or another cluster.
    Another(Owner),
    /// Names no owner: made by a person or another tool, or given up by its owner.
    Unowned {
        /// Who gave it up, as `<cluster>/<namespace>/<name>`.
        released_from: Option<String>,
    },
}

impl Ownership {
    /// Whether the object of the question owns the role.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Ours | Self::OursBefore { .. })
    }
}

/// The object a role's tags name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Value of the cluster tag.
    pub cluster: String,
    /// Value of the namespace tag.
    pub namespace: String,
    /// Value of the name tag.
    pub name: String,
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cluster, namespace, name } = self;
        write!(f, "{namespace}/{name} of cluster {cluster}")
    }
}

impl ObjectIdentity {
    /// The tags that mark a role as belonging to this object. [`created_tag`](Self::created_tag) comes on top where
    /// `CreateRole` makes it.
    #[must_use]
    pub fn role_tags(&self) -> RoleTags {
        [
            (tag::CLUSTER, &self.cluster),
            (tag::NAMESPACE, &self.namespace),
            (tag::NAME, &self.name),
            (tag::UID, &self.uid),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.clone()))
        .collect()
    }

    /// The tag that only `CreateRole` writes. With ownership, it permits deletion.
    #[must_use]
    pub fn created_tag() -> (String, String) {
        (tag::CREATED.to_owned(), "true".to_owned())
    }

    /// The tag of a role that this object gives up, cut with a hash to the 256 characters of a tag value.
    #[must_use]
    pub fn released_tag(&self) -> (String, String) {
        let Self { cluster, namespace, name, uid: _ } = self;
        let from = truncate_with_hash(&format!("{cluster}/{namespace}/{name}"), TAG_VALUE_MAX);
        (tag::RELEASED_FROM.to_owned(), from)
    }

    /// Whether a role with these tags was made by `CreateRole` for this object, or for an earlier one of the same name.
    #[must_use]
    pub fn has_created(&self, tags: &RoleTags) -> bool {
        self.ownership(tags).is_ours() && tags.get(tag::CREATED).is_some_and(|value| value == "true")
    }

    /// Reads the owner off a role's tags. Cluster, namespace and name decide; the UID only identifies a recreated object.
    #[must_use]
    pub fn ownership(&self, tags: &RoleTags) -> Ownership {
        if ![tag::CLUSTER, tag::NAMESPACE, tag::NAME].iter().any(|key| tags.contains_key(*key)) {
            return Ownership::Unowned { released_from: tags.get(tag::RELEASED_FROM).cloned() };
        }
        let value_of = |key: &str| tags.get(key).cloned().unwrap_or_default();
        let owner =
            Owner { cluster: value_of(tag::CLUSTER), namespace: value_of(tag::NAMESPACE), name: value_of(tag::NAME) };
        if (&owner.cluster, &owner.namespace, &owner.name) != (&self.cluster, &self.namespace, &self.name) {
            return Ownership::Another(owner);
        }
        match value_of(tag::UID) {
            uid if uid == self.uid => Ownership::Ours,
            uid => Ownership::OursBefore { uid },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object() -> ObjectIdentity {
        ObjectIdentity { cluster: "c".into(), namespace: "n".into(), name: "o".into(), uid: "u".into() }
    }

    #[test]
    fn ownership_is_cluster_namespace_and_name_and_the_uid_tells_a_recreated_object() {
        let with = |key: &str, value: &str| {
            let mut tags = object().role_tags();
            tags.insert(key.into(), value.into());
            object().ownership(&tags)
        };
        assert_eq!(object().ownership(&object().role_tags()), Ownership::Ours);
        assert_eq!(with("team", "x"), Ownership::Ours);
        assert_eq!(with(tag::UID, "older"), Ownership::OursBefore { uid: "older".into() });
        for key in [tag::CLUSTER, tag::NAMESPACE, tag::NAME] {
            assert!(matches!(with(key, "other"), Ownership::Another(_)), "{key}");
        }
    }

    #[test]
    fn a_role_without_our_tags_is_unowned_and_says_who_gave_it_up() {
        let nobodys = Ownership::Unowned { released_from: None };
        assert_eq!(object().ownership(&RoleTags::new()), nobodys);
        assert_eq!(object().ownership(&RoleTags::from([("team".into(), "x".into())])), nobodys);
        let released = RoleTags::from([object().released_tag()]);
        assert_eq!(object().ownership(&released), Ownership::Unowned { released_from: Some("c/n/o".into()) });
        let far = ObjectIdentity { cluster: "c".repeat(256), ..object() };
        assert_eq!(far.released_tag().1.len(), 256);
    }

    #[test]
    fn only_ownership_and_the_tag_of_create_role_together_say_that_the_object_made_it() {
        let mut tags = object().role_tags();
        assert!(!object().has_created(&tags));
        tags.extend([ObjectIdentity::created_tag()]);
        assert!(object().has_created(&tags));
        tags.insert(tag::NAME.into(), "other".into());
        assert!(!object().has_created(&tags));
    }
}
