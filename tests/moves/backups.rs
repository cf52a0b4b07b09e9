//! A namespace that is restored from a backup: without status, owners and UIDs.

use anyhow::{Context as _, Result, ensure};
use crossaccount::api::CrossAccountRole;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::{
    Api,
    api::{DeleteParams, ObjectMeta, PostParams},
};
use serde_json::json;

use super::{OBJECT, SecondCluster, manifest, role_of, secret_manifest};
use lab::{env::TestEnv, tester::Tester, wait::eventually};

/// What a backup has of a namespace.
struct Backup {
    role: CrossAccountRole,
    secret: Secret,
}

impl Backup {
    async fn of(env: &TestEnv) -> Result<Self> {
        let (role, secret) = (env.roles.get(OBJECT).await?, env.secrets.get(OBJECT).await?);
        Ok(Self { role: manifest(&role), secret: secret_manifest(&secret) })
    }

    /// Secrets come first, as in Velero.
    async fn restore(&self, env: &TestEnv) -> Result<()> {
        env.secrets.create(&PostParams::default(), &self.secret).await?;
        env.create(&self.role).await?;
        Ok(())
    }
}

/// Deletes the namespace and makes it again.
async fn lose_namespace(env: &TestEnv) -> Result<()> {
    let namespaces: Api<Namespace> = Api::all(env.kube.clone());
    namespaces.delete(&env.namespace, &DeleteParams::default()).await?;
    eventually("the namespace is gone", async || {
        ensure!(namespaces.get_opt(&env.namespace).await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    let metadata = ObjectMeta { name: Some(env.namespace.clone()), ..ObjectMeta::default() };
    namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_was_deleted_and_restored_has_a_new_role_and_sets_that_work() -> Result<()> {
    let env = TestEnv::new("restored-namespace").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let (backup, before) = (Backup::of(&env).await?, role_of(&env, OBJECT).await?);
    lose_namespace(&env).await?;
    ensure!(env.aws.target.role(&env.iam_name(OBJECT)).await?.is_none(), "the role was left behind");

    backup.restore(&env).await?;
    env.settled(OBJECT).await?;
    ensure!(role_of(&env, OBJECT).await?.id != before.id, "the role is the same");
    let secret = env.secrets.get(OBJECT).await?;
    ensure!(secret.data != backup.secret.data, "the Secret holds the set of a role that is gone");
    ensure!(tester.works(&env.copied(OBJECT).await?).await?, "the set that was published is denied");
    Ok(())
}

#[tokio::test]
async fn a_namespace_that_is_restored_under_another_name_refuses_the_old_set_and_is_ready_without_it() -> Result<()> {
    let mut env = TestEnv::new("mapped").await?;
    let copy = env.in_another_namespace("copy").await?;
    env.settings = env.settings.clone().flag(format!("--watch-namespaces={},{}", env.namespace, copy.namespace));
    env.patch_account(json!({"allowedNamespaces": {"names": [env.namespace, copy.namespace]}})).await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let mut backup = Backup::of(&env).await?;
    backup.role.metadata.namespace = Some(copy.namespace.clone());
    let original = (env.standing(OBJECT).await?, env.secret(OBJECT).await?);

    backup.restore(&copy).await?;
    let message = copy.shows(OBJECT, "False", "SecretNotOwned").await?;
    ensure!(message.contains("delete that Secret"), "{message}");
    copy.secrets.delete(OBJECT, &DeleteParams::default()).await?;
    copy.settled(OBJECT).await?;
    ensure!(tester.works(&copy.copied(OBJECT).await?).await?, "the set of the copy is denied");
    ensure!((env.standing(OBJECT).await?, env.secret(OBJECT).await?) == original, "the original was changed");
    Ok(())
}

#[tokio::test]
async fn a_backup_that_is_restored_beside_the_original_leaves_its_role_alone() -> Result<()> {
    let (plane, _shared) = SecondCluster::shared().await?;
    let env = TestEnv::new("clone").await?;
    let tester = Tester::new(&env).await?;
    let _operator = env.start().await?;
    env.create(&tester.role(OBJECT)).await?;
    env.settled(OBJECT).await?;
    let backup = Backup::of(&env).await?;
    let standing = env.standing(OBJECT).await?;

    let other = env.in_another_cluster(plane).await?;
    other.accounts.create(&PostParams::default(), &other.account()).await?;
    let _other_operator = other.start().await?;
    backup.restore(&other).await?;
    eventually("the role is refused", async || {
        let message = other.shows(OBJECT, "True", "Degraded").await?;
        ensure!(message.contains("RoleNotOwned"), "{message}");
        Ok(())
    })
    .await?;
    other.roles.delete(OBJECT, &DeleteParams::default()).await?;
    other.gone(OBJECT).await?;
    eventually("the Secret of the copy is gone", async || {
        ensure!(other.secrets.get_opt(OBJECT).await?.is_none(), "it is there");
        Ok(())
    })
    .await?;
    ensure!(env.standing(OBJECT).await? == standing, "the copy changed the role");
    env.secrets.get_opt(OBJECT).await?.context("the Secret of the original is gone")?;
    tester.has_a_working_set(OBJECT).await.map(drop)
}
