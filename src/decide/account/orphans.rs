//! Orphans: roles that this cluster made and whose objects are gone.

use crate::domain::tag;
use crate::domain::{IamRoleState, ObjectIdentity, RolePath};

/// The cluster whose roles are looked for, and where.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// Path of the account's roles.
    pub path: &'a RolePath,
}

impl Search<'_> {
    /// Roles under the path whose tags name an object of this cluster that does not exist, by their ARNs. `exists` is given
    /// namespace and name.
    pub fn orphans<'r>(
        &self,
        roles: impl IntoIterator<Item = &'r IamRoleState>,
        exists: impl Fn(&str, &str) -> bool,
    ) -> Vec<&'r IamRoleState> {
        let orphaned = |found: &&IamRoleState| {
            let owner = self.owner(found);
            owner.is_some_and(|owner| !exists(&owner.namespace, &owner.name))
        };
        let mut orphans: Vec<&IamRoleState> = roles.into_iter().filter(orphaned).collect();
        orphans.sort_by_cached_key(|found| found.role.arn.to_string());
        orphans
    }

    /// The object of this cluster that a role under the path belongs to, by its tags.
    #[must_use]
    pub fn owner(&self, found: &IamRoleState) -> Option<ObjectIdentity> {
        let tags = &found.role.tags;
        let owner = ObjectIdentity {
            cluster: tags.get(tag::CLUSTER)?.clone(),
            namespace: tags.get(tag::NAMESPACE)?.clone(),
            name: tags.get(tag::NAME)?.clone(),
            uid: tags.get(tag::UID).cloned().unwrap_or_default(),
        };
        let here = owner.cluster == self.cluster && found.role.arn.path.as_str().starts_with(self.path.as_str());
        here.then_some(owner)
    }

    /// A role whose tags name another cluster than the one that is looked for, although an object here reports the role as its
    /// own: the name of the cluster is not the one that the operator writes. `reported` is given namespace and name, and gives
    /// the ARN in the object's status.
    pub fn contradiction<'r>(
        &self,
        roles: impl IntoIterator<Item = &'r IamRoleState>,
        reported: impl Fn(&str, &str) -> Option<&'r str>,
    ) -> Option<&'r IamRoleState> {
        roles.into_iter().find(|found| {
            let tags = &found.role.tags;
            let other = tags.get(tag::CLUSTER).is_some_and(|cluster| cluster != self.cluster);
            let named = tags.get(tag::NAMESPACE).zip(tags.get(tag::NAME));
            let arn = found.role.arn.to_string();
            other && named.is_some_and(|(namespace, name)| reported(namespace, name) == Some(arn.as_str()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::role::fixture;

    #[test]
    fn a_role_of_this_cluster_under_the_path_is_an_orphan_if_its_object_does_not_exist() {
        let of = |cluster: &str, name: &str| {
            let mut found = fixture::state();
            let tags = [(tag::CLUSTER, cluster), (tag::NAMESPACE, "team"), (tag::NAME, name)];
            found.role.tags.extend(tags.map(|(key, value)| (key.to_owned(), value.to_owned())));
            found
        };
        let path = of("c", "gone").role.arn.path;
        let search = Search { cluster: "c", path: &path };
        let orphans = |roles: &[IamRoleState]| search.orphans(roles, |_, name| name == "reader").len();
        assert_eq!(orphans(&[of("c", "gone")]), 1);
        assert_eq!(orphans(&[of("c", "reader")]), 0, "its object exists");
        assert_eq!(orphans(&[of("other", "gone")]), 0, "another cluster's");
        let mut bare = of("c", "gone");
        bare.role.tags.clear();
        assert_eq!(orphans(&[bare]), 0, "nobody's");
        let mut deeper = of("c", "gone");
        deeper.role.arn.path = RolePath::parse(&format!("{}teams/", path.as_str())).expect("a path");
        assert_eq!(orphans(&[deeper]), 1, "a path below it");
        let elsewhere = RolePath::parse("/elsewhere/").expect("a path");
        let search = Search { cluster: "c", path: &elsewhere };
        assert_eq!(search.orphans(&[of("c", "gone")], |_, _| false).len(), 0, "under another path");
    }

    #[test]
    fn the_name_of_another_cluster_on_the_role_of_an_object_here_says_that_the_name_is_wrong() {
        let found = fixture::state();
        let (path, arn) = (found.role.arn.path.clone(), found.role.arn.to_string());
        let contradicts = |cluster: &str, reported: Option<&str>| {
            let search = Search { cluster, path: &path };
            let reported = |namespace: &str, name: &str| reported.filter(|_| (namespace, name) == ("team", "reader"));
            search.contradiction([&found], reported).is_some()
        };
        assert!(contradicts("green", Some(&arn)));
        assert!(!contradicts("blue", Some(&arn)), "it is the name on the role");
        assert!(!contradicts("green", None), "the object here has no role");
        assert!(!contradicts("green", Some("arn:aws:iam::222222222222:role/other")), "it has another role");
    }
}
