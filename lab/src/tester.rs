//! Somebody who finds out what is really so, whatever a status says: who gets into a role, what its sessions can do.

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_sts::{
    config::Credentials,
    error::{ProvideErrorMetadata as _, SdkError},
    operation::assume_role::AssumeRoleError,
};
use crossaccount::api::CrossAccountRole;
use serde_json::json;

use crate::{
    aws::{Identity, policy},
    aws_proxy::AwsProxy,
    emulator::aws_config,
    env::TestEnv,
    wait::eventually,
};

/// Somebody who tries things out. AWS is as strict to them as to the operator, and none of the operator's faults befall
/// them.
pub struct Tester<'a> {
    env: &'a TestEnv,
    proxy: AwsProxy,
    errand: String,
}

impl<'a> Tester<'a> {
    /// A tester with an errand that the roles of [`role`](Self::role) may run.
    pub async fn new(env: &'a TestEnv) -> Result<Self> {
        Ok(Self { env, proxy: env.proxy.beside()?, errand: env.errand().await? })
    }

    /// The same tester for the objects of another cluster, with the same errand.
    pub fn in_cluster<'b>(&self, env: &'b TestEnv) -> Result<Tester<'b>> {
        Ok(Tester { env, proxy: self.proxy.beside()?, errand: self.errand.clone() })
    }

    /// An object whose role may run the errand.
    pub fn role(&self, name: &str) -> CrossAccountRole {
        self.env.on_errand(name, &self.errand)
    }

    /// A user of the source account who may assume every role, as far as that account is asked.
    pub async fn user(&self, name: &str) -> Result<Identity> {
        let any = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}));
        self.env.aws.source.create_user(name, &any).await
    }

    /// Creates such an object, whose role trusts a user, within guardrails that allow it. Gives the user.
    pub async fn trusted_user(&self, object: &str) -> Result<Identity> {
        let user = self.user("deployer").await?;
        self.env.patch_account(json!({"guardrails": {"principals": ["*"]}})).await?;
        let mut role = self.role(object);
        role.spec.trust.principals = vec![user.arn.clone()];
        self.env.create(&role).await?;
        Ok(user)
    }

    /// Waits until the object of [`trusted_user`](Self::trusted_user) has a role. Gives a session of it that the user began.
    pub async fn session_of(&self, user: &Identity, object: &str) -> Result<Identity> {
        self.env.settled(object).await?;
        let arn = self.env.standing(object).await?.0.arn;
        self.enters(user, &arn).await?.context("a trusted user is not let in")
    }

    /// A session of a role, if it lets this caller in.
    pub async fn enters(&self, caller: &Identity, role_arn: &str) -> Result<Option<Identity>> {
        let sts = aws_sdk_sts::Client::new(&aws_config(&self.proxy.endpoint(), caller.credentials.clone()));
        let session = match sts.assume_role().role_arn(role_arn).role_session_name("tester").send().await {
            Ok(answer) => answer.credentials.context("AssumeRole gave no credentials")?,
            Err(error) if is_refusal(&error) => return Ok(None),
            Err(error) => bail!("AssumeRole failed: {error:?}"),
        };
        let (key, secret, token) = (session.access_key_id, session.secret_access_key, session.session_token);
        let credentials = Credentials::new(key, secret, Some(token), None, "tester");
        Ok(Some(Identity { arn: role_arn.to_owned(), credentials }))
    }

    /// Whether a session can run the errand.
    pub async fn works(&self, session: &Identity) -> Result<bool> {
        Ok(self.enters(session, &self.errand).await?.is_some())
    }

    /// Waits until a session cannot run the errand any more.
    pub async fn is_denied(&self, what: &str, session: &Identity) -> Result<()> {
        eventually(&format!("{what} is denied"), async || {
            ensure!(!self.works(session).await?, "{what} still works");
            Ok(())
        })
        .await
    }

    /// Waits until what the Secret of an object holds can run the errand. Gives the set.
    pub async fn has_a_working_set(&self, name: &str) -> Result<Identity> {
        eventually("the Secret holds a set that works", async || {
            let set = self.env.copied(name).await?;
            ensure!(self.works(&set).await?, "what the Secret holds is denied");
            Ok(set)
        })
        .await
    }
}

fn is_refusal(error: &SdkError<AssumeRoleError>) -> bool {
    matches!(error.code(), Some("AccessDenied" | "InvalidClientTokenId" | "ExpiredToken"))
}
