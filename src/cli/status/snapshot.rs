//! What the caller may see of the cluster at one moment.

use std::collections::BTreeMap;

use crate::api::{AWSAccount, CrossAccountRole};
use crate::cli::cluster::Permission;

/// Objects, and the accounts around them.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// The objects.
    pub roles: Vec<CrossAccountRole>,
    /// The accounts by name: those that the objects name, or all.
    pub accounts: BTreeMap<String, Seen>,
}

/// An account, as far as the caller may see it.
#[derive(Clone, Debug)]
pub enum Seen {
    /// It is there.
    Found(Box<AWSAccount>),
    /// There is none.
    Missing,
    /// The caller lacks this permission.
    Hidden(Permission),
}
