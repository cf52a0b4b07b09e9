//! Tags of an IAM role. Cluster, namespace and name prove ownership; the uid identifies a recreated object.
//!
//! With `session.kubernetesTags` the first three are session tags too, so that one policy condition fits both.

/// Prefix of tag keys that belong to the operator; users cannot set keys that begin with it.
pub const RESERVED_PREFIX: &str = "crossaccount.dev/";

/// Name of the cluster whose operator owns the role.
pub const CLUSTER: &str = "crossaccount.dev/cluster";

/// Namespace of the owning `CrossAccountRole`.
pub const NAMESPACE: &str = "crossaccount.dev/namespace";

/// Name of the owning `CrossAccountRole`.
pub const NAME: &str = "crossaccount.dev/name";

/// `metadata.uid` of the owning `CrossAccountRole`.
pub const UID: &str = "crossaccount.dev/uid";

/// `"true"` on a role that `CreateRole` made for its owner. Nothing else writes it: with ownership, it alone permits
/// deletion.
pub const CREATED: &str = "crossaccount.dev/created";

/// On a role that its owner gave up: `<cluster>/<namespace>/<name>` of that owner. Another object may adopt the role.
pub const RELEASED_FROM: &str = "crossaccount.dev/released-from";
