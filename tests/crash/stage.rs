//! Where one life of one object takes place.

use std::sync::OnceLock;

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use serde_json::json;

use lab::{
    aws::Identity,
    deployment::Deployment,
    effects::{Effect, Server},
    operator::Operator,
    wait::eventually,
};

use super::{act::Act, picture::Picture};
use crate::grants::stage::{CLUSTER, open_source, user};

/// The name of the object.
pub const OBJECT: &str = "reader";

/// An operator with both accounts, and the object of a test there.
pub struct Stage {
    /// The operator's side, and the user `deployer`, whom the object trusts.
    pub deployment: Deployment,
    /// Another user, whom the object trusts after its change.
    pub successor: Identity,
    /// The Secret's credentials as somebody copied them before the act.
    pub copy: Option<Identity>,
    /// The UID of the object, once it was seen. It remains in AWS when the object is gone.
    pub uid: OnceLock<String>,
}

impl Stage {
    /// Accounts that allow everything an object does in its life here.
    pub async fn new(name: &str) -> Result<Self> {
        let mut deployment = Deployment::new(name).await?;
        deployment.env.settings =
            deployment.env.settings.flag(format!("--cluster-name={CLUSTER}")).flag("--drift-interval=24h").quiet();
        open_source(&deployment.env).await?;
        let guardrails = json!({
            "lifecycles": ["Create", "Adopt"],
            "deletionPolicies": ["Delete", "Retain"],
            "principalTagKeys": ["cost", "team"],
            "maxSessionDurationSeconds": 7200,
        });
        deployment.env.patch_account(json!({ "guardrails": guardrails })).await?;
        let successor = user(&deployment.env, "successor").await?;
        Ok(Self { deployment, successor, copy: None, uid: OnceLock::new() })
    }

    /// Starts the operator and leads the object through these acts. Accounts are Ready afterwards.
    pub async fn lead(&mut self, acts: &[Act]) -> Result<Operator> {
        let operator = self.deployment.env.start().await?;
        self.accounts_are_ready().await?;
        for act in acts {
            self.act(*act).await?;
        }
        self.copy = self.deployment.env.copied(OBJECT).await.ok().or(self.copy.take());
        Ok(operator)
    }

    /// Does something and waits until the operator has answered.
    pub async fn act(&self, act: Act) -> Result<()> {
        let before = self.object().await?;
        act.run(self).await?;
        act.is_answered(self, before.as_ref()).await.with_context(|| format!("{act:?}"))
    }

    /// The object, if there is one.
    pub async fn object(&self) -> Result<Option<CrossAccountRole>> {
        let object = self.deployment.env.roles.get_opt(OBJECT).await?;
        if let Some(uid) = object.as_ref().and_then(|object| object.metadata.uid.clone()) {
            self.uid.get_or_init(|| uid);
        }
        Ok(object)
    }

    /// Has a new operator look at the role and its grants, and fails if it writes anything to AWS. Then everything is as it
    /// was.
    pub async fn is_at_rest(&self, picture: &Picture) -> Result<()> {
        if self.object().await?.is_some() {
            let env = &self.deployment.env;
            let before = env.effects.list().len();
            let operator = env.settings.clone().flag("--drift-interval=1s").start().await?;
            env.compared_again(OBJECT, 3).await?;
            env.wake(&operator, OBJECT).await?; // the last look may still be at work
            operator.stop().await?;
            let written: Vec<Effect> = env.effects.list().into_iter().skip(before).collect();
            let to_aws: Vec<&Effect> = written.iter().filter(|effect| effect.server == Server::Aws).collect();
            ensure!(to_aws.is_empty(), "a look at what has settled writes to AWS: {to_aws:#?}");
        }
        picture.is_of(self).await.context("after a look")
    }

    async fn accounts_are_ready(&self) -> Result<()> {
        let env = &self.deployment.env;
        for name in [env.namespace.clone(), format!("{}-source", env.namespace)] {
            eventually(&format!("account {name} is Ready"), async || {
                let account = env.accounts.get(&name).await?;
                let status = account.status.unwrap_or_default();
                let ready = status.conditions.iter().any(|c| c.type_ == "Ready" && c.status == "True");
                ensure!(ready && status.observed_generation == account.metadata.generation, "{status:?}");
                Ok(())
            })
            .await?;
        }
        Ok(())
    }
}
