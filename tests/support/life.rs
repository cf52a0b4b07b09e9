//! One role under one operator, with the proxy between it and AWS.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use aws_config::SdkConfig;
use aws_sdk_sts::config::Credentials;
use crossaccount::api::{AWSAccount, ConditionType, CrossAccountRole, annotation};
use jiff::Timestamp;
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::Time};
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::{
    aws::{Base, Identity, policy},
    aws_proxy::AwsProxy,
    builders::document,
    emulator::{aws_config, emulator},
    operator::{Operator, OperatorSettings},
    scenario::Scenario,
    wait::eventually,
};

/// A managed policy that a test attaches.
pub const MANAGED: &str = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess";

/// One scenario with its proxy, and the APIs that a test speaks to.
pub struct Life {
    /// What the test has to itself.
    pub scenario: Scenario,
    /// What the operator takes for AWS.
    pub proxy: AwsProxy,
    /// The objects of the test's namespace.
    pub roles: Api<CrossAccountRole>,
    /// The Secrets of the test's namespace.
    pub secrets: Api<Secret>,
    /// How the operator is started.
    pub settings: OperatorSettings,
}

impl Life {
    /// An account that is there, and an operator that is not running yet.
    pub async fn new(name: &str) -> Result<Self> {
        Self::with_base(name, Base::User).await
    }

    /// The same with an operator that is this kind of identity.
    pub async fn with_base(name: &str, base: Base) -> Result<Self> {
        let scenario = Scenario::with_base(name, base).await?;
        let proxy = AwsProxy::start(emulator().await?.address())?;
        let accounts: Api<AWSAccount> = Api::all(scenario.kube.clone());
        accounts.create(&PostParams::default(), &scenario.account()).await?;
        let settings = scenario.operator().await?.aws_endpoint(&proxy.endpoint());
        let roles = Api::namespaced(scenario.kube.clone(), &scenario.namespace);
        let secrets = Api::namespaced(scenario.kube.clone(), &scenario.namespace);
        Ok(Self { scenario, proxy, roles, secrets, settings })
    }

    /// Starts the operator.
    pub async fn start(&self) -> Result<Operator> {
        self.settings.start().await
    }

    /// Creates a role with one inline and one managed policy, and waits until it is Ready.
    pub async fn ready_role(&self, name: &str) -> Result<CrossAccountRole> {
        let mut role = self.scenario.role(name);
        role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
        self.roles.create(&PostParams::default(), &role).await?;
        self.settled(name).await
    }

    /// Waits until a role is Ready for its present generation.
    pub async fn settled(&self, name: &str) -> Result<CrossAccountRole> {
        eventually("the role is Ready", async || {
            let role = self.roles.get(name).await?;
            let status = role.status.clone().unwrap_or_default();
            let ready = status.conditions.iter().find(|c| c.type_ == ConditionType::Ready.to_string());
            let ready = ready.context("it has no condition Ready")?;
            ensure!(status.observed_generation == role.metadata.generation, "it is at another generation");
            ensure!(ready.status == "True" && ready.reason == "Available", "{}: {}", ready.reason, ready.message);
            Ok(role)
        })
        .await
    }

    /// Waits until a role's condition `Ready` has this status and reason for its present generation. Gives its message.
    pub async fn shows(&self, name: &str, status: &str, reason: &str) -> Result<String> {
        eventually(&format!("{name} is Ready={status} {reason}"), async || {
            let role = self.roles.get(name).await?;
            let found = role.status.clone().unwrap_or_default();
            let ready = found.conditions.into_iter().find(|c| c.type_ == ConditionType::Ready.to_string());
            let ready = ready.context("it has no condition Ready")?;
            ensure!(found.observed_generation == role.metadata.generation, "it is at another generation");
            ensure!((ready.status.as_str(), ready.reason.as_str()) == (status, reason), "{ready:?}");
            Ok(ready.message)
        })
        .await
    }

    /// The settings of a client for anybody's keys that meets AWS as the operator does.
    pub fn through_proxy(&self, credentials: Credentials) -> SdkConfig {
        aws_config(&self.proxy.endpoint(), credentials)
    }

    /// Creates a role.
    pub async fn create(&self, role: &CrossAccountRole) -> Result<CrossAccountRole> {
        Ok(self.roles.create(&PostParams::default(), role).await?)
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

    /// Merges a patch into the specification of the account.
    pub async fn patch_account(&self, spec: Value) -> Result<()> {
        let accounts: Api<AWSAccount> = Api::all(self.scenario.kube.clone());
        let patch = Patch::Merge(json!({ "spec": spec }));
        accounts.patch(&self.scenario.namespace, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// The credentials in a Secret, as somebody might copy them away.
    pub async fn copied(&self, name: &str) -> Result<Identity> {
        let (data, annotations) = self.secret(name).await?;
        let set: Value = serde_json::from_str(data.get("credentials.json").context("the Secret has no set")?)?;
        let field = |key: &str| set[key].as_str().unwrap_or_default().to_owned();
        let token = Some(field("SessionToken"));
        let credentials = Credentials::new(field("AccessKeyId"), field("SecretAccessKey"), token, None, "copied");
        let arn = annotations.get(annotation::ROLE_ARN).context("the Secret does not name its role")?.clone();
        Ok(Identity { arn, credentials })
    }

    /// A role of account B that the role of an object may assume, if `on_errand` lets it: what works with its credentials
    /// only while they are good. Gives its ARN.
    pub async fn errand(&self) -> Result<String> {
        let target = &self.scenario.aws.target;
        let trust = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": target.id()}}));
        let nothing = policy(&json!({"Effect": "Deny", "Action": "*", "Resource": "*"}));
        target.create_role("errand", &trust, &nothing).await
    }

    /// An object whose role may assume the one of [`errand`](Self::errand).
    pub fn on_errand(&self, name: &str, errand: &str) -> CrossAccountRole {
        let mut role = self.scenario.role(name);
        let may_run = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": errand}));
        role.spec.role.inline_policies.insert("errand".into(), document(&may_run));
        role
    }

    /// Merges a patch into an object.
    pub async fn patch(&self, name: &str, patch: Value) -> Result<()> {
        self.roles.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(())
    }

    /// Name of the IAM role of an object.
    pub fn iam_name(&self, name: &str) -> String {
        format!("{}-{name}", self.scenario.namespace)
    }

    /// The data and annotations of a Secret, as text.
    pub async fn secret(&self, name: &str) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>)> {
        let secret = self.secrets.get(name).await?;
        let text = |bytes: k8s_openapi::ByteString| String::from_utf8_lossy(&bytes.0).into_owned();
        let data = secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, text(bytes))).collect();
        Ok((data, secret.metadata.annotations.unwrap_or_default()))
    }

    /// Actions of the calls so far.
    pub fn actions(&self) -> Vec<String> {
        self.proxy.calls().into_iter().map(|call| call.action).collect()
    }

    /// Waits until an object has other credentials than before.
    pub async fn issued_again(&self, name: &str, before: &CrossAccountRole) -> Result<CrossAccountRole> {
        let set = |role: &CrossAccountRole| {
            let status = role.status.clone().unwrap_or_default();
            status.credentials.map(|set| (set.issued_at, set.secret_name, set.expires_at))
        };
        eventually("new credentials are issued", async || {
            let role = self.settled(name).await?;
            ensure!(set(&role) != set(before), "still the set of before");
            Ok(role)
        })
        .await
    }
}
