//! Who makes a role, and what happens to it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How much of a role is the operator's.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
pub enum Lifecycle {
    /// Made by the operator, kept as declared, and deleted with its object.
    #[default]
    Create,
    /// Made by somebody else and taken over by name: kept as declared, never deleted.
    Adopt,
    /// Made and kept by somebody else: only read and assumed, never written.
    Observe,
}

/// What happens to a role that the operator made when its `CrossAccountRole` is deleted.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::IntoStaticStr,
)]
pub enum DeletionPolicy {
    /// The role goes too.
    #[default]
    Delete,
    /// Role and trust policy stay.
    Retain,
}
