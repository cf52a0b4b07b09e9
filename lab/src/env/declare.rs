//! Objects as a tenant and a platform team would write them; a test changes the one field that it is about.

use crossaccount::api::{
    AWSAccount, AWSAccountSpec, AccountAccess, AccountRef, AllowedNamespaces, CrossAccountRole, CrossAccountRoleSpec,
    Guardrails, Hop, PolicyDocumentSource,
};
use serde_json::{Value, json};

use super::TestEnv;
use crate::{
    aws::{MANAGER_EXTERNAL_ID, Managed, policy},
    aws_proxy::in_partition_of,
};

impl TestEnv {
    /// Account B with its manager role, its boundary, and this namespace allowed. Named after the namespace.
    pub fn account(&self) -> AWSAccount {
        let (manager_arn, boundary_arn) = (self.aws.manager_arn.clone(), self.aws.boundary_arn.clone());
        self.managed_account(&self.namespace, self.aws.target.id(), &Managed { manager_arn, boundary_arn })
    }

    /// An account beside those of the story, prepared in AWS like account B.
    pub fn managed_account(&self, name: &str, id: &str, managed: &Managed) -> AWSAccount {
        let Managed { manager_arn, boundary_arn } = managed;
        let external_id = Some(MANAGER_EXTERNAL_ID.to_owned());
        let hop = Hop { role_arn: self.arn(manager_arn), external_id, ..Hop::default() };
        let boundary = self.arn(boundary_arn);
        let guardrails = Guardrails { permissions_boundary: Some(boundary), ..Guardrails::default() };
        let mut account = AWSAccount::new(
            name,
            AWSAccountSpec {
                account_id: id.to_owned(),
                region: self.region.clone(),
                access: AccountAccess { chain: vec![hop] },
                allowed_namespaces: Some(self.this_namespace()),
                guardrails,
                ..AWSAccountSpec::default()
            },
        );
        account.metadata.labels = Some(self.labels());
        account
    }

    /// Account A, where the operator is at home: for grants, not for roles. Named `<namespace>-source`.
    pub fn source_account(&self) -> AWSAccount {
        let guardrails = Guardrails { lifecycles: Vec::new(), ..Guardrails::default() };
        let mut account = AWSAccount::new(
            &format!("{}-source", self.namespace),
            AWSAccountSpec {
                account_id: self.aws.source.id().to_owned(),
                region: self.region.clone(),
                allowed_namespaces: Some(self.this_namespace()),
                guardrails,
                ..AWSAccountSpec::default()
            },
        );
        account.metadata.labels = Some(self.labels());
        account
    }

    /// A role in [`account`](Self::account) that may read one bucket.
    pub fn role(&self, name: &str) -> CrossAccountRole {
        let mut spec = CrossAccountRoleSpec {
            account_ref: AccountRef { name: self.namespace.clone() },
            ..CrossAccountRoleSpec::default()
        };
        let reports = self.arn("arn:aws:s3:::reports/*");
        let read = json!({ "Effect": "Allow", "Action": "s3:GetObject", "Resource": reports });
        spec.role.inline_policies.insert("read-reports".to_owned(), document(&policy(&read)));
        let mut role = CrossAccountRole::new(name, spec);
        role.metadata.namespace = Some(self.namespace.clone());
        role
    }

    /// An ARN of the emulator as it is in the partition of this environment.
    pub fn arn(&self, arn: &str) -> String {
        in_partition_of(&self.region, arn)
    }

    fn this_namespace(&self) -> AllowedNamespaces {
        AllowedNamespaces { names: Some(vec![self.namespace.clone()]), ..AllowedNamespaces::default() }
    }
}

/// A policy document as a user writes it.
pub fn document(policy: &Value) -> PolicyDocumentSource {
    policy.as_object().cloned().unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, Result, ensure};
    use k8s_openapi::api::core::v1::Secret;
    use kube::{
        Api, Resource as _,
        api::{DeleteParams, ObjectMeta, PostParams},
    };

    use super::*;
    use crate::wait::eventually;

    #[tokio::test]
    async fn the_api_server_takes_what_the_builders_make() -> Result<()> {
        let env = TestEnv::bare("builders").await?;
        let accounts: Api<AWSAccount> = Api::all(env.kube.clone());
        accounts.create(&PostParams::default(), &env.account()).await?;
        accounts.create(&PostParams::default(), &env.source_account()).await?;
        let roles: Api<CrossAccountRole> = Api::namespaced(env.kube.clone(), &env.namespace);
        let role = roles.create(&PostParams::default(), &env.role("reports")).await?;
        assert_eq!(role.spec, env.role("reports").spec);
        Ok(())
    }

    #[tokio::test]
    async fn a_secret_goes_with_the_role_that_owns_it() -> Result<()> {
        let env = TestEnv::bare("owned").await?;
        let roles: Api<CrossAccountRole> = Api::namespaced(env.kube.clone(), &env.namespace);
        let role = roles.create(&PostParams::default(), &env.role("reports")).await?;
        let secrets: Api<Secret> = Api::namespaced(env.kube.clone(), &env.namespace);
        let metadata = ObjectMeta {
            name: Some("reports".to_owned()),
            owner_references: Some(vec![role.controller_owner_ref(&()).context("the role has no uid")?]),
            ..ObjectMeta::default()
        };
        secrets.create(&PostParams::default(), &Secret { metadata, ..Secret::default() }).await?;

        roles.delete("reports", &DeleteParams::default()).await?;

        eventually("the Secret is gone", async || {
            ensure!(secrets.get_opt("reports").await?.is_none(), "it is there");
            Ok(())
        })
        .await
    }
}
