//! The floor: what the same work costs a bare client that knows in advance what to do, through the same proxies.
//!
//! It makes the fewest calls that lead to the same end, reads nothing that it does not need, signs nothing and parses
//! next to nothing.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::{CrossAccountRole, FINALIZER};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::{api::core::v1::Secret, apimachinery::pkg::apis::meta::v1::OwnerReference};
use kube::{
    Api, Client, Config, Resource as _, ResourceExt as _,
    api::{DeleteParams, ObjectMeta, Patch, PatchParams, PostParams},
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

use lab::{
    aws::policy,
    env::MANAGED,
    fake_aws::{AwsClient, HOME, MANAGER, MANAGER_EXTERNAL_ID},
};

use crate::world::{CONCURRENCY, FLOOR, NAMESPACE, World, role};

/// A bare client.
pub struct Floor<'a> {
    world: &'a World,
    /// As the operator's own identity.
    base: AwsClient,
    /// As the manager of each account.
    managers: Vec<AwsClient>,
    roles: Api<CrossAccountRole>,
    secrets: Api<Secret>,
    /// What the operator wrote for one of its objects.
    secret: Secret,
    status: Value,
}

/// How long the calls to AWS took, and the writes to the API server, one after the other.
pub struct FloorTimes {
    /// Calls to AWS.
    pub aws: Duration,
    /// Writes to the API server.
    pub api: Duration,
}

impl FloorTimes {
    /// Both.
    pub fn sum(&self) -> Duration {
        self.aws + self.api
    }
}

impl<'a> Floor<'a> {
    /// A client that will write what the operator wrote for the object of this name.
    pub async fn like(world: &'a World, name: &str) -> Result<Self> {
        let base = world.aws.client();
        let mut managers = Vec::new();
        for account in &world.accounts {
            let arn = format!("arn:aws:iam::{account}:role/{MANAGER}");
            managers.push(base.session(&assume(&base, &arn, MANAGER_EXTERNAL_ID).await?)?);
        }
        let kubeconfig = Kubeconfig::read_from(world.kube_proxy.kubeconfig(&world.token)?)?;
        let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
        let kube = Client::try_from(config)?;
        let secrets: Api<Secret> = Api::namespaced(world.kube.clone(), NAMESPACE);
        let written = secrets.get(name).await?;
        let status = world.roles.get(name).await?.status.context("the object has no status")?;
        Ok(Self {
            world,
            base,
            managers,
            roles: Api::namespaced(kube.clone(), FLOOR),
            secrets: Api::namespaced(kube, FLOOR),
            secret: written,
            status: serde_json::to_value(status)?,
        })
    }

    /// Creates objects that the operator does not see. This is no part of the floor.
    pub async fn declare(&self, names: &[String]) -> Result<Vec<CrossAccountRole>> {
        let roles: Api<CrossAccountRole> = Api::namespaced(self.world.kube.clone(), FLOOR);
        let create = async |name: &String| {
            let mut object = role(name, 0);
            object.metadata.namespace = Some(FLOOR.to_owned());
            roles.create(&PostParams::default(), &object).await
        };
        Ok(stream::iter(names).map(create).buffered(CONCURRENCY).try_collect().await?)
    }

    /// Makes roles, their policies and their sessions, and writes what the operator writes.
    pub async fn create(&self, names: &[String]) -> Result<FloorTimes> {
        let objects = self.declare(names).await?;
        let aws = self.each(names, async |(index, name)| self.create_in_aws(index, name).await).await?;
        let api = self.each(&objects, async |(_, object)| self.write(object).await).await?;
        Ok(FloorTimes { aws, api })
    }

    /// Reads roles that exist and assumes them, and writes what the operator writes.
    pub async fn observe(&self, names: &[String]) -> Result<FloorTimes> {
        let objects = self.declare(names).await?;
        let aws = self.each(names, async |(index, name)| self.observe_in_aws(index, name).await).await?;
        let api = self.each(&objects, async |(_, object)| self.write(object).await).await?;
        Ok(FloorTimes { aws, api })
    }

    /// Deletes roles with their policies, and then Secrets and objects. They must be of [`create`](Self::create).
    pub async fn delete(&self, names: &[String]) -> Result<FloorTimes> {
        let aws = self.each(names, async |(index, name)| self.delete_in_aws(index, name).await).await?;
        // The deletion of the object is the user's, and only the end of it the operator's.
        let marked: Api<CrossAccountRole> = Api::namespaced(self.world.kube.clone(), FLOOR);
        self.each(names, async |(_, name)| {
            marked.delete(name, &DeleteParams::default()).await?;
            Ok(())
        })
        .await?;
        let api = self.each(names, async |(_, name)| self.end(name).await).await?;
        Ok(FloorTimes { aws, api })
    }

    /// One role on the shortest way: what does not need one another's answers is sent at once.
    pub async fn one(&self, name: &str) -> Result<Duration> {
        let object = self.declare(&[name.to_owned()]).await?.pop().context("no object")?;
        let begin = Instant::now();
        self.add_finalizer(&object).await?;
        self.create_role(0, name).await?;
        let arn = self.arn(0, name);
        let policies = async {
            self.put_policy(0, name).await?;
            self.attach_policy(0, name).await
        };
        let (session, ..) = tokio::try_join!(assume(&self.base, &arn, name), self.is_refused(&arn), policies)?;
        self.verify(&session).await?;
        self.write_secret(&object).await?;
        self.write_status(&object).await?;
        Ok(begin.elapsed())
    }

    /// Works on all, as many at once as the operator does.
    async fn each<'b, T>(&self, all: &'b [T], work: impl AsyncFn((usize, &'b T)) -> Result<()>) -> Result<Duration> {
        let begin = Instant::now();
        stream::iter(all.iter().enumerate())
            .map(|item| work(item))
            .buffer_unordered(CONCURRENCY)
            .try_collect::<()>()
            .await?;
        Ok(begin.elapsed())
    }

    async fn create_in_aws(&self, index: usize, name: &str) -> Result<()> {
        self.create_role(index, name).await?;
        self.put_policy(index, name).await?;
        self.attach_policy(index, name).await?;
        let arn = self.arn(index, name);
        let session = assume(&self.base, &arn, name).await?;
        self.is_refused(&arn).await?;
        self.verify(&session).await
    }

    async fn observe_in_aws(&self, index: usize, name: &str) -> Result<()> {
        for action in ["GetRole", "ListAttachedRolePolicies", "ListRolePolicies"] {
            self.iam(index, action, name, &[]).await?;
        }
        self.iam(index, "GetRolePolicy", name, &[("PolicyName", "read")]).await?;
        let session = assume(&self.base, &self.arn(index, name), name).await?;
        self.verify(&session).await
    }

    async fn delete_in_aws(&self, index: usize, name: &str) -> Result<()> {
        for action in ["GetRole", "ListAttachedRolePolicies", "ListRolePolicies", "ListInstanceProfilesForRole"] {
            self.iam(index, action, name, &[]).await?;
        }
        self.iam(index, "DeleteRolePolicy", name, &[("PolicyName", "read")]).await?;
        self.iam(index, "DetachRolePolicy", name, &[("PolicyArn", MANAGED)]).await?;
        self.iam(index, "DeleteRole", name, &[]).await
    }

    async fn create_role(&self, index: usize, name: &str) -> Result<()> {
        let trust = policy(&json!({
            "Effect": "Allow",
            "Principal": {"AWS": format!("arn:aws:iam::{HOME}:user/crossaccount-operator")},
            "Action": "sts:AssumeRole",
            "Condition": {"StringEquals": {"sts:ExternalId": name}},
        }));
        let parameters = [("Path", "/crossaccount/"), ("AssumeRolePolicyDocument", &trust.to_string())];
        self.iam(index, "CreateRole", name, &parameters).await
    }

    async fn put_policy(&self, index: usize, name: &str) -> Result<()> {
        let read = json!({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*"});
        let document = policy(&read).to_string();
        self.iam(index, "PutRolePolicy", name, &[("PolicyName", "read"), ("PolicyDocument", &document)]).await
    }

    async fn attach_policy(&self, index: usize, name: &str) -> Result<()> {
        self.iam(index, "AttachRolePolicy", name, &[("PolicyArn", MANAGED)]).await
    }

    async fn iam(&self, index: usize, action: &str, role: &str, more: &[(&str, &str)]) -> Result<()> {
        let parameters = [&[("Action", action), ("RoleName", role)], more].concat();
        self.managers[index % self.managers.len()].call("iam", &parameters).await?;
        Ok(())
    }

    fn arn(&self, index: usize, name: &str) -> String {
        let account = &self.world.accounts[index % self.world.accounts.len()];
        format!("arn:aws:iam::{account}:role/crossaccount/{name}")
    }

    async fn is_refused(&self, arn: &str) -> Result<()> {
        let parameters = [("Action", "AssumeRole"), ("RoleArn", arn), ("RoleSessionName", "floor")];
        let (status, text) = self.base.ask("sts", &parameters).await?;
        ensure!(status == 403, "AssumeRole without the external id: {text}");
        Ok(())
    }

    async fn verify(&self, session: &str) -> Result<()> {
        self.base.session(session)?.call("sts", &[("Action", "GetCallerIdentity")]).await?;
        Ok(())
    }

    async fn write(&self, object: &CrossAccountRole) -> Result<()> {
        self.add_finalizer(object).await?;
        self.write_secret(object).await?;
        self.write_status(object).await
    }

    async fn add_finalizer(&self, object: &CrossAccountRole) -> Result<()> {
        let body = json!({"metadata": {"finalizers": [FINALIZER]}});
        self.roles.patch(&object.name_any(), &PatchParams::default(), &Patch::Merge(body)).await?;
        Ok(())
    }

    async fn write_secret(&self, object: &CrossAccountRole) -> Result<()> {
        let Secret { metadata, data, type_, .. } = &self.secret;
        let owner: Option<OwnerReference> = object.controller_owner_ref(&());
        let metadata = ObjectMeta {
            name: object.metadata.name.clone(),
            labels: metadata.labels.clone(),
            annotations: metadata.annotations.clone(),
            owner_references: owner.map(|owner| vec![owner]),
            ..ObjectMeta::default()
        };
        let secret = Secret { metadata, data: data.clone(), type_: type_.clone(), ..Secret::default() };
        self.secrets.patch(&object.name_any(), &apply(), &Patch::Apply(secret)).await?;
        Ok(())
    }

    async fn write_status(&self, object: &CrossAccountRole) -> Result<()> {
        let body = json!({
            "apiVersion": CrossAccountRole::api_version(&()),
            "kind": CrossAccountRole::kind(&()),
            "metadata": {"name": object.name_any()},
            "status": self.status,
        });
        self.roles.patch_status(&object.name_any(), &apply(), &Patch::Apply(body)).await?;
        Ok(())
    }

    async fn end(&self, name: &str) -> Result<()> {
        self.secrets.delete(name, &DeleteParams::default()).await?;
        let none = json!({"metadata": {"finalizers": null}});
        self.roles.patch(name, &PatchParams::default(), &Patch::Merge(none)).await?;
        Ok(())
    }
}

fn apply() -> PatchParams {
    PatchParams::apply("floor").force()
}

async fn assume(base: &AwsClient, arn: &str, external_id: &str) -> Result<String> {
    let parameters =
        [("Action", "AssumeRole"), ("RoleArn", arn), ("RoleSessionName", "floor"), ("ExternalId", external_id)];
    base.call("sts", &parameters).await
}
