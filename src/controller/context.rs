//! What every reconcile is given.

use std::sync::Arc;

use jiff::SignedDuration;
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::{mpsc, watch};

use super::Error;
use super::account::memory_key;
use super::claims::Claims;
use super::grants::policy::Turns;
use super::memory::Memory;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::aws::Gateway;
use crate::cluster::{Cluster, Events};
use crate::domain::{AwsFailure, BaseIdentity, ObjectIdentity};
use crate::runtime::metrics::Metrics;

/// Who the operator is, as last found out.
pub type Identity = Result<BaseIdentity, AwsFailure>;

/// Shared by all reconciles of a process.
pub struct Context {
    /// Kubernetes.
    pub cluster: Cluster,
    /// AWS.
    pub gateway: Arc<Gateway>,
    /// Who the operator is.
    pub identity: watch::Receiver<Identity>,
    /// Events.
    pub events: Events,
    /// What this process remembers of each object.
    pub memory: Memory,
    /// Which object has which name.
    pub claims: Claims,
    /// Whose turn it is with the policy of a principal.
    pub turns: Turns,
    /// Metrics.
    pub metrics: Metrics,
    /// Name of this cluster.
    pub cluster_name: String,
    /// How often roles and accounts are compared with AWS although nothing changed here.
    pub drift_interval: SignedDuration,
    /// Whether a role must prove that it refuses without its external id.
    pub external_id_self_test: bool,
    /// Wakes the reconcile of an account.
    pub wake_account: mpsc::UnboundedSender<ObjectRef<AWSAccount>>,
    /// Wakes the reconcile of a role; one for each watched namespace, or one for all.
    pub wake_role: Vec<WakeRole>,
}

/// The way to the controller of one watched namespace, or of all.
#[derive(Clone)]
pub struct WakeRole {
    /// The namespace; none is all.
    pub scope: Option<String>,
    /// To the controller.
    pub sender: mpsc::UnboundedSender<ObjectRef<CrossAccountRole>>,
}

impl Context {
    /// Who the operator is now.
    pub fn base_identity(&self) -> Identity {
        self.identity.borrow().clone()
    }

    /// Which object this is.
    pub fn object(&self, role: &CrossAccountRole) -> Result<ObjectIdentity, Error> {
        Ok(ObjectIdentity {
            cluster: self.cluster_name.clone(),
            namespace: role.namespace().ok_or(Error::NotStored)?,
            name: role.name_any(),
            uid: role.uid().ok_or(Error::NotStored)?,
        })
    }

    /// Has an account checked soon, because it could not be entered.
    pub fn suspect_account(&self, name: &str) {
        self.memory.change(&memory_key(name), |memo| memo.look_again = true);
        self.wake_account(name);
    }

    /// Has the roles of an account counted soon.
    pub fn wake_account(&self, name: &str) {
        // The receiver only goes away when the controllers end, and then there is nobody to wake.
        let _ = self.wake_account.send(ObjectRef::new(name));
    }

    /// The objects of interest in all namespaces that are watched, whatever shard they are in, from the API server.
    pub async fn roles_where(
        &self,
        interesting: impl Fn(&CrossAccountRole) -> bool,
    ) -> kube::Result<Vec<CrossAccountRole>> {
        let mut found = Vec::new();
        for WakeRole { scope, .. } in &self.wake_role {
            found.extend(self.cluster.roles_where(scope.as_deref(), &interesting).await?);
        }
        Ok(found)
    }

    /// Has roles looked at again.
    pub fn wake_roles(&self, roles: Vec<ObjectRef<CrossAccountRole>>) {
        for role in roles {
            let watched = |wake: &&WakeRole| wake.scope.is_none() || wake.scope == role.namespace;
            if let Some(wake) = self.wake_role.iter().find(watched) {
                let _ = wake.sender.send(role); // as above
            }
        }
    }
}

/// As the controllers share it.
pub type Shared = Arc<Context>;
