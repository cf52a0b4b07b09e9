//! The object that a role is imported as.

use crate::api::Lifecycle;
use crate::domain::ObjectIdentity;

/// Which object is to declare the role.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// Name of the object.
    pub name: &'a str,
    /// Its namespace, if it is known.
    pub namespace: Option<&'a str>,
    /// Name of the `AWSAccount`.
    pub account: &'a str,
    /// How much of the role is the operator's.
    pub lifecycle: Lifecycle,
    /// Where the role comes from.
    pub origin: Origin<'a>,
}

/// Where a role comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// A person or another tool made it.
    Elsewhere,
    /// The operator kept it for the very object that is made again, which the tags of the role name. What it wrote there for
    /// itself is no part of the declaration.
    Orphan(&'a ObjectIdentity),
}
