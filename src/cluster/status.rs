//! Status subresources, written only when they differ.

use kube::api::{Patch, PatchParams};
use kube::{Api, Resource, ResourceExt};
use serde_json::json;

use super::{Cluster, apply_params};
use crate::api::{
    AWSAccount, AWSAccountStatus, CrossAccountRole, CrossAccountRoleStatus, FIELD_MANAGER, SourceGrantStatus,
};

impl Cluster {
    /// Writes the status of a role.
    pub async fn write_role_status(
        &self,
        role: &CrossAccountRole,
        status: &CrossAccountRoleStatus,
    ) -> kube::Result<CrossAccountRole> {
        // What is remembered of grants has a writer of its own, and a status from an older cache must not undo it.
        let status = CrossAccountRoleStatus { source_grants: Vec::new(), ..status.clone() };
        let body = json!({
            "apiVersion": CrossAccountRole::api_version(&()),
            "kind": CrossAccountRole::kind(&()),
            "metadata": {"name": role.name_any(), "uid": role.uid()},
            "status": status,
        });
        self.roles_of(role).patch_status(&role.name_any(), &apply_params(), &Patch::Apply(body)).await
    }

    /// Writes what is remembered of source grants, over exactly the object that was read. None if it changed meanwhile.
    pub async fn write_grant_ledger(
        &self,
        read: &CrossAccountRole,
        grants: &[SourceGrantStatus],
    ) -> kube::Result<Option<CrossAccountRole>> {
        let body = json!({
            "metadata": {"uid": read.uid(), "resourceVersion": read.resource_version()},
            "status": {"sourceGrants": grants},
        });
        let params = PatchParams { field_manager: Some(FIELD_MANAGER.to_owned()), ..PatchParams::default() };
        match self.roles_of(read).patch_status(&read.name_any(), &params, &Patch::Merge(body)).await {
            Ok(written) => Ok(Some(written)),
            Err(kube::Error::Api(status)) if status.is_conflict() || status.is_not_found() => Ok(None),
            Err(error) => Err(error),
        }
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
