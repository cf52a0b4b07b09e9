//! One question to AWS, and what probes have in common.

use std::fmt::Debug;

use anyhow::{Context as _, Result, bail, ensure};
use aws_sdk_sts::{
    error::{ProvideErrorMetadata, SdkError},
    operation::assume_role::builders::AssumeRoleFluentBuilder,
};
use futures::future::LocalBoxFuture;
use serde_json::{Value, json};

use super::Place;
use crate::{
    aws::{Identity, policy},
    wait::eventually_within,
};

/// What AWS must answer.
pub struct Probe {
    /// The rule of the AWS proxy that makes the lab answer so (`docs/aws-proxy.md`).
    pub rule: &'static str,
    /// The claim.
    pub claim: &'static str,
    /// The calls that it makes.
    pub calls: &'static [&'static str],
    /// Asks. Fails if AWS answers otherwise.
    pub ask: for<'a> fn(&'a Subject<'a>) -> LocalBoxFuture<'a, Result<()>>,
}

impl Probe {
    /// The rule and its claim.
    pub fn title(&self) -> String {
        format!("{}: {}", self.rule, self.claim)
    }
}

/// Whom and what the probes ask about.
pub struct Subject<'a> {
    /// The two accounts.
    pub place: &'a Place,
    /// A user of the source account who may assume all roles of the run.
    pub caller: Identity,
}

impl Subject<'_> {
    /// IAM of the target account.
    pub fn iam(&self) -> &aws_sdk_iam::Client {
        self.place.target.iam()
    }

    /// The name of a thing of this run.
    pub fn name(&self, what: &str) -> String {
        self.place.names.of(what)
    }

    /// Waits until AWS shows a change.
    pub async fn soon<T>(&self, what: &str, look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
        eventually_within(self.place.patience, what, look).await
    }

    /// Makes a role in the target account, as soon as AWS knows those whom it trusts. Gives its ARN.
    pub async fn role(&self, what: &str, trust: &Value) -> Result<String> {
        let (name, nothing) = (self.name(what), json!({"Effect": "Deny", "Action": "s3:*", "Resource": "*"}));
        let make = async || self.place.target.create_role(&name, &policy(trust), &policy(&nothing)).await;
        self.soon("the role can be made", make).await
    }

    /// Makes a role that trusts the caller, on a condition if there is one.
    pub async fn trusting_role(&self, what: &str, condition: Option<Value>) -> Result<String> {
        self.role(what, &trusting(&self.caller.arn, condition)).await
    }

    /// `AssumeRole` by the caller.
    pub fn assume(&self, role_arn: &str) -> AssumeRoleFluentBuilder {
        self.assume_as(&self.caller, role_arn)
    }

    /// `AssumeRole` by somebody.
    pub fn assume_as(&self, who: &Identity, role_arn: &str) -> AssumeRoleFluentBuilder {
        let sts = self.place.source.sts(who.credentials.clone());
        sts.assume_role().role_arn(role_arn).role_session_name("probe")
    }

    /// Waits until the caller gets into a role. Gives the session.
    pub async fn enters(&self, role_arn: &str) -> Result<Identity> {
        self.soon("the caller gets in", async || self.place.source.assume(&self.caller, role_arn, None).await).await
    }
}

/// A statement that lets a principal assume the role.
pub fn trusting(principal: &str, condition: Option<Value>) -> Value {
    let mut statement = json!({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": principal}});
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}

/// Fails unless AWS refused a call with this code. Gives its message.
pub fn refused<T, E>(tried: Result<T, SdkError<E>>, code: &str) -> Result<String>
where
    E: ProvideErrorMetadata + Debug,
{
    let Err(error) = tried else { bail!("AWS did it, where {code} was expected") };
    let service = error.as_service_error().with_context(|| format!("there is no answer of AWS: {error:?}"))?;
    let (given, message) = (service.code().unwrap_or_default(), service.message().unwrap_or_default());
    ensure!(given == code, "AWS answers {given} ({message}), where {code} was expected");
    Ok(message.to_owned())
}
