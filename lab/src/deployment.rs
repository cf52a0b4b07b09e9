//! A user of account A whom roles of account B trust, and what that user and others can really do there.

use anyhow::{Context as _, Result, ensure};
use aws_sdk_sts::config::Credentials;
use crossaccount::api::CrossAccountRole;
use jiff::Timestamp;
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::Time};
use kube::api::DeleteParams;
use serde_json::{Value, json};

use crate::{
    aws::{Identity, policy},
    aws_proxy::AwsProxy,
    emulator::aws_config,
    env::{TestEnv, standing::listed},
    wait::eventually,
};

/// How the names of the inline policies begin with which the operator denies.
const DENIAL: &str = "crossaccount-deny";

/// One operator with its account, and a user of the other account who is let into its roles.
pub struct Deployment {
    /// The operator's side.
    pub env: TestEnv,
    /// The user: allowed on its own side to assume any role, and within the guardrails of account B.
    pub deployer: Identity,
    /// The role that the roles of account B may assume: what works only with credentials that are good.
    pub errand: String,
    /// People meet AWS through a proxy of their own, which no fault of the operator's befalls.
    people: AwsProxy,
}

impl Deployment {
    /// An account that lets its tenants trust the user. The operator is not running yet.
    pub async fn new(name: &str) -> Result<Self> {
        let env = TestEnv::new(name).await?;
        let may_assume = policy(&json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}));
        let deployer = env.aws.source.create_user("deployer", &may_assume).await?;
        let principals = [format!("arn:aws:iam::{}:*", env.aws.source.id())];
        env.patch_account(json!({"guardrails": {"principals": principals}})).await?;
        let errand = env.errand().await?;
        let people = env.proxy.beside()?;
        Ok(Self { env, deployer, errand, people })
    }

    /// A role that may run the errand and trusts the user.
    pub fn open_role(&self, name: &str) -> CrossAccountRole {
        let mut role = self.env.on_errand(name, &self.errand);
        role.spec.trust.principals = vec![self.deployer.arn.clone()];
        role
    }

    /// Creates such a role, waits until it is Ready, and gives a session that the user began in it.
    pub async fn ready_and_in_use(&self, name: &str) -> Result<Identity> {
        self.env.create(&self.open_role(name)).await?;
        self.env.settled(name).await?;
        let session = self.assume(&self.deployer, name).await?;
        self.runs_errand(&session).await?;
        Ok(session)
    }

    /// Lets these namespaces into the account, and no others.
    pub async fn allow(&self, namespaces: Value) -> Result<()> {
        self.env.patch_account(json!({"allowedNamespaces": {"names": namespaces}})).await
    }

    /// Ends all permission of the test's namespace.
    pub async fn withdraw(&self) -> Result<()> {
        self.allow(json!([])).await
    }

    /// Gives the permission back.
    pub async fn give_back(&self) -> Result<()> {
        self.allow(json!([self.env.namespace])).await
    }

    /// An STS client of somebody, through the proxy of people.
    pub fn sts(&self, who: &Identity) -> aws_sdk_sts::Client {
        let config = aws_config(&self.people.endpoint(), who.credentials.clone());
        aws_sdk_sts::Client::new(&config)
    }

    /// Begins a session in the role of an object.
    pub async fn assume(&self, who: &Identity, name: &str) -> Result<Identity> {
        self.assume_arn(who, &self.env.role_arn(name)).await
    }

    /// Begins a session in a role.
    pub async fn assume_arn(&self, who: &Identity, arn: &str) -> Result<Identity> {
        let answer = self.sts(who).assume_role().role_arn(arn).role_session_name("deploy").send().await?;
        let set = answer.credentials.context("AssumeRole gave no credentials")?;
        let (key, secret, token) = (set.access_key_id, set.secret_access_key, Some(set.session_token));
        Ok(Identity { arn: arn.to_owned(), credentials: Credentials::new(key, secret, token, None, "deployer") })
    }

    /// Runs the errand with somebody's credentials.
    pub async fn runs_errand(&self, session: &Identity) -> Result<()> {
        self.assume_arn(session, &self.errand).await?;
        Ok(())
    }

    /// Begins a session in the role of an object and runs the errand with it.
    pub async fn works(&self, who: &Identity, name: &str) -> Result<()> {
        let session = self.assume(who, name).await.context("AssumeRole into the role")?;
        self.runs_errand(&session).await.context("the errand")
    }

    /// Fails if the user gets into the role and can run the errand there.
    pub async fn is_kept_out_now(&self, name: &str) -> Result<()> {
        refused("the deployer assumes the role and runs the errand", self.works(&self.deployer, name).await)
    }

    /// Fails if these credentials can still run the errand.
    pub async fn is_dead_now(&self, session: &Identity) -> Result<()> {
        let tried = self.runs_errand(session).await;
        let refusal = format!("{:?}", tried.err().context("the session still runs the errand")?);
        // The second is what AWS says of a session whose role is gone.
        let codes = ["AccessDenied", "InvalidClientTokenId"];
        ensure!(codes.iter().any(|code| refusal.contains(code)), "it failed in another way: {refusal}");
        Ok(())
    }

    /// Waits until the user cannot use the role: neither with an earlier session nor with a new one, nor with one begun
    /// after the moment that a denial names.
    pub async fn is_shut_out(&self, name: &str, session: &Identity) -> Result<()> {
        let out = async || {
            self.is_kept_out_now(name).await?;
            self.is_dead_now(session).await
        };
        eventually("the deployer is shut out", out).await?;
        if let Ok(moment) = self.denied_before(name).await {
            self.env.a_second_after(Some(&Time(moment))).await?;
        }
        out().await
    }

    /// Fails unless a denial of the operator is on the role that has no condition.
    pub async fn everything_is_denied(&self, name: &str) -> Result<()> {
        let denials = self.denials(name).await?;
        let whole = |statement: &Value| statement["Effect"] == "Deny" && statement["Condition"].is_null();
        ensure!(denials.iter().any(whole), "the denials are {denials:?}");
        Ok(())
    }

    /// Before which moment sessions of the role are denied, by the latest of the operator's denials.
    pub async fn denied_before(&self, name: &str) -> Result<Timestamp> {
        let denials = self.denials(name).await?;
        let times = denials.iter().filter_map(|denial| {
            let before = &denial["Condition"]["DateLessThan"]["aws:TokenIssueTime"];
            before.as_str().or_else(|| before[0].as_str())?.parse().ok()
        });
        times.max().with_context(|| format!("no moment in {denials:?}"))
    }

    /// The statements of the operator's denials on a role.
    async fn denials(&self, name: &str) -> Result<Vec<Value>> {
        let inline = self.env.aws.target.inline_policies(&self.env.iam_name(name)).await?;
        let denials = inline.into_iter().filter(|(name, _)| name.starts_with(DENIAL));
        Ok(denials.flat_map(|(_, document)| listed(&document["Statement"])).collect())
    }

    /// Deletes an object and waits until it is gone.
    pub async fn delete(&self, name: &str) -> Result<()> {
        self.env.roles.delete(name, &DeleteParams::default()).await?;
        self.env.gone(name).await
    }
}

/// Fails unless AWS refused this for want of permission.
pub fn refused<T>(what: &str, tried: Result<T>) -> Result<()> {
    let refusal = format!("{:?}", tried.err().with_context(|| what.to_owned())?);
    // A session of a role that is gone is no session any more.
    let refused = ["AccessDenied", "InvalidClientTokenId"].iter().any(|code| refusal.contains(code));
    ensure!(refused, "it failed in another way: {refusal}");
    Ok(())
}

/// The credentials that a Secret holds.
pub fn credentials_of(secret: &Secret) -> Result<Credentials> {
    let json = secret.data.as_ref().and_then(|data| data.get("credentials.json")).context("the Secret has no set")?;
    let set: Value = serde_json::from_slice(&json.0)?;
    let field = |key: &str| set[key].as_str().unwrap_or_default().to_owned();
    let token = Some(field("SessionToken"));
    Ok(Credentials::new(field("AccessKeyId"), field("SecretAccessKey"), token, None, "copied"))
}
