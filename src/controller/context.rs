//! What every reconcile is given.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use tokio::sync::{mpsc, watch};

use super::Error;
use super::settings::Shard;
use super::state::accounts::AccountStates;
use super::state::bulk::BulkReads;
use super::state::counts::RoleCounts;
use super::state::names::NameIndex;
use super::state::objects::ObjectStates;
use super::state::principals::PrincipalPolicies;
use super::state::secrets::SecretIndex;
use super::state::shared_read::SharedRead;
use super::state::workers::Workers;
use crate::api::{AWSAccount, CrossAccountRole};
use crate::aws::AwsClients;
use crate::cluster::{Cluster, Events};
use crate::decide::failure::next_on_grid;
use crate::domain::{AwsFailure, BaseIdentity, ObjectIdentity, RoleArn};
use crate::host::metrics::Metrics;

/// Who the operator is, as last found out.
pub type Identity = Result<BaseIdentity, AwsFailure>;

/// Shared by all reconciles of a process.
pub struct Context {
    /// Kubernetes.
    pub cluster: Cluster,
    /// AWS.
    pub aws: Arc<AwsClients>,
    /// Who the operator is.
    pub identity: watch::Receiver<Identity>,
    /// Events.
    pub events: Events,
    /// What this process remembers of each object.
    pub objects: ObjectStates,
    /// What this process remembers of each account.
    pub accounts: AccountStates,
    /// All accounts, from the API server.
    pub all_accounts: SharedRead<BTreeMap<String, AWSAccount>>,
    /// What bulk reads of accounts showed.
    pub bulk: BulkReads,
    /// How many roles each account has.
    pub counts: RoleCounts,
    /// Which object has which name.
    pub names: NameIndex,
    /// Which Secrets may belong to which object.
    pub secrets: SecretIndex,
    /// One writer for each principal of source grants.
    pub principals: PrincipalPolicies,
    /// Who may reconcile, and who is next.
    pub workers: Workers,
    /// Metrics.
    pub metrics: Metrics,
    /// Which objects this process reconciles.
    pub shard: Shard,
    /// Name of this cluster.
    pub cluster_name: String,
    /// When this process started, by AWS's clock.
    pub started_at: Timestamp,
    /// How often roles and accounts are compared with AWS although nothing changed here.
    pub drift_interval: SignedDuration,
    /// Whether a role must prove that it refuses without its external id.
    pub external_id_self_test: bool,
    /// Whether pods that mount a Secret are annotated when it has a new set.
    pub nudge_pods: bool,
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

    /// The time. It is AWS's own, as well as it is known: AWS judges what has expired and which sessions a denial is older than.
    pub fn now(&self) -> Timestamp {
        self.aws.now()
    }

    /// When a comparison is due that was last made at `last`.
    ///
    /// The moments lie on a grid of the drift interval, shifted by a hash of `key`. A process that has just started remembers
    /// nothing, and waits for the next one of them: so a restart causes no storm of reads, and objects are spread.
    pub fn next_comparison(&self, last: Option<Timestamp>, key: &str) -> Timestamp {
        next_on_grid(last.unwrap_or(self.started_at), self.drift_interval, key)
    }

    /// Takes note of an account's id, since objects of two accounts of one id share their role names; and of the roles by which
    /// the operator enters it.
    pub fn record_account(&self, account: &AWSAccount) {
        self.wake_roles(self.names.record_account(&account.name_any(), &account.spec.account_id));
        let chain = account.spec.access.chain.iter();
        let managers = chain.filter_map(|hop| RoleArn::parse(&hop.role_arn).ok()).collect();
        self.accounts.change(&account.name_any(), |state| state.manager_roles = managers);
    }

    /// Has an account checked soon, because it could not be entered.
    pub fn suspect_account(&self, name: &str) {
        self.accounts.change(name, |state| state.check_again = true);
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

    /// Whether objects of the namespace are watched.
    pub fn watches(&self, namespace: &str) -> bool {
        self.wake_role.iter().any(|wake| wake.scope.as_deref().is_none_or(|scope| scope == namespace))
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
