//! Why the cluster does not give an answer.

use std::io;

use kube::Resource;
use kube::core::Status;
use kube::runtime::{wait, watcher};

use super::permission::{Permission, Scope};

/// Why a command fails that speaks to the cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The async runtime could not be set up.
    #[error("cannot set up the process")]
    Setup(#[source] io::Error),
    /// There is no usable kubeconfig.
    #[error("cannot read which cluster to use; set KUBECONFIG, or give --kubeconfig and --context")]
    Connect(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The result could not be written.
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// A request failed.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Why one request fails.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The caller lacks a permission.
    #[error("you may not {0}. Ask your cluster's administrator for this permission; this command checks it: {check}", check = .0.check())]
    Forbidden(Permission),
    /// There is no such object.
    #[error("there is no {kind} {name}{place}; `kubectl get {resource}` lists them", place = within(.scope))]
    NotFound {
        /// Kind of the object.
        kind: String,
        /// Its name.
        name: String,
        /// Its resource and group.
        resource: String,
        /// Where.
        scope: Scope,
    },
    /// The API server does not know the kind.
    #[error("this cluster does not know {0}: install the CustomResourceDefinitions of the operator first")]
    UnknownKind(String),
    /// Anything else; what the API server says follows.
    #[error("cannot {0}")]
    Failed(Permission, #[source] Box<dyn std::error::Error + Send + Sync>),
}

fn within(scope: &Scope) -> String {
    match scope {
        Scope::Namespace(namespace) => format!(" in namespace {namespace}"),
        Scope::Cluster | Scope::AllNamespaces => String::new(),
    }
}

impl RequestError {
    /// Reads the answer to a request about the object of this name, or about all.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()>>(permission: Permission, name: Option<&str>, error: kube::Error) -> Self {
        Self::about(&K::kind(&()), permission, name, error)
    }

    /// The same for a kind by its name.
    #[must_use]
    pub fn about(kind: &str, permission: Permission, name: Option<&str>, error: kube::Error) -> Self {
        let kube::Error::Api(status) = &error else { return Self::Failed(permission, Box::new(error)) };
        if is_refused_by_rbac(status, permission.verb) {
            return Self::Forbidden(permission);
        }
        if !status.is_not_found() {
            return Self::Failed(permission, Box::new(error));
        }
        // The answer about an object that is not there names it; where the kind is not there, nothing is named.
        let names_object = status.details.as_ref().is_some_and(|details| !details.name.is_empty());
        match name.filter(|_| names_object) {
            Some(name) => {
                let Permission { resource, scope, .. } = permission;
                Self::NotFound { kind: kind.to_owned(), name: name.to_owned(), resource, scope }
            }
            None => Self::UnknownKind(permission.resource),
        }
    }

    /// Reads why a watch ended. It begins with a list, for which the caller needs a permission of its own.
    #[must_use]
    pub fn of_watch<K: Resource<DynamicType = ()>>(scope: Scope, error: watcher::Error) -> Self {
        let watch = Permission::of::<K>("watch", scope.clone());
        match error {
            watcher::Error::InitialListFailed(error) => Self::of::<K>(Permission::of::<K>("list", scope), None, error),
            watcher::Error::WatchStartFailed(error) | watcher::Error::WatchFailed(error) => {
                Self::of::<K>(watch, None, error)
            }
            watcher::Error::WatchError(status) => Self::of::<K>(watch, None, kube::Error::Api(status)),
            watcher::Error::NoResourceVersion => Self::Failed(watch, Box::new(error)),
        }
    }

    /// Reads why a wait for a condition ended.
    #[must_use]
    pub fn of_wait<K: Resource<DynamicType = ()>>(scope: Scope, error: wait::Error) -> Self {
        let wait::Error::ProbeFailed(error) = error;
        Self::of_watch::<K>(scope, error)
    }
}

/// Whether the authorizer refused. An admission webhook may refuse with the same code, and no permission helps there.
fn is_refused_by_rbac(status: &Status, verb: &str) -> bool {
    status.is_forbidden() && status.message.contains(&format!("cannot {verb} resource"))
}

#[cfg(test)]
mod tests {
    use kube::core::response::StatusDetails;
    use serde_json::json;

    use super::*;
    use crate::api::CrossAccountRole;
    use crate::host::error_chain::ErrorChain;

    fn said(status: Status) -> String {
        let permission = Permission::of::<CrossAccountRole>("get", Scope::Namespace("analytics".into()));
        let error = kube::Error::Api(status.boxed());
        ErrorChain(&RequestError::of::<CrossAccountRole>(permission, Some("reader"), error)).to_string()
    }

    #[test]
    fn a_refused_request_names_the_permission_and_how_to_check_it() {
        let message = "crossaccountroles.iam.crossaccount.dev \"reader\" is forbidden: User \"jane\" cannot get resource \
                       \"crossaccountroles\" in API group \"iam.crossaccount.dev\" in the namespace \"analytics\"";
        assert_eq!(
            said(Status::failure(message, "Forbidden").with_code(403)),
            "you may not get crossaccountroles.iam.crossaccount.dev in namespace analytics. Ask your cluster's administrator \
             for this permission; this command checks it: kubectl auth can-i get crossaccountroles.iam.crossaccount.dev \
             --namespace analytics",
        );
    }

    #[test]
    fn what_admission_refuses_is_shown_as_it_is() {
        let message = "admission webhook \"policy.example.com\" denied the request: not on Fridays";
        assert_eq!(
            said(Status::failure(message, "Forbidden").with_code(403)),
            format!("cannot get crossaccountroles.iam.crossaccount.dev in namespace analytics: {message}"),
        );
    }

    #[test]
    fn an_object_that_is_not_there_is_told_apart_from_a_kind_that_is_not_installed() {
        let details: StatusDetails = serde_json::from_value(json!({"name": "reader"})).unwrap();
        let missing = Status::failure("\"reader\" not found", "NotFound").with_code(404).with_details(details);
        let said_of_object = said(missing);
        assert!(
            said_of_object.starts_with("there is no CrossAccountRole reader in namespace analytics"),
            "{said_of_object}"
        );
        let said_of_kind = said(Status::failure("404 page not found", "NotFound").with_code(404));
        assert!(said_of_kind.starts_with("this cluster does not know crossaccountroles"), "{said_of_kind}");
    }
}
