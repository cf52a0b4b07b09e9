//! The account and the role of one stage, as they are in the API server.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{AWSAccount, CrossAccountRole};
use kube::{
    Api, Client,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::Status,
};
use serde_json::{Value, json};

use super::{
    field::{Field, Kind},
    row::Names,
    seen::Seen,
};
use crate::crd_rules::{case::api, object::dynamic};
use lab::env::TestEnv;

/// What the API server said.
pub enum Applied {
    /// Both objects are as wanted.
    Accepted,
    /// One of them was refused.
    Refused(Box<Status>),
}

/// The two objects.
pub struct Objects<'a> {
    env: &'a TestEnv,
    names: Names,
    stem: String,
    /// How often they were begun anew.
    round: usize,
    /// The objects as last accepted; `null` before.
    account: Value,
    role: Value,
}

impl<'a> Objects<'a> {
    /// Nothing is there yet.
    pub fn new(env: &'a TestEnv, names: &Names, stem: &str) -> Self {
        let mut objects = Self {
            env,
            names: names.clone(),
            stem: stem.to_owned(),
            round: 0,
            account: Value::Null,
            role: Value::Null,
        };
        objects.names.account = format!("{}-{}", names.namespace, objects.name());
        objects
    }

    /// What the names in the table stand for here.
    pub fn names(&self) -> &Names {
        &self.names
    }

    fn name(&self) -> String {
        format!("{}-{}", self.stem, self.round)
    }

    /// Leaves the objects behind; the next ones have other names.
    pub fn begin_again(&mut self) {
        self.round += 1;
        self.names.account = format!("{}-{}", self.names.namespace, self.name());
        self.account = Value::Null;
        self.role = Value::Null;
    }

    /// The specs to begin from: a good account, and a role in it.
    pub fn base(&self) -> (Value, Value) {
        let account = json!(self.env.account().spec);
        let mut role = json!(self.env.role(&self.name()).spec);
        role["accountRef"]["name"] = json!(self.names.account);
        (account, role)
    }

    /// Makes both objects, or gives them these specs.
    pub async fn apply(&mut self, account: Value, role: Value) -> Result<Applied> {
        let kube = self.env.kube.clone();
        let mut new_account = json!(self.env.account());
        new_account["metadata"]["name"] = json!(self.names.account);
        let mut new_role = json!(self.env.role(&self.name()));
        for (held, new, spec) in [(&mut self.account, &mut new_account, account), (&mut self.role, &mut new_role, role)]
        {
            new["spec"] = spec;
            match write(kube.clone(), held, new).await {
                Ok(written) => *held = written,
                Err(kube::Error::Api(status)) if status.code == 422 || status.code == 400 => {
                    return Ok(Applied::Refused(status));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(Applied::Accepted)
    }

    /// Whether the API server holds the value as it was sent, not pruned and not changed.
    pub fn holds(&self, field: &Field, value: Option<&Value>) -> Result<()> {
        let object = match field.kind {
            Kind::Account => &self.account,
            Kind::Role => &self.role,
        };
        let held = object.pointer(&pointer(&field.place())).unwrap_or(&Value::Null);
        let expected = value.unwrap_or(field.default());
        ensure!(held == expected, "the API server holds {held} instead of {expected}");
        Ok(())
    }

    /// What is to be seen now, if both statuses are about what is declared now.
    pub async fn look(&self, env: &TestEnv) -> Result<Seen> {
        let (account, role) = self.stored().await?;
        current(env, account, role).await
    }

    /// Both objects as they are now.
    pub async fn stored(&self) -> Result<(AWSAccount, CrossAccountRole)> {
        let account = Api::<AWSAccount>::all(self.env.kube.clone()).get(&self.names.account).await?;
        Ok((account, self.env.roles.get(&self.name()).await.context("the role")?))
    }
}

/// What is to be seen, if both statuses are about what is declared.
pub async fn current(env: &TestEnv, account: AWSAccount, role: CrossAccountRole) -> Result<Seen> {
    let observed = account.status.as_ref().and_then(|status| status.observed_generation);
    ensure!(observed == account.metadata.generation, "the account's status is about another generation");
    let observed = role.status.as_ref().and_then(|status| status.observed_generation);
    ensure!(observed == role.metadata.generation, "the status is about another generation");
    Seen::look(env, account, role).await
}

/// Creates an object, or replaces the spec of the one that is there. What did not change is not sent.
async fn write(client: Client, held: &Value, new: &Value) -> kube::Result<Value> {
    let object = dynamic(new);
    let api: Api<DynamicObject> = api(client, &object);
    let written = if held.is_null() {
        api.create(&PostParams::default(), &object).await?
    } else {
        let replace = json!([{ "op": "replace", "path": "/spec", "value": new["spec"] }]);
        let patch = Patch::Json::<()>(serde_json::from_value(replace).map_err(kube::Error::SerdeError)?);
        let name = object.metadata.name.as_deref().unwrap_or_default();
        api.patch(name, &PatchParams::default(), &patch).await?
    };
    serde_json::to_value(written).map_err(kube::Error::SerdeError)
}

/// `spec.access.chain[0].roleArn` as a JSON pointer.
pub fn pointer(path: &str) -> String {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty());
    [""].into_iter().chain(steps).collect::<Vec<_>>().join("/")
}
