//! Which object of which cluster something was made for.

use super::truncate_with_hash;

/// One `CrossAccountRole` as the rest of the world knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectIdentity {
    /// Name of the cluster (`--cluster-name`).
    pub cluster: String,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object: differs for an object created again under the same name.
    pub uid: String,
}

/// `<namespace>-<name>` cut with a hash to the 64 characters of a role name. Kubernetes names are lower-case DNS names, a
/// subset of IAM's alphabet, so the result is always legal.
#[must_use]
pub fn default_role_name(namespace: &str, name: &str) -> String {
    truncate_with_hash(&format!("{namespace}-{name}"), 64)
}
