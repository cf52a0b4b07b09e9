//! One operator that lacks one right after the other, and what it does about it.

use anyhow::{Context as _, Result, bail, ensure};
use crossaccount::api::CrossAccountRole;
use jiff::{SignedDuration, Timestamp};
use kube::api::{DeleteParams, PostParams};
use serde_json::json;

use crate::credentials::times::put_times;
use lab::{env::TestEnv, operator::Operator, wait::eventually};

/// The object that is there from the start.
const OBJECT: &str = "reader";
/// The one that is made while a right is missing.
const NEW: &str = "writer";

/// What needs the right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Another description of the role.
    Edit,
    /// Another object.
    Create,
    /// Another object in an account without the finalizer.
    CreateFirst,
    /// The set in the Secret is due.
    Renew,
    /// The account allows nobody.
    Withdraw,
    /// Another allowed namespace in the account.
    EditAccount,
    /// The operator starts.
    Start,
    /// A watch is broken, and begins again.
    Watch,
}

/// Where people find the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In a condition of the object.
    Condition,
    /// In a condition of the object that is made.
    NewCondition,
    /// In the log.
    Log,
}

/// One right: verb, resource, what needs it, and where its absence is seen.
pub type Row = (&'static str, &'static str, Act, Place);

/// An environment whose operator has all rights, until one is taken.
pub struct Stage {
    env: TestEnv,
    operator: Option<Operator>,
}

impl Stage {
    /// Starts it, with a Ready object.
    pub async fn new(name: &str) -> Result<Self> {
        let mut env = TestEnv::new(name).await?;
        let limited = env.kubeconfig_of_limited().await?;
        env.settings = env.settings.clone().env("KUBECONFIG", limited.to_string_lossy());
        let operator = Some(env.start().await?);
        env.ready_role(OBJECT).await?;
        Ok(Self { env, operator })
    }

    /// Goes over the rights one after the other.
    pub async fn play(mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            let (verb, resource, ..) = row;
            self.lacks(row).await.with_context(|| format!("without {verb} on {resource}"))?;
        }
        Ok(())
    }

    async fn lacks(&mut self, (verb, resource, act, place): &Row) -> Result<()> {
        if *act == Act::Start {
            self.operator.take().context("no operator")?.stop().await?;
        }
        self.env.take(verb, resource).await?;
        self.act(*act, resource).await?;
        self.says(*place, &format!("cannot {verb} resource \"{resource}\"")).await?;
        if !matches!(act, Act::Withdraw | Act::CreateFirst) {
            self.env.secrets.get(OBJECT).await.context("the Secret of an object that is allowed")?;
        }
        if *act == Act::Withdraw {
            self.env.is_closed(OBJECT).await?; // whatever Kubernetes refuses
        }
        ensure!(self.operator()?.get("/healthz").await?.0 == 200, "it is not alive");
        self.env.give_back(verb, resource).await?;
        self.goes_on(*act).await.context("after the right was given back")
    }

    fn operator(&self) -> Result<&Operator> {
        self.operator.as_ref().context("no operator")
    }

    async fn act(&mut self, act: Act, resource: &str) -> Result<()> {
        let env = &self.env;
        match act {
            Act::Edit => describe(env).await,
            Act::Create => env.create(&env.role(NEW)).await.map(drop),
            Act::CreateFirst => {
                env.roles.delete(OBJECT, &DeleteParams::default()).await?;
                env.is_gone_with_its_role(OBJECT).await?;
                // The operator may write its status between the read and the write.
                eventually("the account has no finalizer", async || {
                    let live = env.accounts.get(&env.namespace).await?;
                    let mut bare = env.account();
                    bare.metadata.resource_version = live.metadata.resource_version;
                    env.accounts.replace(&env.namespace, &PostParams::default(), &bare).await?;
                    Ok(())
                })
                .await?;
                env.create(&env.role(NEW)).await.map(drop)
            }
            Act::Renew => {
                let now = Timestamp::now();
                let half = SignedDuration::from_mins(10);
                put_times(env, OBJECT, now - half, now + half).await
            }
            Act::Withdraw => env.allow_nobody().await,
            Act::EditAccount => {
                env.patch_account(json!({"allowedNamespaces": {"names": [env.namespace, "another"]}})).await
            }
            Act::Start => {
                self.operator = Some(env.start().await?);
                Ok(())
            }
            Act::Watch => {
                env.kube_proxy.cut_watches(resource);
                Ok(())
            }
        }
    }

    async fn says(&self, place: Place, words: &str) -> Result<()> {
        eventually(&format!("{place:?} says {words:?}"), async || {
            let said = match place {
                Place::Condition => self.env.told(OBJECT).await?,
                Place::NewCondition => self.env.told(NEW).await?,
                Place::Log => self.operator()?.log().read().replace('\\', ""), // quotes are escaped there
            };
            if said.contains(words) { Ok(()) } else { bail!("{said:.2000}") }
        })
        .await
    }

    /// Everything is as it was, by the operator's own work.
    async fn goes_on(&self, act: Act) -> Result<()> {
        let env = &self.env;
        match act {
            Act::Withdraw => {
                eventually("the Secret is gone", async || {
                    ensure!(env.secrets.get_opt(OBJECT).await?.is_none(), "{}", env.told(OBJECT).await?);
                    Ok(())
                })
                .await?;
                env.patch_account(json!({"allowedNamespaces": {"names": [env.namespace]}})).await?;
            }
            Act::Create => {
                env.settled(NEW).await?;
                env.roles.delete(NEW, &DeleteParams::default()).await?;
                env.is_gone_with_its_role(NEW).await?;
            }
            Act::CreateFirst => {
                env.settled(NEW).await?;
                env.roles.delete(NEW, &DeleteParams::default()).await?;
                env.is_gone_with_its_role(NEW).await?;
                env.ready_role(OBJECT).await?;
            }
            // An edit shows that the watch is whole.
            Act::Start | Act::Watch => describe(env).await?,
            Act::Edit | Act::Renew | Act::EditAccount => {}
        }
        env.settled(OBJECT).await?;
        let standing = env.standing(OBJECT).await?.0;
        let declared: CrossAccountRole = env.roles.get(OBJECT).await?;
        let described = standing.description.clone().unwrap_or_default();
        ensure!(described == declared.spec.role.description.unwrap_or_default(), "the role is {standing:?}");
        Ok(())
    }
}

/// Gives the role a description that it did not have before.
async fn describe(env: &TestEnv) -> Result<()> {
    let now = Timestamp::now().to_string();
    env.patch(OBJECT, json!({"spec": {"role": {"description": now}}})).await
}
