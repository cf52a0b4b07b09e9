//! What people declare during the run, and what is therefore to be true at its end.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Result;
use crossaccount::api::{CrossAccountRole, annotation};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Namespace;
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};

use super::dice::Dice;
use lab::{
    aws::policy,
    env::{MANAGED, TestEnv, declare::document},
};

/// Namespaces of the objects: each is let into the account and shut out as a whole.
const NAMESPACES: usize = 5;
/// How many different declarations there are.
pub const VARIANTS: u64 = 6;

/// A namespace and the name of an object there.
pub type Key = (String, String);

/// The objects as they are declared now.
pub struct World {
    pub env: TestEnv,
    /// ARN of a role that every role of an object may assume: what works with its credentials only while they are good.
    pub errand: String,
    pub namespaces: Vec<String>,
    /// Of these the account lets objects in.
    pub allowed: BTreeSet<String>,
    /// Which variant each object declares.
    pub objects: BTreeMap<Key, u64>,
    /// What was done so far, by what it was.
    pub done: BTreeMap<&'static str, usize>,
    size: u64,
}

impl World {
    /// An account and empty namespaces, for so many objects.
    pub async fn new(size: u64) -> Result<Self> {
        let mut env = TestEnv::new("soak").await?;
        let namespaces: Vec<String> = (0..NAMESPACES).map(|n| format!("{}-{n}", env.namespace)).collect();
        let api: Api<Namespace> = Api::all(env.kube.clone());
        for name in &namespaces {
            let metadata = ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() };
            api.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
        }
        let watched = [namespaces.clone(), vec![env.namespace.clone()]].concat().join(",");
        let settings = env.settings.quiet().flag(format!("--watch-namespaces={watched}"));
        env.settings = settings.flag("--drift-interval=20s").flag("--log-level=info");
        env.patch_account(json!({"guardrails": {"principalTagKeys": ["variant"]}})).await?;
        let allowed = namespaces.iter().cloned().collect();
        let errand = env.errand().await?;
        let (objects, done) = <(BTreeMap<_, _>, BTreeMap<_, _>)>::default();
        let world = Self { env, errand, namespaces, allowed, objects, done, size };
        world.let_in().await?;
        Ok(world)
    }

    /// The objects of a namespace.
    pub fn roles(&self, namespace: &str) -> Api<CrossAccountRole> {
        Api::namespaced(self.env.kube.clone(), namespace)
    }

    /// An object of one of the variants.
    pub fn declared(&self, (namespace, name): &Key, variant: u64) -> CrossAccountRole {
        let mut role = self.env.on_errand(name, &self.errand);
        role.metadata.namespace = Some(namespace.clone());
        role.spec.role.description = Some(format!("variant {variant}"));
        role.spec.role.tags = [("variant".to_owned(), variant.to_string())].into();
        if variant.is_multiple_of(2) {
            role.spec.role.managed_policy_arns = vec![MANAGED.to_owned()];
        }
        for n in 0..variant % 3 {
            let list = json!({"Effect": "Allow", "Action": "s3:ListBucket", "Resource": format!("arn:aws:s3:::b{n}")});
            role.spec.role.inline_policies.insert(format!("list-{n}"), document(&policy(&list)));
        }
        role.spec.secret.name = variant.is_multiple_of(3).then(|| format!("{name}-aws"));
        role
    }

    /// Somebody does something.
    pub async fn act(&mut self, dice: &mut Dice) -> Result<()> {
        let slot = dice.between(0, self.size);
        let namespace = self.namespaces[usize::try_from(slot)? % NAMESPACES].clone();
        let key = (namespace, format!("r-{slot}"));
        let what = match (self.objects.contains_key(&key), dice.between(0, 100)) {
            (_, 0) => self.shut_or_let_in(key.0).await?,
            (false, _) => self.create(key, dice.between(0, VARIANTS)).await?,
            (true, 1..10) => self.delete(&key).await?,
            (true, 10..25) => self.request(&key, annotation::RENEW_REQUESTED_AT).await?,
            (true, 25..35) => self.request(&key, annotation::REVOKE_REQUESTED_AT).await?,
            (true, _) => self.change(key, dice.between(0, VARIANTS)).await?,
        };
        *self.done.entry(what).or_default() += 1;
        Ok(())
    }

    async fn create(&mut self, key: Key, variant: u64) -> Result<&'static str> {
        let created = self.roles(&key.0).create(&PostParams::default(), &self.declared(&key, variant)).await;
        match created {
            Ok(_) => drop(self.objects.insert(key, variant)),
            // The one before is still being deleted.
            Err(kube::Error::Api(status)) if status.is_already_exists() => return Ok("too early to create again"),
            Err(error) => return Err(error.into()),
        }
        Ok("created")
    }

    async fn change(&mut self, key: Key, variant: u64) -> Result<&'static str> {
        let (api, declared) = (self.roles(&key.0), self.declared(&key, variant));
        let mut present = api.get(&key.1).await?;
        present.spec = declared.spec;
        match api.replace(&key.1, &PostParams::default(), &present).await {
            Ok(_) => drop(self.objects.insert(key, variant)),
            Err(kube::Error::Api(status)) if status.is_conflict() => return Ok("overtaken by the operator"),
            Err(error) => return Err(error.into()),
        }
        Ok("changed")
    }

    async fn delete(&mut self, key: &Key) -> Result<&'static str> {
        self.roles(&key.0).delete(&key.1, &DeleteParams::default()).await?;
        self.objects.remove(key);
        Ok("deleted")
    }

    async fn request(&self, key: &Key, annotation: &'static str) -> Result<&'static str> {
        let patch = json!({"metadata": {"annotations": {annotation: Timestamp::now().to_string()}}});
        self.roles(&key.0).patch(&key.1, &PatchParams::default(), &Patch::Merge(patch)).await?;
        Ok(if annotation == annotation::RENEW_REQUESTED_AT { "asked to renew" } else { "revoked" })
    }

    async fn shut_or_let_in(&mut self, namespace: String) -> Result<&'static str> {
        let shut = self.allowed.remove(&namespace);
        if !shut {
            self.allowed.insert(namespace);
        }
        self.let_in().await?;
        Ok(if shut { "namespaces shut out" } else { "namespaces let in" })
    }

    /// Lets in the allowed namespaces, and that of the references.
    async fn let_in(&self) -> Result<()> {
        let names: Vec<Value> = self.allowed.iter().chain([&self.env.namespace]).map(|name| json!(name)).collect();
        self.env.patch_account(json!({"allowedNamespaces": {"names": names}})).await
    }
}
