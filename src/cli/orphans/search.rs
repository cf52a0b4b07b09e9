//! The orphans of one account: what AWS has, and what the cluster does not.

use std::collections::BTreeMap;

use kube::ResourceExt as _;

use super::args::PlaceArgs;
use super::error::OrphansError;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::cli::aws_account::OwnAccount;
use crate::cli::cluster::{Cluster, RequestError};
use crate::cli::progress;
use crate::decide::account::access::access;
use crate::decide::account::orphans::Search;
use crate::domain::kubernetes::is_object_name;
use crate::domain::{IamRoleState, ObjectIdentity, RoleName, RolePath, tag};

/// An account, the cluster, and the ways to both.
pub(super) struct Place {
    pub cluster: Cluster,
    pub own: OwnAccount,
    pub account: AWSAccount,
    /// Name of the cluster in the tags.
    pub cluster_name: String,
    path: RolePath,
}

/// A role whose object does not exist.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Orphan {
    /// The object that the tags name.
    pub owner: ObjectIdentity,
    pub state: IamRoleState,
}

impl Orphan {
    /// Whether the operator created the role, so that it may be deleted.
    pub fn was_created(&self) -> bool {
        self.owner.has_created(&self.state.role.tags)
    }

    /// `<namespace>/<name>`
    pub fn object(&self) -> String {
        format!("{}/{}", self.owner.namespace, self.owner.name)
    }
}

impl Place {
    /// Enters cluster and account, and refuses AWS credentials of another account.
    pub async fn enter(args: PlaceArgs) -> Result<Self, OrphansError> {
        let PlaceArgs { account, cluster_name, connection } = args;
        let cluster = Cluster::connect(connection).await?;
        let account = progress::shown("Reading the AWSAccount", cluster.wide::<AWSAccount>().get(&account)).await?;
        let cluster_name = cluster.name(cluster_name).await.map_err(OrphansError::ClusterName)?;
        let invalid = |message: String| OrphansError::Invalid(message);
        if cluster_name.is_empty() {
            return Err(invalid("the name of the cluster is empty; give --cluster-name".to_owned()));
        }
        let path = RolePath::parse(&account.spec.guardrails.role_path).map_err(|error| invalid(error.to_string()))?;
        let access = access(&account).map_err(|refusal| invalid(refusal.message))?;
        let own = progress::shown("Asking AWS whose credentials these are", Box::pin(OwnAccount::enter())).await?;
        own.is_account(access.id.as_str())?;
        own.is_partition(access.region.partition().as_str())?;
        Ok(Self { cluster, own, account, cluster_name, path })
    }

    /// Name of the `AWSAccount`.
    pub fn account_name(&self) -> String {
        self.account.name_any()
    }

    /// All orphans. Without the right to list the objects of all namespaces nothing may be called one.
    pub async fn orphans(&self) -> Result<Vec<Orphan>, OrphansError> {
        let roles = progress::shown("Reading the roles of the account", self.own.iam.all_roles()).await;
        let roles = roles.map_err(|failure| self.own.failed("the roles of the account", &failure))?;
        // After the roles: an object that was created meanwhile is seen.
        let everywhere = self.cluster.everywhere::<CrossAccountRole>();
        let listed = progress::shown("Reading the objects", everywhere.list()).await?;
        let objects: BTreeMap<(String, String), CrossAccountRole> =
            listed.into_iter().map(|role| ((role.namespace().unwrap_or_default(), role.name_any()), role)).collect();
        let object = |namespace: &str, name: &str| objects.get(&(namespace.to_owned(), name.to_owned()));
        let search = self.search();
        let reported = |namespace: &str, name: &str| object(namespace, name)?.reported_role()?.arn.as_deref();
        if let Some(IamRoleState { role, .. }) = search.contradiction(&roles, reported) {
            let written = role.tags.get(tag::CLUSTER).cloned().unwrap_or_default();
            return Err(OrphansError::OtherCluster {
                role: role.arn.to_string(),
                written,
                given: self.cluster_name.clone(),
            });
        }
        let found = search.orphans(&roles, |namespace, name| object(namespace, name).is_some());
        Ok(found.into_iter().filter_map(|state| self.orphan(state)).collect())
    }

    /// One of them.
    pub async fn named(&self, role: &RoleName) -> Result<Orphan, OrphansError> {
        let mut all = self.orphans().await?.into_iter();
        all.find(|orphan| orphan.state.role.arn.name.is_same_as(role)).ok_or_else(|| self.no_orphan(role))
    }

    /// One role, and the absence of its object, read at this moment.
    pub async fn read_again(&self, role: &RoleName) -> Result<Orphan, OrphansError> {
        let state = self.own.iam.role_state(role).await;
        let state = state.map_err(|failure| self.own.failed(&format!("role {role}"), &failure))?;
        let orphan = state.and_then(|state| self.orphan(&state)).ok_or_else(|| self.no_orphan(role))?;
        let ObjectIdentity { namespace, name, .. } = &orphan.owner;
        let (arn, object) = (orphan.state.role.arn.to_string(), orphan.object());
        // A name of AWS becomes part of a path here.
        if ![namespace, name].into_iter().all(|name| is_object_name(name)) {
            return Err(OrphansError::NoName { role: arn, object });
        }
        match self.cluster.within::<CrossAccountRole>(namespace).get(name).await {
            Err(RequestError::NotFound { .. }) => Ok(orphan),
            Ok(_) => Err(OrphansError::HasObject { role: arn, object }),
            Err(error) => Err(error.into()),
        }
    }

    fn search(&self) -> Search<'_> {
        Search { cluster: &self.cluster_name, path: &self.path }
    }

    fn orphan(&self, state: &IamRoleState) -> Option<Orphan> {
        Some(Orphan { owner: self.search().owner(state)?, state: state.clone() })
    }

    fn no_orphan(&self, role: &RoleName) -> OrphansError {
        OrphansError::NoOrphan(role.clone(), self.account_name())
    }
}
