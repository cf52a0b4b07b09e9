//! Whether everything is as declared, once the faults are over.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{CrossAccountRole, SECRET_TYPE};
use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt as _, api::ListParams};
use serde_json::Value;

use super::world::{Key, VARIANTS, World};
use lab::{aws::ROLE_PATH, aws_proxy::AwsProxy, deployment::credentials_of, env::TestEnv};

/// How the names of the inline policies begin with which the operator denies.
const DENIAL: &str = "crossaccount-deny";

/// What a role is like, whatever the name of its object.
#[derive(Debug, PartialEq)]
struct Shape {
    description: Option<String>,
    max_session: Option<i32>,
    boundary: Option<String>,
    trust: String,
    tags: BTreeMap<String, String>,
    inline: BTreeMap<String, Value>,
    attached: BTreeSet<String>,
}

impl Shape {
    /// Fails if the role is closed: what denies sessions of the past remains for hours.
    async fn of(world: &World, key: &Key, object: &CrossAccountRole) -> Result<Self> {
        let (target, name) = (&world.env.aws.target, iam_name(key));
        let role = target.role(&name).await?.context("there is no role")?;
        let mut inline = target.inline_policies(&name).await?;
        for (denial, document) in inline.extract_if(.., |name, _| name.starts_with(DENIAL)) {
            ensure!(document.to_string().contains("aws:TokenIssueTime"), "{denial} denies everything: {document}");
        }
        let external_id = object.status.as_ref().and_then(|status| status.external_id.clone());
        let external_id = external_id.context("status tells no external id")?;
        let blotted = |text: String| text.replace(&external_id, "(external id)");
        let mut tags = role.tags;
        ensure!(tags.get("crossaccount.dev/uid") == object.uid().as_ref(), "the role is of another object: {tags:?}");
        tags.retain(|name, _| !["/uid", "/namespace", "/name"].iter().any(|end| name.ends_with(end)));
        Ok(Self {
            description: role.description,
            max_session: role.max_session_duration,
            boundary: role.boundary,
            trust: blotted(role.trust.to_string()),
            tags,
            inline,
            attached: target.attached_policies(&name).await?,
        })
    }
}

fn iam_name((namespace, name): &Key) -> String {
    format!("{namespace}-{name}")
}

/// Fails unless the operator is done: what is declared and allowed is Ready, what is shut out says so, and what was deleted
/// is gone.
pub async fn is_settled(world: &World) -> Result<()> {
    for namespace in &world.namespaces {
        for object in world.roles(namespace).list(&ListParams::default()).await? {
            let key = (namespace.clone(), object.name_any());
            ensure!(world.objects.contains_key(&key), "{} is not gone", iam_name(&key));
            let status = object.status.clone().unwrap_or_default();
            let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
            let ready = ready.with_context(|| format!("{} has no condition", iam_name(&key)))?;
            let is = (ready.status.as_str(), ready.reason.as_str());
            let allowed = world.allowed.contains(namespace);
            let refused = is.0 == "False" && ["NotAllowed", "Revoked"].contains(&is.1);
            let wanted = if allowed { is == ("True", "Available") } else { refused };
            let current = status.observed_generation == object.metadata.generation;
            ensure!(wanted && current, "{}, allowed: {allowed}: {ready:?}", iam_name(&key));
        }
    }
    Ok(())
}

/// Compares everything with what is declared. Gives what is wrong.
pub async fn violations(world: &World) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    let references = references(world).await?;
    let people = world.env.proxy.beside()?;
    let (mut names, mut ready) = (BTreeSet::new(), BTreeSet::new());
    for (key, variant) in &world.objects {
        names.insert(iam_name(key));
        let checked = if world.allowed.contains(&key.0) {
            let variant = usize::try_from(*variant)?;
            is_open(world, key, &references[variant], &people).await.map(|secret| {
                ready.insert(secret);
            })
        } else {
            is_shut(&world.env, key).await
        };
        wrong.extend(checked.err().map(|error| format!("{}: {error:#}", iam_name(key))));
    }
    let of_references = format!("{}-reference-", world.env.namespace);
    let roles = world.env.aws.target.role_names(ROLE_PATH).await?;
    let orphans = roles.iter().filter(|name| !names.contains(*name) && !name.starts_with(&of_references));
    wrong.extend(orphans.map(|name| format!("role {name} has no object")));
    for namespace in &world.namespaces {
        let secrets: Api<Secret> = Api::namespaced(world.env.kube.clone(), namespace);
        for secret in secrets.list(&ListParams::default()).await? {
            let key = (namespace.clone(), secret.name_any());
            if secret.type_.as_deref() == Some(SECRET_TYPE) && !ready.contains(&key) {
                wrong.push(format!("Secret {}/{} is of no Ready object", key.0, key.1));
            }
        }
    }
    Ok(wrong)
}

/// How a role of each variant is that nothing ever happened to.
async fn references(world: &World) -> Result<Vec<Shape>> {
    let mut shapes = Vec::new();
    for variant in 0..VARIANTS {
        let key = (world.env.namespace.clone(), format!("reference-{variant}"));
        world.env.create(&world.declared(&key, variant)).await?;
        let object = world.env.settled(&key.1).await?;
        shapes.push(Shape::of(world, &key, &object).await?);
    }
    Ok(shapes)
}

/// Fails unless the role is as declared and its Secret holds a set that works. Gives the Secret's name.
async fn is_open(world: &World, key: &Key, reference: &Shape, people: &AwsProxy) -> Result<Key> {
    let object = world.roles(&key.0).get(&key.1).await?;
    let shape = Shape::of(world, key, &object).await?;
    ensure!(shape == *reference, "is {shape:#?}\nand should be {reference:#?}");
    let name = object.secret_name();
    let secrets: Api<Secret> = Api::namespaced(world.env.kube.clone(), &key.0);
    let set = credentials_of(&secrets.get(&name).await?)?;
    let sts = aws_sdk_sts::Client::new(&lab::emulator::aws_config(&people.endpoint(), set));
    let errand = sts.assume_role().role_arn(&world.errand).role_session_name("soak").send().await;
    errand.with_context(|| format!("what Secret {name} holds does not work"))?;
    Ok((key.0.clone(), name))
}

/// Fails unless there is no role, or one that lets nobody in.
async fn is_shut(env: &TestEnv, key: &Key) -> Result<()> {
    let name = iam_name(key);
    if env.aws.target.role(&name).await?.is_none() { Ok(()) } else { env.is_closed_now(&name).await }
}
