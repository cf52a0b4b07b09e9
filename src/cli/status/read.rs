//! Reads what `status` shows, with one request for the objects and one for each account.

use std::collections::BTreeMap;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::ResourceExt as _;

use super::snapshot::{Seen, Snapshot};
use crate::api::{AWSAccount, CrossAccountRole};
use crate::cli::cluster::{Cluster, Objects, RequestError};

/// Requests on their way at a time.
const AT_A_TIME: usize = 16;

/// Which objects.
#[derive(Clone, Debug)]
pub enum Selection {
    /// One.
    One {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// All of a namespace.
    Namespace(String),
    /// All, and all accounts.
    Everything,
}

impl Selection {
    /// The objects among which it selects.
    pub fn objects(&self, cluster: &Cluster) -> Objects<CrossAccountRole> {
        match self {
            Self::One { namespace, .. } | Self::Namespace(namespace) => cluster.within(namespace),
            Self::Everything => cluster.everywhere(),
        }
    }

    /// The name of the one object.
    pub fn name(&self) -> Option<&str> {
        match self {
            Self::One { name, .. } => Some(name),
            Self::Namespace(_) | Self::Everything => None,
        }
    }
}

/// Reads the objects and their accounts.
pub async fn snapshot(cluster: &Cluster, selection: &Selection) -> Result<Snapshot, RequestError> {
    let objects = selection.objects(cluster);
    let roles = match selection.name() {
        Some(name) => vec![objects.get(name).await?],
        None => objects.list().await?,
    };
    let accounts = match selection {
        Selection::Everything => all_accounts(cluster, &roles).await?,
        Selection::One { .. } | Selection::Namespace(_) => accounts(cluster, &roles).await?,
    };
    Ok(Snapshot { roles, accounts })
}

/// The accounts that the objects name.
pub async fn accounts(cluster: &Cluster, roles: &[CrossAccountRole]) -> Result<BTreeMap<String, Seen>, RequestError> {
    let mut names: Vec<&String> = roles.iter().map(|role| &role.spec.account_ref.name).collect();
    names.sort_unstable();
    names.dedup();
    let objects = cluster.wide::<AWSAccount>();
    let reads = stream::iter(names).map(|name| {
        let objects = objects.clone();
        async move { Ok::<_, RequestError>((name.clone(), seen(objects.get(name).await)?)) }
    });
    reads.buffer_unordered(AT_A_TIME).try_collect().await
}

/// All accounts; those that the objects name, where the caller may not list them.
async fn all_accounts(cluster: &Cluster, roles: &[CrossAccountRole]) -> Result<BTreeMap<String, Seen>, RequestError> {
    match cluster.wide::<AWSAccount>().list().await {
        Ok(all) => Ok(all.into_iter().map(|account| (account.name_any(), Seen::Found(Box::new(account)))).collect()),
        Err(RequestError::Forbidden(_)) => accounts(cluster, roles).await,
        Err(error) => Err(error),
    }
}

fn seen(read: Result<AWSAccount, RequestError>) -> Result<Seen, RequestError> {
    match read {
        Ok(account) => Ok(Seen::Found(Box::new(account))),
        Err(RequestError::NotFound { .. }) => Ok(Seen::Missing),
        Err(RequestError::Forbidden(permission)) => Ok(Seen::Hidden(permission)),
        Err(error) => Err(error),
    }
}
