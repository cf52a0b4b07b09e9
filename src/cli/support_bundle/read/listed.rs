//! One kind of object as one part.

use kube::Resource;
use kube::api::ListParams;
use kube::core::ApiResource;
use serde_json::Value;

use crate::cli::cluster::{Cluster, RequestError, Scope};
use crate::cli::support_bundle::part::{Content, Kind, Part};
use crate::host::error_chain::ErrorChain;

/// What is read for a part.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The path of its file.
    pub file: &'static str,
    /// The kind in the API.
    pub resource: ApiResource,
    /// The kind by what may be shown of it.
    pub kind: Kind,
}

impl Listed {
    /// The objects of a kind.
    pub fn of<K: Resource<DynamicType = ()>>(file: &'static str, kind: Kind) -> Self {
        Self { file, resource: ApiResource::erase::<K>(&()), kind }
    }

    /// Reads those that match.
    pub async fn read(&self, cluster: &Cluster, scope: &Scope, params: ListParams) -> Part {
        self.part(cluster.raw(&self.resource, scope, params).await)
    }

    /// The part of what was read.
    pub fn part(&self, read: Result<Vec<Value>, RequestError>) -> Part {
        match read {
            Ok(objects) => Part::new(self.file, Content::Objects(self.kind, objects)),
            Err(error) => Part::missing(self.file, reason(&error)),
        }
    }
}

/// Why something could not be read.
pub fn reason(error: &RequestError) -> String {
    match error {
        // The text of this error is about the kinds of the operator.
        RequestError::UnknownKind(resource) => format!("this cluster does not know {resource}"),
        error => ErrorChain(error).to_string(),
    }
}
