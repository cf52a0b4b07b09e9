//! A part of the bundle as it was read, before anything is removed.

use serde_json::Value;

/// What one file of the bundle is made of.
#[derive(Clone, Debug)]
pub struct Part {
    /// Its path in the bundle.
    pub file: String,
    /// What was read.
    pub content: Content,
}

/// What was read for a file.
#[derive(Clone, Debug)]
pub enum Content {
    /// Objects of a kind.
    Objects(Kind, Vec<Value>),
    /// A document of this program.
    Document(Value),
    /// Text.
    Text(String),
    /// It could not be read, or only a part of it, for this reason.
    Missing(String),
}

/// Kinds of objects, by what may be shown of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `CrossAccountRole` and `AWSAccount`.
    Declaration,
    /// An Event of `events.k8s.io`.
    Event,
    /// A Deployment or a `ReplicaSet`.
    Workload,
    /// A pod.
    Pod,
    /// What surrounds a Secret.
    SecretMetadata,
    /// A `CustomResourceDefinition`.
    Definition,
    /// What holds nothing but rules and names: RBAC, admission policies, leases, `ServiceAccount`s.
    Rules,
}

impl Part {
    /// A part.
    pub fn new(file: impl Into<String>, content: Content) -> Self {
        Self { file: file.into(), content }
    }

    /// A part that could not be read.
    pub fn missing(file: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(file, Content::Missing(reason.into()))
    }
}
