//! AWS accounts of a test: made by an administrator of each, and read back as the oracle of what the operator did.
//!
//! Everything here talks to the emulator directly, never through the proxy that the operator uses, so that the calls
//! counted there are the operator's own.

mod documents;
mod oracle;
mod world;

use anyhow::{Context as _, Result};
use aws_config::SdkConfig;
use aws_sdk_iam::types::Tag;
use aws_sdk_sts::config::{Credentials, ProvideCredentials as _, SharedCredentialsProvider};
use serde_json::{Value, json};

pub use self::{
    documents::{MANAGER, MANAGER_EXTERNAL_ID, OPERATOR, ROLE_PATH, grants, manager, target},
    oracle::RoleState,
    world::{AwsWorld, Base, Managed},
};
use super::emulator::aws_config;

/// An account, seen by one of its administrators.
#[derive(Debug, Clone)]
pub struct Account {
    id: String,
    partition: String,
    path: String,
    way: SdkConfig,
    administrator: Credentials,
    iam: aws_sdk_iam::Client,
}

/// Somebody who can sign requests.
#[derive(Debug, Clone)]
pub struct Identity {
    /// What trust policies name: the ARN of a user, or of a role for its sessions.
    pub arn: String,
    /// The keys.
    pub credentials: Credentials,
}

/// A policy document of these statements.
pub fn policy(statements: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": statements })
}

fn keys(id: impl Into<String>, secret: impl Into<String>, token: Option<String>) -> Credentials {
    Credentials::new(id, secret, token, None, "lab")
}

impl Account {
    /// Opens an account. Its root makes an administrator, since IAM treats root unlike everybody else.
    pub async fn open(endpoint: &str, id: &str) -> Result<Self> {
        // The emulator takes a 12-digit access key for the root of that account.
        let root = keys(id, "test", None);
        let way = aws_config(endpoint, root.clone());
        let iam = aws_sdk_iam::Client::new(&way);
        let (path, partition) = ("/".to_owned(), "aws".to_owned());
        let mut account = Self { id: id.to_owned(), partition, path, way, administrator: root, iam };
        let all = policy(&json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
        let administrator = account.create_user("lab-administrator", &all).await?;
        account.iam = aws_sdk_iam::Client::new(&account.config(administrator.credentials.clone()));
        account.administrator = administrator.credentials;
        Ok(account)
    }

    /// The account of somebody who administers it already. All that is made there lies under the path.
    pub async fn of_administrator(way: SdkConfig, path: &str) -> Result<Self> {
        let provider = way.credentials_provider().context("there are no credentials")?;
        let administrator = provider.provide_credentials().await?;
        let caller = aws_sdk_sts::Client::new(&way).get_caller_identity().send().await?;
        let id = caller.account().context("GetCallerIdentity gave no account")?.to_owned();
        let arn = caller.arn().context("GetCallerIdentity gave no ARN")?;
        let partition = arn.split(':').nth(1).unwrap_or_default().to_owned();
        let iam = aws_sdk_iam::Client::new(&way);
        Ok(Self { id, partition, path: path.to_owned(), way, administrator, iam })
    }

    /// The 12 digits.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// An ARN of IAM in the account: `role/reader` is `arn:aws:iam::222222222222:role/reader`.
    pub fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::{}:{resource}", self.partition, self.id)
    }

    /// The partition of the account, such as `aws`.
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// The path of all that is made in the account.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The IAM client of the administrator, for what has no method here.
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        &self.iam
    }

    /// The keys of the administrator.
    pub fn administrator(&self) -> &Credentials {
        &self.administrator
    }

    /// The settings of a client for anybody's keys.
    pub fn config(&self, credentials: Credentials) -> SdkConfig {
        self.way.to_builder().credentials_provider(SharedCredentialsProvider::new(credentials)).build()
    }

    /// An STS client for anybody's keys.
    pub fn sts(&self, credentials: Credentials) -> aws_sdk_sts::Client {
        aws_sdk_sts::Client::new(&self.config(credentials))
    }

    /// Makes a user with one inline policy and an access key.
    pub async fn create_user(&self, name: &str, policy: &Value) -> Result<Identity> {
        let user = self
            .iam
            .create_user()
            .user_name(name)
            .path(&self.path)
            .send()
            .await?
            .user
            .context("CreateUser gave no user")?;
        self.put_user_policy(name, "lab", policy).await?;
        let key = self.iam.create_access_key().user_name(name).send().await?.access_key;
        let key = key.context("CreateAccessKey gave no key")?;
        let credentials = keys(key.access_key_id, key.secret_access_key, None);
        Ok(Identity { arn: user.arn, credentials })
    }

    /// Makes a role with one inline policy, and gives its ARN.
    pub async fn create_role(&self, name: &str, trust: &Value, policy: &Value) -> Result<String> {
        let create = self.iam.create_role().role_name(name).assume_role_policy_document(trust.to_string());
        let role = create.path(&self.path).send().await?.role.context("CreateRole gave no role")?;
        self.put_role_policy(name, "lab", policy).await?;
        Ok(role.arn)
    }

    /// Writes an inline policy of a role.
    pub async fn put_role_policy(&self, role: &str, name: &str, policy: &Value) -> Result<()> {
        let put = self.iam.put_role_policy().role_name(role).policy_name(name).policy_document(policy.to_string());
        put.send().await?;
        Ok(())
    }

    /// Writes an inline policy of a user.
    pub async fn put_user_policy(&self, user: &str, name: &str, policy: &Value) -> Result<()> {
        let put = self.iam.put_user_policy().user_name(user).policy_name(name).policy_document(policy.to_string());
        put.send().await?;
        Ok(())
    }

    /// Tags a role.
    pub async fn tag_role(&self, role: &str, key: &str, value: &str) -> Result<()> {
        let tag = Tag::builder().key(key).value(value).build()?;
        self.iam.tag_role().role_name(role).tags(tag).send().await?;
        Ok(())
    }

    /// Makes a managed policy, and gives its ARN.
    pub async fn create_policy(&self, name: &str, policy: &Value) -> Result<String> {
        let create = self.iam.create_policy().policy_name(name).policy_document(policy.to_string());
        let created = create.path(&self.path).send().await?.policy.context("CreatePolicy gave no policy")?;
        created.arn.context("CreatePolicy gave no ARN")
    }

    /// Assumes a role, of any account, with the keys of `caller`.
    pub async fn assume(&self, caller: &Identity, role_arn: &str, external_id: Option<&str>) -> Result<Identity> {
        let assume = self.sts(caller.credentials.clone()).assume_role();
        let assume = assume.role_arn(role_arn).role_session_name("lab").set_external_id(external_id.map(str::to_owned));
        let session = assume.send().await?.credentials.context("AssumeRole gave no credentials")?;
        let token = Some(session.session_token);
        let credentials = keys(session.access_key_id, session.secret_access_key, token);
        Ok(Identity { arn: role_arn.to_owned(), credentials })
    }
}
