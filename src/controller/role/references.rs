//! What an object refers to, read from the API server before anything is decided.

use crate::api::{AWSAccount, CrossAccountRole, Lifecycle};
use crate::controller::Error;
use crate::controller::context::Context;
use crate::decide::Refusal;
use crate::decide::account::allowed::Namespace;
use crate::domain::RoleArn;

/// What Kubernetes says around an object.
#[derive(Debug)]
pub struct References {
    /// The account that it names.
    pub account: Option<AWSAccount>,
    /// Its namespace.
    pub namespace: Namespace,
    /// Roles by which the operator enters accounts, where the object might name one of them.
    pub managers: Vec<RoleArn>,
    /// Why another object keeps it from one of its names.
    pub conflict: Option<Refusal>,
}

impl References {
    /// Reads account and namespace; and the ways into all accounts for an object that names a role somebody else made, whenever
    /// its declaration is new. The tags distinguish a role that is to be created from a manager role.
    pub async fn read(ctx: &Context, role: &CrossAccountRole) -> Result<Self, Error> {
        let namespace = role.metadata.namespace.as_deref().unwrap_or_default();
        let account = ctx.cluster.account(&role.spec.account_ref.name);
        let (account, namespace) = tokio::try_join!(account, ctx.cluster.namespace(namespace))?;
        if let Some(account) = &account {
            ctx.record_account(account);
        }
        let is_new = role.status.as_ref().and_then(|status| status.observed_generation) != role.metadata.generation;
        let managers = match role.spec.role.lifecycle {
            Lifecycle::Create => Vec::new(),
            Lifecycle::Adopt | Lifecycle::Observe => {
                if is_new {
                    // Objects that come at the same time share one list.
                    let accounts = ctx.all_accounts.get(|| ctx.cluster.accounts()).await?;
                    accounts.values().for_each(|account| ctx.record_account(account));
                }
                ctx.accounts.manager_roles()
            }
        };
        Ok(Self { account, namespace, managers, conflict: ctx.names.conflict(role) })
    }
}
