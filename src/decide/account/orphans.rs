//! Orphans: roles that this cluster made and whose objects are gone.

use crate::domain::tag;
use crate::domain::{IamRoleState, RolePath};

/// The cluster whose roles are looked for, and where.
#[derive(Clone, Copy, Debug)]
pub struct Search<'a> {
    /// Name of the cluster.
    pub cluster: &'a str,
    /// Path of the account's roles.
    pub path: &'a RolePath,
}

impl Search<'_> {
    /// ARNs of roles under the path whose tags name an object of this cluster that does not exist. `exists` is given
    /// namespace and name.
    pub fn orphans<'r>(
        &self,
        roles: impl IntoIterator<Item = &'r IamRoleState>,
        exists: impl Fn(&str, &str) -> bool,
    ) -> Vec<String> {
        let orphaned = |found: &&IamRoleState| {
            let tags = &found.role.tags;
            let of_cluster = tags.get(tag::CLUSTER).is_some_and(|cluster| cluster == self.cluster);
            let Some((namespace, name)) = tags.get(tag::NAMESPACE).zip(tags.get(tag::NAME)) else { return false };
            of_cluster && found.role.arn.path.as_str().starts_with(self.path.as_str()) && !exists(namespace, name)
        };
        let mut orphans: Vec<String> =
            roles.into_iter().filter(orphaned).map(|found| found.role.arn.to_string()).collect();
        orphans.sort_unstable();
        orphans
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
}
