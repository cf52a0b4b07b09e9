//! What a test does in its environment.

use anyhow::{Context as _, Result, ensure};
use aws_config::{Region, SdkConfig};
use aws_sdk_sts::config::Credentials;
use crossaccount::api::CrossAccountRole;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::api::{Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::{MANAGED, TestEnv};
use crate::{aws::policy, emulator::aws_config, env::declare::document, operator::Operator, wait::eventually};

impl TestEnv {
    /// Starts the operator.
    pub async fn start(&self) -> Result<Operator> {
        self.settings.start().await
    }

    /// Creates a role.
    pub async fn create(&self, role: &CrossAccountRole) -> Result<CrossAccountRole> {
        Ok(self.roles.create(&PostParams::default(), role).await?)
    }

    /// Creates a role with one inline and one managed policy, and waits until it is Ready.
    pub async fn ready_role(&self, name: &str) -> Result<CrossAccountRole> {
        let mut role = self.role(name);
        role.spec.role.managed_policy_arns = vec![self.arn(MANAGED)];
        self.create(&role).await?;
        self.settled(name).await
    }

    /// Merges a patch into an object.
    pub async fn patch(&self, name: &str, patch: Value) -> Result<()> {
        self.roles.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Merges a patch into the specification of the account.
    pub async fn patch_account(&self, spec: Value) -> Result<()> {
        self.patch_any_account(&self.namespace, json!({ "spec": spec })).await
    }

    /// Merges a patch into an account of this name.
    pub async fn patch_any_account(&self, name: &str, patch: Value) -> Result<()> {
        self.accounts.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Allows nobody to use the account.
    pub async fn allow_nobody(&self) -> Result<()> {
        self.patch_account(json!({"allowedNamespaces": {"names": []}})).await
    }

    /// Wakes an object and waits until something was reconciled after that.
    pub async fn wake(&self, operator: &Operator, name: &str) -> Result<()> {
        let before = operator.all_reconciles().await?;
        self.patch(name, json!({"metadata": {"annotations": {"test/wake": before.to_string()}}})).await?;
        operator.reconciled_after(before).await
    }

    /// A role of account A that the role of an object may assume, if `on_errand` lets it: what works with its credentials
    /// only while they are good. The boundary lets no role assume others of its own account. Gives its ARN.
    pub async fn errand(&self) -> Result<String> {
        let target = self.aws.target.id();
        let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target}}));
        let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
        self.aws.source.create_role("errand", &trust, &nothing).await
    }

    /// An object whose role may assume the one of [`errand`](Self::errand).
    pub fn on_errand(&self, name: &str, errand: &str) -> CrossAccountRole {
        let mut role = self.role(name);
        let may_run = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": self.arn(errand)}));
        role.spec.role.inline_policies.insert("errand".into(), document(&may_run));
        role
    }

    /// The settings of a client for anybody's keys that meets AWS as the operator does.
    pub fn through_proxy(&self, credentials: Credentials) -> SdkConfig {
        let region = Region::new(self.region.clone());
        aws_config(&self.proxy.endpoint(), credentials).into_builder().region(region).build()
    }

    /// Waits until the clock shows another second than this: Kubernetes keeps times without what is below.
    pub async fn a_second_after(&self, time: Option<&Time>) -> Result<()> {
        let second = time.context("there is no time to wait after")?.0.as_second();
        eventually("a second has passed", async || {
            ensure!(Timestamp::now().as_second() > second, "not yet");
            Ok(())
        })
        .await
    }
}
