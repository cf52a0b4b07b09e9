//! Objects, namespaces and clusters that move: what becomes of roles, Secrets and the access of pods. `docs/moving.md` says the
//! same to those who do it.

mod backups;
mod cascades;
mod clusters;
mod crds;
mod names;
mod renames;
mod replaced;

use anyhow::{Context as _, Result, anyhow, ensure};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::api::{core::v1::Secret, events::v1::Event};
use kube::{
    Api,
    api::{DeleteParams, ListParams, ObjectMeta, Patch, PatchParams, PostParams},
};
use serde_json::json;
use tokio::sync::{OnceCell, RwLock, RwLockReadGuard, RwLockWriteGuard};

use lab::{aws::RoleState, aws_proxy::AwsProxy, control_plane::ControlPlane, env::TestEnv, wait::eventually};

/// The name of the object.
const OBJECT: &str = "reader";

/// The tags of a role that name its owner.
const CLUSTER: &str = "crossaccount.dev/cluster";
const NAME: &str = "crossaccount.dev/name";

/// A second cluster. Those who only use it share it; who deletes its CRDs has it alone.
struct SecondCluster {
    plane: ControlPlane,
    users: RwLock<()>,
}

impl SecondCluster {
    async fn get() -> Result<&'static Self> {
        static SECOND: OnceCell<Result<SecondCluster, String>> = OnceCell::const_new();
        let start = async || {
            let plane = ControlPlane::start().await.map_err(|error| format!("{error:#}"))?;
            Ok(Self { plane, users: RwLock::default() })
        };
        let second = SECOND.get_or_init(start).await;
        second.as_ref().map_err(|error| anyhow!("the second control plane did not start: {error}"))
    }

    async fn shared() -> Result<(&'static ControlPlane, RwLockReadGuard<'static, ()>)> {
        let second = Self::get().await?;
        Ok((&second.plane, second.users.read().await))
    }

    async fn alone() -> Result<(&'static ControlPlane, RwLockWriteGuard<'static, ()>)> {
        let second = Self::get().await?;
        Ok((&second.plane, second.users.write().await))
    }
}

/// An object as Git or a backup has it: without status, finalizers and UID.
fn manifest(role: &CrossAccountRole) -> CrossAccountRole {
    let ObjectMeta { name, namespace, labels, annotations, .. } = role.metadata.clone();
    let metadata = ObjectMeta { name, namespace, labels, annotations, ..ObjectMeta::default() };
    CrossAccountRole { metadata, spec: role.spec.clone(), status: None }
}

/// The same of a Secret: without its owner, as backups are restored.
fn secret_manifest(secret: &Secret) -> Secret {
    let ObjectMeta { name, labels, annotations, .. } = secret.metadata.clone();
    let metadata = ObjectMeta { name, labels, annotations, ..ObjectMeta::default() };
    Secret { metadata, data: secret.data.clone(), type_: secret.type_.clone(), ..Secret::default() }
}

/// Takes all objects of a test away as the loss of a cluster does: AWS is not cleaned. No operator may run.
async fn lose_cluster(env: &TestEnv) -> Result<()> {
    let bare = Patch::Merge(json!({"metadata": {"finalizers": null}}));
    for role in env.roles.list(&ListParams::default()).await? {
        let name = role.metadata.name.context("an object without a name")?;
        env.roles.patch(&name, &PatchParams::default(), &bare).await?;
        env.roles.delete(&name, &DeleteParams::default()).await?;
        env.gone(&name).await?;
        eventually("the Secret went with its object", async || {
            ensure!(env.secrets.get_opt(&name).await?.is_none(), "it is there");
            Ok(())
        })
        .await?;
    }
    env.accounts.patch(&env.namespace, &PatchParams::default(), &bare).await?;
    env.accounts.delete(&env.namespace, &DeleteParams::default()).await?;
    eventually("the account is gone", async || {
        ensure!(env.accounts.get_opt(&env.namespace).await?.is_none(), "it is there");
        Ok(())
    })
    .await
}

/// Declares the account and an object as they are in Git.
async fn apply(env: &TestEnv, role: &CrossAccountRole) -> Result<()> {
    env.accounts.create(&PostParams::default(), &env.account()).await?;
    env.create(&manifest(role)).await?;
    Ok(())
}

/// The role of an object in IAM.
async fn role_of(env: &TestEnv, name: &str) -> Result<RoleState> {
    Ok(env.standing(name).await?.0)
}

/// Waits until an Event of this reason has a note with these words.
async fn event_says(env: &TestEnv, reason: &str, words: &str) -> Result<()> {
    let events: Api<Event> = Api::namespaced(env.kube.clone(), &env.namespace);
    eventually(&format!("an Event {reason} says {words:?}"), async || {
        let events = events.list(&ListParams::default()).await?;
        let notes: Vec<String> = events
            .into_iter()
            .filter(|event| event.reason.as_deref() == Some(reason))
            .filter_map(|event| event.note)
            .collect();
        ensure!(notes.iter().any(|note| note.contains(words)), "the notes are {notes:#?}");
        Ok(())
    })
    .await
}

/// How many roles were made through a proxy.
fn created(proxy: &AwsProxy) -> usize {
    proxy.calls_that(|call| call.action == "CreateRole" && call.status() == Some(200)).len()
}
