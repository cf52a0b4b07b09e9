//! What the caller's cluster says of namespaces.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1;
use kube::ResourceExt as _;

use super::{Cluster, RequestError};
use crate::api::AWSAccount;
use crate::decide::account::allowed::Namespace;

/// The namespace whose UID names a cluster that was given no name.
const OLDEST: &str = "kube-system";

impl Cluster {
    /// A namespace as far as an account looks at it: its labels are read only where the account has a selector.
    pub async fn namespace_for(&self, account: Option<&AWSAccount>, name: &str) -> Result<Namespace, RequestError> {
        let selects =
            |account: &AWSAccount| account.spec.allowed_namespaces.as_ref().is_some_and(|rule| rule.selector.is_some());
        let labels = if account.is_some_and(selects) {
            self.wide::<v1::Namespace>().metadata(name).await?.labels().clone()
        } else {
            BTreeMap::default()
        };
        Ok(Namespace { name: name.to_owned(), labels })
    }

    /// The name of the cluster in the tags of its roles: the one that was given, else the UID of `kube-system`.
    pub async fn name(&self, given: Option<String>) -> Result<String, RequestError> {
        match given {
            Some(name) => Ok(name),
            None => Ok(self.wide::<v1::Namespace>().metadata(OLDEST).await?.uid().unwrap_or_default()),
        }
    }
}
