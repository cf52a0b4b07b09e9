//! All that people can see of an object and its access, so that two ends can be compared.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};
use crossaccount::{
    api::{CrossAccountRole, SECRET_TYPE},
    domain::{ExternalId, ObjectIdentity, policy::PolicyDocument},
};
use kube::{ResourceExt as _, api::ListParams};
use serde_json::Value;

use lab::{aws::Identity, deployment::refused};

use super::stage::{OBJECT, Stage};
use crate::grants::stage::{CLUSTER, POLICY};

/// What there is in the end. Names, ids and times that are another object's in another life are blotted out.
#[derive(Debug, PartialEq)]
pub struct Picture {
    object: Option<Object>,
    /// The names of all roles in the account.
    roles: BTreeSet<String>,
    role: Option<Role>,
    /// The names of the Secrets with credentials, and whether these work.
    secrets: BTreeMap<String, bool>,
    /// What the policies for source grants say.
    grants: BTreeMap<String, Option<PolicyDocument>>,
    /// Who gets in and can do something there.
    access: BTreeMap<&'static str, bool>,
    /// The finalizers of the accounts that the object holds. Without it they are nobody's concern.
    account_finalizers: Vec<Vec<String>>,
}

/// What Kubernetes shows.
#[derive(Debug, PartialEq)]
struct Object {
    finalizers: Vec<String>,
    is_current: bool,
    conditions: Vec<String>,
    secret: Option<String>,
    role: Option<(bool, Vec<String>, Vec<String>)>,
    grants: Vec<Value>,
}

/// What AWS has.
#[derive(Debug, PartialEq)]
struct Role {
    arn: String,
    description: Option<String>,
    max_session: Option<i32>,
    tags: Value,
    boundary: Option<String>,
    trust: PolicyDocument,
    inline: BTreeMap<String, PolicyDocument>,
    attached: BTreeSet<String>,
}

impl Picture {
    /// How things are now.
    pub async fn take(stage: &Stage) -> Result<Self> {
        let env = &stage.deployment.env;
        let object = stage.object().await?;
        let blots = Blots::of(stage, object.as_ref()).await?;
        let mut grants = BTreeMap::new();
        for user in ["deployer", "successor"] {
            let policy = env.aws.source.user_policies(user).await?.remove(POLICY);
            grants.insert(user.to_owned(), policy.map(|policy| blots.document(&policy)).transpose()?);
        }
        let mut account_finalizers = Vec::new();
        let accounts = [env.namespace.clone(), format!("{}-source", env.namespace)];
        for name in accounts.iter().filter(|_| object.is_some()) {
            account_finalizers.push(env.accounts.get(name).await?.finalizers().to_vec());
        }
        let roles = env.aws.target.role_names("/").await?;
        Ok(Self {
            roles: roles.into_iter().map(|name| blots.text(&name)).collect(),
            role: role(stage, &blots).await?,
            secrets: secrets(stage).await?,
            access: access(stage).await?,
            object: object.map(|object| shown(&object, &blots)).transpose()?,
            grants,
            account_finalizers,
        })
    }

    /// Fails unless things are now as they are here.
    pub async fn is_of(&self, stage: &Stage) -> Result<()> {
        let now = Self::take(stage).await?;
        ensure!(now == *self, "{}", difference(self, &now));
        Ok(())
    }
}

/// The lines that differ.
fn difference(expected: &Picture, seen: &Picture) -> String {
    let (expected, seen) = (format!("{expected:#?}"), format!("{seen:#?}"));
    let lines = |one: &str, sign: &str, other: &str| -> Vec<String> {
        let known: BTreeSet<&str> = other.lines().collect();
        one.lines().filter(|line| !known.contains(line)).map(|line| format!("{sign}{line}")).collect()
    };
    let differing = [lines(&expected, "- ", &seen), lines(&seen, "+ ", &expected)].concat();
    if differing.is_empty() {
        format!("expected {expected}\nfound {seen}")
    } else {
        format!("without crash (-), now (+):\n{}", differing.join("\n"))
    }
}

fn shown(object: &CrossAccountRole, blots: &Blots) -> Result<Object> {
    let status = object.status.clone().unwrap_or_default();
    let conditions = status.conditions.iter().map(|c| format!("{} {} {}", c.type_, c.status, c.reason));
    let mut grants = Vec::new();
    for grant in &status.source_grants {
        let mut grant = blots.json(&serde_json::to_value(grant)?)?;
        grant["since"].take();
        grants.push(grant);
    }
    Ok(Object {
        finalizers: object.finalizers().to_vec(),
        is_current: status.observed_generation == object.metadata.generation,
        conditions: conditions.collect(),
        secret: status.credentials.and_then(|set| set.secret_name),
        role: status.role.map(|role| (role.created, role.inline_policies, role.tag_keys)),
        grants,
    })
}

async fn role(stage: &Stage, blots: &Blots) -> Result<Option<Role>> {
    let env = &stage.deployment.env;
    let (target, name) = (&env.aws.target, env.iam_name(OBJECT));
    let Some(found) = target.role(&name).await? else { return Ok(None) };
    let mut inline = BTreeMap::new();
    for (policy, document) in target.inline_policies(&name).await? {
        inline.insert(policy, blots.document(&document)?);
    }
    Ok(Some(Role {
        arn: blots.text(&found.arn),
        description: found.description,
        max_session: found.max_session_duration,
        tags: blots.json(&serde_json::to_value(&found.tags)?)?,
        boundary: found.boundary.map(|arn| blots.text(&arn)),
        trust: blots.document(&found.trust)?,
        inline,
        attached: target.attached_policies(&name).await?,
    }))
}

async fn secrets(stage: &Stage) -> Result<BTreeMap<String, bool>> {
    let mut found = BTreeMap::new();
    for secret in stage.deployment.env.secrets.list(&ListParams::default()).await? {
        if secret.type_.as_deref() == Some(SECRET_TYPE) {
            let name = secret.name_any();
            let set = stage.deployment.env.copied(&name).await?;
            found.insert(name, gets_through(stage.deployment.runs_errand(&set).await)?);
        }
    }
    Ok(found)
}

async fn access(stage: &Stage) -> Result<BTreeMap<&'static str, bool>> {
    let deployment = &stage.deployment;
    let mut access = BTreeMap::new();
    let people: [(&'static str, &Identity); 2] = [("deployer", &deployment.deployer), ("successor", &stage.successor)];
    for (name, who) in people {
        access.insert(name, gets_through(deployment.works(who, OBJECT).await)?);
    }
    if let Some(copy) = &stage.copy {
        access.insert("the copied credentials", gets_through(deployment.runs_errand(copy).await)?);
    }
    Ok(access)
}

/// Whether something worked. A failure that is no refusal says nothing.
fn gets_through(tried: Result<()>) -> Result<bool> {
    match tried {
        Ok(()) => Ok(true),
        Err(error) if format!("{error:?}").contains("ExpiredToken") => Ok(false), // sessions end with their role
        Err(error) => refused::<()>("it worked", Err(error)).map(|()| false),
    }
}

/// What is another one in each life, and what is written instead.
struct Blots(Vec<(String, &'static str)>);

impl Blots {
    /// Fails if the external id of the object is not the one that follows from its identity.
    async fn of(stage: &Stage, object: Option<&CrossAccountRole>) -> Result<Self> {
        let env = &stage.deployment.env;
        let mut blots = Vec::new();
        if let Some(uid) = stage.uid.get().cloned() {
            let identity = ObjectIdentity {
                cluster: CLUSTER.to_owned(),
                namespace: env.namespace.clone(),
                name: OBJECT.to_owned(),
                uid: uid.clone(),
            };
            let external_id = ExternalId::of(&identity).to_string();
            let reported = object.and_then(|object| object.status.as_ref()?.external_id.clone());
            ensure!(reported.is_none_or(|reported| reported == external_id), "the external id is another one");
            blots.extend([(uid, "(uid)"), (external_id, "(external id)")]);
        }
        if let Some(role) = env.aws.target.role(&env.iam_name(OBJECT)).await? {
            blots.push((role.id, "(role id)"));
        }
        blots.extend([
            (env.namespace.clone(), "(namespace)"),
            (env.aws.source.id().to_owned(), "(account A)"),
            (env.aws.target.id().to_owned(), "(account B)"),
        ]);
        Ok(Self(blots))
    }

    fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to))
    }

    fn json(&self, value: &Value) -> Result<Value> {
        Ok(serde_json::from_str(&self.text(&value.to_string()))?)
    }

    fn document(&self, document: &Value) -> Result<PolicyDocument> {
        let mut document = self.json(document)?;
        blot_moments(&mut document);
        Ok(PolicyDocument::from_value(document)?)
    }
}

/// Whether a moment is late enough is seen by what the earlier credentials can do.
fn blot_moments(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match key.as_str() {
                    "aws:TokenIssueTime" => *value = "(moment)".into(),
                    "Sid" if value.as_str().is_some_and(|sid| sid.ends_with(|last: char| last.is_ascii_digit())) => {
                        *value = "(request)".into();
                    }
                    _ => blot_moments(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blot_moments),
        _ => {}
    }
}
