//! A permission in the cluster, in the words of RBAC.

use std::fmt::{self, Display, Formatter};

use kube::Resource;
use kube::core::ApiResource;
use serde::Serialize;

/// Where requests about a kind of object go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// The objects have no namespace.
    Cluster,
    /// One namespace.
    Namespace(String),
    /// All of them.
    AllNamespaces,
}

/// What the caller needs for one kind of request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The verb of RBAC, such as `list`.
    pub verb: &'static str,
    /// Resource and group as kubectl writes them: `awsaccounts.iam.crossaccount.dev`, `secrets`, `pods/log`.
    pub resource: String,
    /// Where.
    pub scope: Scope,
}

impl Permission {
    /// The permission for a verb on a kind.
    #[must_use]
    pub fn of<K: Resource<DynamicType = ()>>(verb: &'static str, scope: Scope) -> Self {
        Self::on(verb, &ApiResource::erase::<K>(&()), scope)
    }

    /// The permission for a verb on a resource.
    #[must_use]
    pub fn on(verb: &'static str, resource: &ApiResource, scope: Scope) -> Self {
        let ApiResource { plural, group, .. } = resource;
        let resource = if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") };
        Self { verb, resource, scope }
    }

    /// The command by which the caller, or an administrator, checks the permission.
    #[must_use]
    pub fn check(&self) -> String {
        let Self { verb, resource, scope } = self;
        let place = match scope {
            Scope::Cluster => String::new(),
            Scope::Namespace(namespace) => format!(" --namespace {namespace}"),
            Scope::AllNamespaces => " --all-namespaces".to_owned(),
        };
        // With a slash, kubectl would take what follows for the name of an object.
        let resource = resource.replacen('/', " --subresource=", 1);
        format!("kubectl auth can-i {verb} {resource}{place}")
    }
}

impl Display for Permission {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { verb, resource, scope } = self;
        write!(f, "{verb} {resource}")?;
        match scope {
            Scope::Cluster => Ok(()),
            Scope::Namespace(namespace) => write!(f, " in namespace {namespace}"),
            Scope::AllNamespaces => write!(f, " in all namespaces"),
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::core::v1::Secret;

    use super::*;
    use crate::api::{AWSAccount, CrossAccountRole};

    #[test]
    fn a_permission_reads_as_rbac_writes_it_and_has_the_command_that_checks_it() {
        for (permission, said, check) in [
            (
                Permission::of::<CrossAccountRole>("list", Scope::Namespace("analytics".into())),
                "list crossaccountroles.iam.crossaccount.dev in namespace analytics",
                "kubectl auth can-i list crossaccountroles.iam.crossaccount.dev --namespace analytics",
            ),
            (
                Permission::of::<CrossAccountRole>("watch", Scope::AllNamespaces),
                "watch crossaccountroles.iam.crossaccount.dev in all namespaces",
                "kubectl auth can-i watch crossaccountroles.iam.crossaccount.dev --all-namespaces",
            ),
            (
                Permission::of::<AWSAccount>("get", Scope::Cluster),
                "get awsaccounts.iam.crossaccount.dev",
                "kubectl auth can-i get awsaccounts.iam.crossaccount.dev",
            ),
            (
                Permission::of::<Secret>("get", Scope::Namespace("analytics".into())),
                "get secrets in namespace analytics",
                "kubectl auth can-i get secrets --namespace analytics",
            ),
            (
                Permission { verb: "get", resource: "pods/log".into(), scope: Scope::Namespace("analytics".into()) },
                "get pods/log in namespace analytics",
                "kubectl auth can-i get pods --subresource=log --namespace analytics",
            ),
        ] {
            assert_eq!((permission.to_string().as_str(), permission.check().as_str()), (said, check));
        }
    }
}
