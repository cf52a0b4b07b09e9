//! What can be seen of one object: in Kubernetes, in IAM, and in the calls that AWS got.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use crossaccount::{
    api::{AWSAccount, CrossAccountRole},
    domain::tag,
};
use k8s_openapi::{
    api::{
        apps::v1::{DaemonSet, Deployment, StatefulSet},
        core::v1::Secret,
    },
    apimachinery::pkg::apis::meta::v1::Condition,
};
use kube::{Api, ResourceExt, api::ListParams};
use serde_json::Value;

use super::prepare::{GRANTEES, WORKLOAD};
use lab::{aws::RoleState, aws_proxy::RecordedCall, env::TestEnv};

/// Inline policy that the operator leaves on a role whose access was taken away once; no field declares it.
const DENIAL: &str = "crossaccount-deny";

/// Whom the AWS proxy lets into every role for itself; only clients of the proxy do not see it.
const DOOR: &str = "arn:aws:iam::000000000000:root";

/// A role with its policies, as IAM has it.
#[derive(Clone, Debug, PartialEq)]
pub struct InIam {
    /// The role.
    pub role: RoleState,
    /// Inline policies by name.
    pub inline: BTreeMap<String, Value>,
    /// ARNs of attached policies.
    pub attached: BTreeSet<String>,
}

impl InIam {
    /// Its tags without the operator's own.
    pub fn tags(&self) -> BTreeMap<&str, &str> {
        let tags = self.role.tags.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        tags.filter(|(key, _)| !key.starts_with(tag::RESERVED_PREFIX)).collect()
    }

    /// The statements of the trust policy that are not about the operator.
    pub fn declared_trust<'a>(&'a self, operator: &'a str) -> impl Iterator<Item = &'a Value> {
        let statements = self.role.trust["Statement"].as_array().into_iter().flatten();
        statements.filter(move |statement| ![operator, DOOR].map(Value::from).contains(&statement["Principal"]["AWS"]))
    }
}

/// Everything an oracle looks at.
pub struct Seen {
    /// The account's object.
    pub account: AWSAccount,
    /// The role's object, as it was last seen.
    pub object: CrossAccountRole,
    /// The IAM role, if there is one.
    pub iam: Option<InIam>,
    /// The Secrets that the object owns.
    pub secrets: Vec<Secret>,
    /// The calls about the role and about the way into the account, so far.
    pub calls: Vec<RecordedCall>,
    /// Inline policies of those who may be granted something in the source account, by `user/<name>` and the like.
    pub grants: BTreeMap<String, Vec<Value>>,
    /// Annotations of the pod templates of the workloads, by kind.
    pub workloads: BTreeMap<&'static str, BTreeMap<String, String>>,
    /// ARN of the operator's own identity.
    pub operator: String,
}

impl Seen {
    /// Looks at everything around the two objects. That of the role may be deleted by now.
    pub async fn look(env: &TestEnv, account: AWSAccount, object: CrossAccountRole) -> Result<Self> {
        let (uid, name) = (object.uid(), iam_name(env, &object));
        let session = manager_session(&account);
        let calls = env.proxy.calls_that(|call| {
            call.role.as_ref() == Some(&name) || call.get("RoleSessionName") == Some(session.as_str())
        });
        let secrets = env.secrets.list(&ListParams::default()).await?.items;
        let owned = |secret: &Secret| secret.owner_references().iter().any(|owner| Some(&owner.uid) == uid.as_ref());
        let has_grants = !object.spec.source_grants.is_empty();
        Ok(Self {
            account,
            iam: Box::pin(in_iam(env, &name)).await?,
            secrets: secrets.into_iter().filter(owned).collect(),
            calls,
            grants: if has_grants { Box::pin(grants(env)).await? } else { BTreeMap::new() },
            workloads: if object.spec.rollout_restarts.is_empty() {
                BTreeMap::new()
            } else {
                Box::pin(workloads(env)).await?
            },
            operator: env.aws.operator.arn.clone(),
            object,
        })
    }

    /// The role in IAM.
    pub fn iam(&self) -> Result<&InIam> {
        self.iam.as_ref().context("there is no such role in IAM")
    }

    /// `Ready` of the role's object: reason and message.
    pub fn ready(&self) -> (&str, &str) {
        ready(self.object.status.as_ref().map(|status| status.conditions.as_slice()))
    }

    /// `Ready` of the account's object: reason and message.
    pub fn account_ready(&self) -> (&str, &str) {
        ready(self.account.status.as_ref().map(|status| status.conditions.as_slice()))
    }

    /// The conditions of both objects.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let of_object = self.object.status.iter().flat_map(|status| &status.conditions);
        of_object.chain(self.account.status.iter().flat_map(|status| &status.conditions))
    }

    /// The object is as declared and its credentials are good.
    pub fn is_available(&self) -> Result<()> {
        let (reason, message) = self.ready();
        ensure!(reason == "Available", "Ready is {reason}: {message}");
        Ok(())
    }

    /// The one Secret of the object.
    pub fn secret(&self) -> Result<&Secret> {
        let names: Vec<String> = self.secrets.iter().map(ResourceExt::name_any).collect();
        ensure!(names.len() == 1, "the object owns not one Secret, but {names:?}");
        Ok(&self.secrets[0])
    }

    /// A key of the Secret, as text.
    pub fn file(&self, key: &str) -> Result<String> {
        let data = self.secret()?.data.as_ref().and_then(|data| data.get(key));
        Ok(String::from_utf8(data.with_context(|| format!("the Secret has no key {key}"))?.0.clone())?)
    }

    /// The call that the present credentials came from: the last that AWS answered and that carries the external id.
    pub fn session(&self) -> Result<&RecordedCall> {
        let name = self.iam()?.role.arn.rsplit('/').next().unwrap_or_default();
        let asked = |call: &&RecordedCall| call.action == "AssumeRole" && call.role.as_deref() == Some(name);
        let mut calls = self.calls.iter().rev().filter(asked).filter(|call| call.status() == Some(200));
        calls.find(|call| call.get("ExternalId").is_some()).context("no session was asked for")
    }

    /// The calls by which the operator entered the account through this role, the last one first.
    pub fn hops<'a>(&'a self, role_arn: &'a str) -> impl Iterator<Item = &'a RecordedCall> {
        let session = manager_session(&self.account);
        self.calls.iter().rev().filter(move |call| {
            call.get("RoleArn") == Some(role_arn) && call.get("RoleSessionName") == Some(session.as_str())
        })
    }

    /// What the operator did to the role so far: writes to IAM, and sessions that AWS issued.
    pub fn deeds(&self) -> Vec<&str> {
        let name = self.iam.as_ref().and_then(|iam| iam.role.arn.rsplit('/').next());
        let is_read = |call: &RecordedCall| ["Get", "List"].iter().any(|read| call.action.starts_with(read));
        let about_it = self.calls.iter().filter(|call| call.role.as_deref() == name && call.status() == Some(200));
        let deeds = about_it.filter(|call| !is_read(call));
        deeds.map(|call| call.action.as_str()).collect()
    }
}

fn ready(conditions: Option<&[Condition]>) -> (&str, &str) {
    let ready = conditions.into_iter().flatten().find(|condition| condition.type_ == "Ready");
    ready.map_or(("", ""), |ready| (ready.reason.as_str(), ready.message.as_str()))
}

/// Name of the session by which the operator is in an account.
fn manager_session(account: &AWSAccount) -> String {
    format!("crossaccount.{}", account.name_any())
}

/// Name of the IAM role of an object.
fn iam_name(env: &TestEnv, object: &CrossAccountRole) -> String {
    object.spec.role.name.clone().unwrap_or_else(|| env.iam_name(&object.name_any()))
}

async fn in_iam(env: &TestEnv, name: &str) -> Result<Option<InIam>> {
    let target = &env.aws.target;
    let Some(role) = target.role(name).await? else { return Ok(None) };
    let (inline, attached) = tokio::try_join!(target.inline_policies(name), target.attached_policies(name))?;
    let inline = inline.into_iter().filter(|(name, _)| name != DENIAL).collect();
    Ok(Some(InIam { role, inline, attached }))
}

async fn grants(env: &TestEnv) -> Result<BTreeMap<String, Vec<Value>>> {
    let source = &env.aws.source;
    let mut grants = BTreeMap::new();
    for name in GRANTEES {
        grants.insert(format!("user/{name}"), source.user_policies(name).await?.into_values().collect());
        grants.insert(format!("group/{name}"), source.group_policies(name).await?.into_values().collect());
        grants.insert(format!("role/{name}"), source.inline_policies(name).await?.into_values().collect());
    }
    Ok(grants)
}

async fn workloads(env: &TestEnv) -> Result<BTreeMap<&'static str, BTreeMap<String, String>>> {
    let (kube, namespace) = (&env.kube, &env.namespace);
    let deployment = Api::<Deployment>::namespaced(kube.clone(), namespace).get(WORKLOAD).await?;
    let stateful = Api::<StatefulSet>::namespaced(kube.clone(), namespace).get(WORKLOAD).await?;
    let daemon = Api::<DaemonSet>::namespaced(kube.clone(), namespace).get(WORKLOAD).await?;
    let annotations = |template: Option<k8s_openapi::api::core::v1::PodTemplateSpec>| {
        template.and_then(|template| template.metadata?.annotations).unwrap_or_default()
    };
    Ok(BTreeMap::from([
        ("Deployment", annotations(deployment.spec.map(|spec| spec.template))),
        ("StatefulSet", annotations(stateful.spec.map(|spec| spec.template))),
        ("DaemonSet", annotations(daemon.spec.map(|spec| spec.template))),
    ]))
}
