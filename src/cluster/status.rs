//! Status subresources, written only when they differ.

use kube::api::Patch;
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::{Cluster, apply_params};
use crate::api::{AWSAccount, AWSAccountStatus, CrossAccountRole, CrossAccountRoleStatus};

impl Cluster {
    /// Writes the status of a role.
    pub async fn write_role_status(
        &self,
        role: &CrossAccountRole,
        status: &CrossAccountRoleStatus,
    ) -> kube::Result<()> {
        let body = json!({
            "apiVersion": CrossAccountRole::api_version(&()),
            "kind": CrossAccountRole::kind(&()),
            "metadata": {"name": role.name_any(), "uid": role.uid()},
            "status": status,
        });
        self.roles_of(role).patch_status(&role.name_any(), &apply_params(), &Patch::Apply(body)).await?;
        Ok(())
    }

    /// The same for an account.
    pub async fn write_account_status(&self, account: &AWSAccount, status: &AWSAccountStatus) -> kube::Result<bool> {
        if account.status.as_ref() == Some(status) {
            return Ok(false);
        }
        let body = json!({
            "apiVersion": AWSAccount::api_version(&()),
            "kind": AWSAccount::kind(&()),
            "metadata": {"name": account.name_any(), "uid": account.uid()},
            "status": status,
        });
        let api: Api<AWSAccount> = Api::all(self.client.clone());
        api.patch_status(&account.name_any(), &apply_params(), &Patch::Apply(body)).await?;
        Ok(true)
    }
}
