//! Whose role is this? Told by the tags on it.

use std::collections::BTreeMap;

use super::ObjectIdentity;
use crate::api::tag;

/// All tags of a role, ours and the user's.
pub type RoleTags = BTreeMap<String, String>;

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
    /// Carries none of our tags: made by a person or another tool.
    Untagged,
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

impl ObjectIdentity {
    /// The tags that mark a role as belonging to this object.
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

    /// Reads the owner off a role's tags. Cluster, namespace and name decide; the UID only tells a recreated object.
    #[must_use]
    pub fn ownership(&self, tags: &RoleTags) -> Ownership {
        if !tags.keys().any(|key| key.starts_with(tag::RESERVED_PREFIX)) {
            return Ownership::Untagged;
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
    fn a_role_without_our_tags_belongs_to_somebody_else() {
        assert_eq!(object().ownership(&RoleTags::new()), Ownership::Untagged);
        assert_eq!(object().ownership(&RoleTags::from([("team".into(), "x".into())])), Ownership::Untagged);
    }
}
