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
    /// Reads account and namespace; and the ways into all accounts for an object that names a role somebody else made. A
    /// role that is to be created is told from a manager by its tags.
    pub async fn read(ctx: &Context, role: &CrossAccountRole) -> Result<Self, Error> {
        let namespace = role.metadata.namespace.as_deref().unwrap_or_default();
        let account = ctx.cluster.account(&role.spec.account_ref.name);
        let (account, namespace) = tokio::try_join!(account, ctx.cluster.namespace(namespace))?;
        let managers = match role.spec.role.lifecycle {
            Lifecycle::Create => Vec::new(),
            Lifecycle::Adopt | Lifecycle::Observe => {
                ctx.cluster.accounts().await?.values().flat_map(AWSAccount::manager_roles).collect()
            }
        };
        if let Some(account) = &account {
            ctx.record_account(account);
        }
        Ok(Self { account, namespace, managers, conflict: ctx.names.conflict(role) })
    }
}

impl AWSAccount {
    /// The roles of the chain into the account.
    fn manager_roles(&self) -> Vec<RoleArn> {
        self.spec.access.chain.iter().filter_map(|hop| RoleArn::parse(&hop.role_arn).ok()).collect()
    }
}
