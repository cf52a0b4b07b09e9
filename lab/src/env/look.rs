//! What a test sees of its environment, and what it waits for.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{ConditionType, CrossAccountRole, annotation};

use super::TestEnv;
use crate::{aws::Identity, aws_proxy::RecordedCall, deployment::credentials_of, wait::eventually};

impl TestEnv {
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

    /// What all conditions of an object say.
    pub async fn told(&self, name: &str) -> Result<String> {
        let conditions = self.roles.get(name).await?.status.unwrap_or_default().conditions;
        let lines = conditions.into_iter().map(|c| format!("{} {}: {}", c.type_, c.reason, c.message));
        Ok(lines.collect::<Vec<_>>().join("\n"))
    }

    /// Waits until an object has other credentials than before.
    pub async fn issued_again(&self, name: &str, before: &CrossAccountRole) -> Result<CrossAccountRole> {
        let set = |role: &CrossAccountRole| {
            let status = role.status.clone().unwrap_or_default();
            status.credentials.map(|set| (set.issued_at, set.secret_name, set.expires_at))
        };
        eventually("new credentials are issued", async || {
            let role = self.settled(name).await?;
            ensure!(set(&role) != set(before), "still the earlier credentials");
            Ok(role)
        })
        .await
    }

    /// The data and annotations of a Secret, as text.
    pub async fn secret(&self, name: &str) -> Result<(BTreeMap<String, String>, BTreeMap<String, String>)> {
        let secret = self.secrets.get(name).await?;
        let text = |bytes: k8s_openapi::ByteString| String::from_utf8_lossy(&bytes.0).into_owned();
        let data = secret.data.unwrap_or_default().into_iter().map(|(key, bytes)| (key, text(bytes))).collect();
        Ok((data, secret.metadata.annotations.unwrap_or_default()))
    }

    /// The credentials in a Secret, as somebody might copy them away.
    pub async fn copied(&self, name: &str) -> Result<Identity> {
        let secret = self.secrets.get(name).await?;
        let credentials = credentials_of(&secret)?;
        let annotations = secret.metadata.annotations.unwrap_or_default();
        let arn = annotations.get(annotation::ROLE_ARN).context("the Secret does not name its role")?.clone();
        Ok(Identity { arn, credentials })
    }

    /// Actions of the calls so far.
    pub fn actions(&self) -> Vec<String> {
        self.proxy.calls().into_iter().map(|call| call.action).collect()
    }

    /// How often the role of an object was read so far, by itself or with its whole account.
    pub fn looks(&self, name: &str) -> usize {
        let (role, account) = (self.iam_name(name), self.aws.target.id());
        let is_look = |call: &RecordedCall| match call.action.as_str() {
            "GetRole" => call.role.as_ref() == Some(&role),
            "GetAccountAuthorizationDetails" => call.account.as_deref() == Some(account),
            _ => false,
        };
        self.proxy.calls_that(is_look).len()
    }

    /// Waits until the role of an object was compared with AWS some times more.
    pub async fn compared_again(&self, name: &str, times: usize) -> Result<()> {
        let before = self.looks(name);
        eventually(&format!("the role was compared {times} times more"), async || {
            let looks = self.looks(name) - before;
            // The object comes to a look a moment after its account.
            ensure!(looks > times, "{looks} times so far");
            Ok(())
        })
        .await
    }

    /// Name of the IAM role of an object.
    pub fn iam_name(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace)
    }

    /// ARN of the IAM role of an object, under the default path.
    pub fn role_arn(&self, name: &str) -> String {
        self.arn(&format!("arn:aws:iam::{}:role/crossaccount/{}", self.aws.target.id(), self.iam_name(name)))
    }

    /// Waits until an object is gone.
    pub async fn gone(&self, name: &str) -> Result<()> {
        eventually("the object is gone", async || {
            let role = self.roles.get_opt(name).await?;
            ensure!(role.is_none(), "{:?}", role.and_then(|role| role.status).map(|status| status.conditions));
            Ok(())
        })
        .await
    }
}
